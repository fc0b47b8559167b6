"""The real services of a test session: what the environment names, else what is installed, else what can be installed.

Started when a test first asks, private to the session, gone with it. Never skipped: what cannot be had is an error.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from outdial.embedded.install import ensure_postgres, ensure_rabbitmq
from outdial.embedded.postgres import LocalPostgres, wheel_binaries
from outdial.embedded.rabbitmq import LocalRabbit
from outdial.postgres.migrate import migrate

MEMORY, NEEDED_BYTES = Path("/dev/shm"), 6 * 1024**3
"""Hundreds of databases come and go, each of some hundred files: on a disk's file system that costs more than the tests."""
UNPACKED = Path(__file__).resolve().parents[2] / ".services"


class Databases:
    """Fresh, migrated databases on one server, each a copy of a template that was migrated once."""

    def __init__(self, url_of: Callable[[str], str]) -> None:
        self._url_of = url_of
        self._template = f"outdial_template_{uuid.uuid4().hex[:8]}"
        self._made = False

    async def fresh(self) -> str:
        """The address of a new database that nobody else uses."""
        if not self._made:
            await self._execute(f"create database {self._template}")
            await migrate(self._url_of(self._template))
            self._made = True
        name = f"outdial_test_{uuid.uuid4().hex[:12]}"
        await self._execute(f"create database {name} template {self._template}")
        return self._url_of(name)

    async def drop(self, url: str) -> None:
        """Drop it, whoever is still connected."""
        await self._execute(f"drop database if exists {urlsplit(url).path.lstrip('/')} with (force)")

    async def clean(self) -> None:
        """Drop the template."""
        if self._made:
            await self._execute(f"drop database if exists {self._template} with (force)")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._url_of("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


class Services:
    """What a session started; `stop` ends it."""

    def __init__(self) -> None:
        self._servers: dict[str, LocalPostgres] = {}
        self._folders: list[Path] = []
        self._databases: dict[str, Databases] = {}
        self._rabbit: LocalRabbit | None = None

    def databases(self, kind: str) -> Databases:
        """`distribution`: the named, installed or fetched PostgreSQL; `embedded18`: the one in the wheel."""
        if kind not in self._databases:
            named = os.environ.get("OUTDIAL_TEST_DATABASE_URL") if kind == "distribution" else None
            self._databases[kind] = Databases(_within(named) if named else self._start(kind).url)
        return self._databases[kind]

    def amqp_url(self) -> str:
        """The named broker, else a private node."""
        named = os.environ.get("OUTDIAL_TEST_AMQP_URL")
        if named:
            return named
        return self.rabbit().url

    def rabbit(self) -> LocalRabbit:
        """The session's own node."""
        if self._rabbit is None:
            self._rabbit = ensure_rabbitmq(UNPACKED)
            self._rabbit.start()
        return self._rabbit

    def stop(self) -> None:
        """End everything that was started."""
        for server in self._servers.values():
            server.stop()
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        if self._rabbit is not None:
            self._rabbit.stop()

    def _start(self, kind: str) -> LocalPostgres:
        binaries = ensure_postgres(UNPACKED) if kind == "distribution" else wheel_binaries()
        assert binaries is not None, "the embedded extra is not installed: run make setup"
        server = LocalPostgres(binaries, self._in_memory(), durable=False, settings=("max_wal_size=128MB",))
        server.start()
        self._servers[kind] = server
        return server

    def _in_memory(self) -> Path | None:
        """A folder for a server's data, where there is memory enough; None = on disk."""
        if not _has_room(MEMORY):
            return None
        folder = Path(tempfile.mkdtemp(prefix="outdial-test-", dir=MEMORY))
        folder.chmod(0o755)
        self._folders.append(folder)
        return folder / "data"


def _has_room(folder: Path) -> bool:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
        return min(available, shutil.disk_usage(folder).free) >= NEEDED_BYTES and os.access(folder, os.W_OK)
    except (OSError, StopIteration):
        return False


def _within(url: str) -> Callable[[str], str]:
    parts = urlsplit(url)
    return lambda database: urlunsplit(parts._replace(path=f"/{database}"))
