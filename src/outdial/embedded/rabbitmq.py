"""A private RabbitMQ node for tests and the demo: own ports, own folders, own epmd, loopback only, gone with us."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from outdial.embedded import children
from outdial.errors import BadConfiguration

START_WITHIN_S = 90.0
_HOMES = (Path("/usr/lib/rabbitmq"),)


def find_server(unpacked: Path | None = None) -> Path | None:
    """RabbitMQ's folder of scripts: the installed one, else one unpacked below the given folder; None = neither."""
    roots = [*_HOMES, *([unpacked / "usr/lib/rabbitmq"] if unpacked else [])]
    for root in roots:
        if (root / "bin/rabbitmq-server").exists():
            return root / "bin"
    return None


LEAST_PORT = 12_000
_GIVEN_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """A port nobody uses just now, and no connection is given: one of those may be taken before its owner listens."""
    for port in (*random.sample(range(LEAST_PORT, max(LEAST_PORT + 100, _first_given_port())), 100), 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise OSError("no free port")


def _first_given_port() -> int:
    """The system gives ports from here on to connections that ask for none."""
    try:
        return int(_GIVEN_PORTS.read_text(encoding="ascii").split()[0])
    except OSError:
        return 32_768


class LocalRabbit:
    """One node. `erlang`: the bin folder of an unpacked Erlang, None = the installed one."""

    def __init__(self, scripts: Path, erlang: Path | None = None) -> None:
        self._scripts, self._erlang = scripts, erlang
        self._work = Path(tempfile.mkdtemp(prefix="outdial-rmq-"))
        self._port, self._dist, self._epmd_port = free_port(), free_port(), free_port()
        self._name = f"t{secrets.token_hex(4)}@localhost"
        self._epmd: subprocess.Popen[bytes] | None = None
        self._node: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Its address; the guest account works on loopback only."""
        return f"amqp://guest:guest@127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Start it and wait for an AMQP handshake. Raises `BadConfiguration`."""
        (self._work / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self._port}\nloopback_users.guest = true\nlog.file.level = warning\n"
        )
        (self._work / "advanced.config").write_text("[{kernel,[{inet_dist_use_interface,{127,0,0,1}}]}].\n")
        (self._work / "enabled_plugins").write_text("[].\n")
        with (self._work / "node.log").open("ab") as log:
            self._epmd = children.start(
                [self._program("epmd"), "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                env=self._env(), log=log, user=None, death_signal=signal.SIGKILL, cwd=self._work,
            )  # fmt: skip
            self._node = children.start(
                [str(self._scripts / "rabbitmq-server")],
                env=self._env(), log=log, user=None, death_signal=signal.SIGKILL, cwd=self._work,
            )  # fmt: skip
        self._wait()

    def kill(self) -> None:
        """SIGKILL, for tests of crashes; `start` again recovers. Queues should be some seconds old by then (3.10.8)."""
        for process in (self._node, self._epmd):
            if process is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def stop(self) -> None:
        """End it; nothing of it is kept."""
        self.kill()
        shutil.rmtree(self._work, ignore_errors=True)

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl against it."""
        done = subprocess.run(
            [str(self._scripts / "rabbitmqctl"), "-n", self._name, *arguments],
            env=self._env(), capture_output=True, check=True, timeout=60,
        )  # fmt: skip
        return done.stdout.decode()

    def _program(self, name: str) -> str:
        return str(self._erlang / name) if self._erlang else (shutil.which(name) or name)

    def _env(self) -> dict[str, str]:
        path = os.pathsep.join(
            filter(None, [str(self._erlang) if self._erlang else "", "/usr/sbin:/usr/bin:/sbin:/bin"])
        )
        work = str(self._work)
        return {
            "PATH": path,
            "HOME": work,
            "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": self._name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_MNESIA_BASE": f"{work}/mnesia",
            "RABBITMQ_LOG_BASE": f"{work}/log",
            "RABBITMQ_PID_FILE": f"{work}/pid",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{work}/enabled_plugins",
            "RABBITMQ_CONFIG_FILE": f"{work}/rabbitmq",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{work}/advanced.config",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none +S 2:2",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    def _wait(self) -> None:
        until = time.monotonic() + START_WITHIN_S
        while not self._shakes_hands():
            if self._node is None or self._node.poll() is not None or time.monotonic() > until:
                tail = (self._work / "node.log").read_text(errors="replace")[-800:]
                raise BadConfiguration(f"RabbitMQ did not start: {tail}")
            time.sleep(0.1)

    def _shakes_hands(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as line:
                line.settimeout(5)
                line.sendall(b"AMQP\x00\x00\x09\x01")
                return line.recv(1) == b"\x01"
        except OSError:
            return False
