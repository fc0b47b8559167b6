"""Least privilege at the database: each role can run every statement of its own, and writes to nothing else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from outdial.postgres import statements
from outdial.postgres.pool import connect
from outdial.postgres.upkeep import UpkeepQueries
from tests.deploy.roles import FOLDER, RoleDatabase, database_with_roles
from tests.support.services import Services
from tests.support.statements import prepared_texts

REPORTS = ("attempts", "capacity", "explain", "health", "overview")
READ_CATALOGUE = ("read_version", "read_tenants", "read_connections", "read_numbers", "read_campaigns", "read_members")
WHOLE_FILES = {
    "daemon": ("intake", "plan", "settle", "recover", "relay", "upkeep", "weights"),
    "operator": ("cancel", "catalogue", "dead", "numbers", "sticky", "suppress", *(f"reports_{r}" for r in REPORTS)),
    "reader": ("reports_overview",),
}
SINGLE_BLOCKS: dict[str, dict[str, tuple[str, ...]]] = {
    "daemon": {
        "catalogue": READ_CATALOGUE,
        "numbers": ("hold_reported", "standing", "write_reports"),
        "sticky": ("purge_void",),
    },
    "operator": {"settle": ("bump_catalogue", "write_assignments")},
    "reader": {"upkeep": ("slots", "circuits", "waiting_by_blocker", "waiting_by_tenant", "waiting_by_campaign")},
}
_INSERTED = re.compile(r"\binsert into ([a-z_]+)")
_DELETED = re.compile(r"\bdelete from ([a-z_]+)")
BY_TRIGGERS = {"waiting_counts"}


@pytest.fixture(scope="module")
async def roles(services: Services) -> AsyncIterator[RoleDatabase]:
    """One for all tests: they only look, but for the months."""
    databases = services.databases("distribution")
    url = await databases.fresh()
    async with database_with_roles(url) as made:
        yield made
    await databases.drop(url)


def statements_of(role: str) -> Iterator[tuple[str, str]]:
    """Name and text of every statement that the role runs."""
    for file in WHOLE_FILES[role]:
        for name, text in prepared_texts(file):
            yield f"{file}.{name}", text
    for file, names in SINGLE_BLOCKS[role].items():
        for name in names:
            yield f"{file}.{name}", statements.load(file)[name]


@pytest.mark.parametrize("role", ["daemon", "operator", "reader"])
async def test_each_role_may_run_its_own_statements(roles: RoleDatabase, role: str) -> None:
    connection = await asyncpg.connect(roles.of(role))
    refused = []
    for name, text in statements_of(role):
        if text.split("\n")[-1].startswith("set "):
            continue
        prepared = await connection.prepare(text)
        try:
            # Explaining checks what executing would: the rights on every table, the locked ones included.
            await prepared.explain(*[None] * len(prepared.get_parameters()))
        except asyncpg.InsufficientPrivilegeError as error:
            refused.append(f"{name}: {error}")
    await connection.close()
    assert refused == []


@pytest.mark.parametrize("role", ["daemon", "operator"])
async def test_no_role_inserts_or_deletes_where_it_has_no_statement_for_it(roles: RoleDatabase, role: str) -> None:
    texts = [text for _, text in statements_of(role)]
    for kind, pattern in (("INSERT", _INSERTED), ("DELETE", _DELETED)):
        used = {table for text in texts for table in pattern.findall(text)}
        assert await granted(roles, role, kind) - BY_TRIGGERS == used - BY_TRIGGERS, kind


async def test_nobody_changes_the_audit_log_and_nobody_but_the_migrator_the_schema(roles: RoleDatabase) -> None:
    for role in ("daemon", "operator", "reader"):
        for order in (
            "truncate audit_log", "delete from audit_log", "update audit_log set who = ''", "drop table attempts",
            "create table mine (n int)", "create temporary table mine (n int)", "alter table calls add n int",
            "insert into schema_migrations values (9, 'x', 'y')",
        ):  # fmt: skip
            connection = await asyncpg.connect(roles.of(role))
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(order)
            await connection.close()


async def test_the_reader_sees_no_contacts(roles: RoleDatabase) -> None:
    connection = await asyncpg.connect(roles.of("reader"))
    for column in (
        "contact from attempts", "request from attempts", "contact from outcomes", "contact from calls",
        "contact from sticky", "contact from suppressions", "body from dead_letters", "headers from dead_letters",
        "contact from spam_signals", "failed_contacts from number_health", "body from outbox", "detail from audit_log",
        "contact from attempt_states", "decision from outcomes",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"select {column}")
    await connection.close()


async def test_the_daemon_makes_months_that_it_does_not_own(roles: RoleDatabase) -> None:
    pool = await connect(roles.of("daemon"))
    await UpkeepQueries(pool, None, 1).keep_house(1_790_000_000.0)  # 2026-09-21
    owner = "select pg_get_userbyid(relowner) from pg_class where relname = $1"
    assert await pool.fetchval(owner, "outcomes_2026_11") == "outdial_migrator"
    bounds = "select pg_get_expr(relpartbound, oid) from pg_class where relname = 'outcomes_2026_09'"
    await pool.execute("set timezone = 'UTC'")
    assert "('2026-09-01 00:00:00+00') TO ('2026-10-01 00:00:00+00')" in await pool.fetchval(bounds)
    await pool.close()


async def granted(roles: RoleDatabase, role: str, kind: str) -> set[str]:
    """The tables that the role may do this to."""
    connection = await asyncpg.connect(roles.owner)
    rows = await connection.fetch(
        "select table_name from information_schema.role_table_grants where grantee = $1 and privilege_type = $2",
        f"outdial_{role}",
        kind,
    )
    await connection.close()
    return {row["table_name"] for row in rows}


def test_every_table_is_thought_of() -> None:
    text = (FOLDER / "grants.sql").read_text()
    made = (FOLDER.parents[1] / "src/outdial/postgres/sql/migrations/0001_start.sql").read_text()
    tables = set(re.findall(r"^create table ([a-z_]+)", made, re.MULTILINE)) - {"outcomes_rest"}
    assert {table for table in tables if not re.search(rf"\b{table}\b", text)} == set()
