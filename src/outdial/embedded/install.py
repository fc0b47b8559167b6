"""Gets RabbitMQ, PostgreSQL and Prometheus onto a bare Debian or Ubuntu: apt as root, else packages unpacked into a
folder of ours.

Used by `make test` and by `make demo BROKER=rabbitmq`. Every failure is one sentence that names the ways out.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from outdial.embedded import postgres, rabbitmq
from outdial.errors import BadConfiguration

RABBIT_PACKAGES = ("rabbitmq-server",)
POSTGRES_PACKAGES = ("postgresql",)
PROMETHEUS_PACKAGES = ("prometheus",)
CHROMIUM_PACKAGES = ("chromium", "fonts-dejavu-core")
"""Without a font a page has no letters."""
PROMETHEUS = "OUTDIAL_TEST_PROMETHEUS"
"""Environment: the folder with `prometheus` and `promtool`."""
_WAYS = (
    "name one in the environment ({variable}), install the package {package} yourself, "
    "or run on Debian or Ubuntu where apt can fetch it"
)


def ensure_postgres(services: Path) -> Path:
    """The folder of PostgreSQL's binaries, installing or unpacking it if there is none."""
    return _found_or_fetched(
        lambda: postgres.distribution_binaries() or _unpacked_postgres(services),
        "PostgreSQL 15 or later",
        POSTGRES_PACKAGES,
        services,
        "OUTDIAL_TEST_DATABASE_URL",
    )


def ensure_rabbitmq(services: Path) -> rabbitmq.LocalRabbit:
    """A private node, not started yet, installing or unpacking RabbitMQ if there is none."""
    found = _found_or_fetched(
        lambda: rabbitmq.find_server(services), "RabbitMQ", RABBIT_PACKAGES, services, "OUTDIAL_TEST_AMQP_URL"
    )
    erlang = services / "usr/lib/erlang/bin"
    return rabbitmq.LocalRabbit(found, erlang if (erlang / "erl").exists() else None)


def ensure_chromium(services: Path) -> Path:
    """The browser that the console's tests look with, installing or unpacking it if there is none."""
    return _found_or_fetched(
        lambda: _chromium(services), "Chromium", CHROMIUM_PACKAGES, services, "OUTDIAL_TEST_CHROMIUM"
    )


def ensure_prometheus(services: Path) -> Path:
    """The folder with `prometheus` and `promtool`, installing or unpacking them if there are none."""
    return _found_or_fetched(lambda: _prometheus(services), "Prometheus", PROMETHEUS_PACKAGES, services, PROMETHEUS)


def _found_or_fetched(
    find: Callable[[], Path | None], what: str, packages: Sequence[str], services: Path, variable: str
) -> Path:
    """What `find` finds, before or after the packages were fetched; two processes do not fetch at once. Raises
    `BadConfiguration` with the ways out."""
    found = find()
    if found is None:
        with _one_at_a_time(services):
            found = find()
            if found is None:
                _fetch(packages, services, variable)
                found = find()
    if found is None:
        raise BadConfiguration(_sentence(what, packages[0], variable))
    return found


def _chromium(services: Path) -> Path | None:
    """The one named in the environment, the machine's own, else the one unpacked."""
    named = os.environ.get("OUTDIAL_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return Path(named) if named else _unpacked_chromium(services)


def _unpacked_chromium(services: Path) -> Path | None:
    """A script of ours that starts it with the libraries and fonts that were unpacked with it; its own wants root's paths."""
    binary, script = services / "usr/lib/chromium/chromium", services / "chromium.sh"
    if not binary.exists():
        return None
    libraries = ":".join(sorted({str(one.parent) for one in (services / "usr/lib").glob("*-linux-*/**/lib*.so*")}))
    fonts = f"FONTCONFIG_SYSROOT={services} " if (services / "etc/fonts/fonts.conf").exists() else ""
    script.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={libraries} {fonts}exec {binary} "$@"\n')
    script.chmod(0o755)
    return script


def _prometheus(services: Path) -> Path | None:
    """Named in the environment, installed, or unpacked."""
    on_path = shutil.which("promtool")
    places = [os.environ.get(PROMETHEUS), on_path and Path(on_path).parent, services / "usr/bin"]
    return next((Path(one) for one in places if one and (Path(one) / "promtool").exists()), None)


def _unpacked_postgres(services: Path) -> Path | None:
    found = sorted(services.glob("usr/lib/postgresql/*/bin/postgres"))
    return found[-1].parent if found else None


def _sentence(what: str, package: str, variable: str) -> str:
    return f"{what} is needed and was not found: " + _WAYS.format(variable=variable, package=package)


@contextmanager
def _one_at_a_time(services: Path) -> Iterator[None]:
    services.mkdir(parents=True, exist_ok=True)
    with (services / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(packages: Sequence[str], services: Path, variable: str) -> None:
    if shutil.which("apt-get") is None:
        raise BadConfiguration(_sentence(packages[0], packages[0], variable))
    try:
        _install(packages) if os.geteuid() == 0 else _unpack(packages, services)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
        reason = said[-1] if said else f"exit code {error.returncode}"
        raise BadConfiguration(f"{_sentence(packages[0], packages[0], variable)}; apt said: {reason}") from None


def _run(*command: str, cwd: Path | None = None, env: dict[str, str] | None = None) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, cwd=cwd, env={**os.environ, **(env or {})}).stdout


def _install(packages: Sequence[str]) -> None:
    """As root. The packages must not start their own servers: a policy denies it for the length of the installation."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    _run("apt-get", "update", "-qq")
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, env=quiet)
    finally:
        if ours:
            policy.unlink(missing_ok=True)


def _unpack(packages: Sequence[str], services: Path) -> None:
    """Without root: own apt lists, packages downloaded with what they need, unpacked, and Erlang told where it lies."""
    state = services / "apt"
    for folder in ("lists/partial", "cache/archives/partial"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={state}/lists", "-o", f"Dir::Cache={state}/cache", "-o", "Debug::NoLocking=1"]
    _run("apt-get", *options, "update", "-qq")
    simulated = _run("apt-get", *options, "-s", "-y", "--no-install-recommends", "install", *packages).decode()
    names = re.findall(r"^Inst (\S+)", simulated, re.MULTILINE) or list(packages)
    downloads = state / "debs"
    downloads.mkdir(exist_ok=True)
    _run("apt-get", *options, "download", *names, cwd=downloads)
    for package in sorted(downloads.glob("*.deb")):
        _run("dpkg", "-x", str(package), str(services))
    for script in (services / "usr/lib/erlang/bin").glob("*"):
        if script.is_file() and script.stat().st_size < 65_536:
            text = script.read_bytes()
            if text.startswith(b"#!"):
                script.resolve().write_bytes(
                    text.replace(b"/usr/lib/erlang", str(services / "usr/lib/erlang").encode())
                )
    shutil.rmtree(downloads, ignore_errors=True)
