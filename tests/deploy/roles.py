"""The roles of deploy/postgres on a database of its own: made by roles.sql, filled by the migrator, granted by grants.sql."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from outdial.postgres.migrate import grant, migrate

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "postgres"
ROLES = ("migrator", "daemon", "operator", "reader")


@dataclass(frozen=True, slots=True)
class RoleDatabase:
    """`owner`: the address for whoever may do all; `of`: the address of a role's login."""

    owner: str
    logins: dict[str, str]

    def of(self, role: str) -> str:
        """The address for `migrator`, `daemon`, `operator` or `reader`."""
        return as_user(self.owner, self.logins[role])


def as_user(url: str, user: str) -> str:
    """The same database for another login, which needs no password on a server of the tests."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:secret-word@{parts.netloc.rpartition('@')[2]}"))


@asynccontextmanager
async def database_with_roles(server_url: str) -> AsyncIterator[RoleDatabase]:
    """As docs/how-to/deploy-on-kubernetes.md says it is done. `server_url`: of any database on the server."""
    name = f"outdial_roles_{uuid.uuid4().hex[:8]}"
    owner = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    logins = {role: f"{role}_{name[-8:]}" for role in ROLES}
    boss = await asyncpg.connect(server_url)
    await boss.execute(f"create database {name}")
    try:
        inside = await asyncpg.connect(owner)
        for _ in range(2):  # running it again changes nothing
            await inside.execute((FOLDER / "roles.sql").read_text())
        for role, login in logins.items():
            await inside.execute(f"create role {login} login password 'secret-word' in role outdial_{role}")
        await inside.execute(f"alter role {logins['migrator']} set role = outdial_migrator")
        await inside.close()
        made = RoleDatabase(owner, logins)
        await migrate(made.of("migrator"))
        for _ in range(2):
            await grant(made.of("migrator"), (FOLDER / "grants.sql").read_text())
        yield made
    finally:
        await boss.execute(f"drop database {name} with (force)")
        for login in logins.values():
            await boss.execute(f"drop role if exists {login}")
        await boss.close()
