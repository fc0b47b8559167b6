"""Migrations on a real, empty database: in order, once, by any number of replicas at the same moment."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from outdial.errors import DatabaseRefused, DatabaseUnavailable
from outdial.postgres.migrate import Migration, SchemaMismatch, check, check_on, migrate, shipped_migrations
from tests.support.services import Services

ONE = "create table one (id integer primary key);\ninsert into one values (1);"
TWO = "alter table one add column word text;"
CONCURRENT = """-- Must not lock the table for its whole time.
-- outdial: no transaction
drop index concurrently if exists one_word;
create index concurrently one_word
    on one (word);
"""


@pytest.fixture
async def empty_url(services: Services) -> AsyncIterator[str]:
    """A database without any schema."""
    server = urlsplit(await services.databases("distribution").fresh())
    name = f"outdial_empty_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(urlunsplit(server))
    await admin.execute(f"create database {name}")
    yield urlunsplit(server._replace(path=f"/{name}"))
    await admin.execute(f"drop database {name} with (force)")
    await admin.close()
    await services.databases("distribution").drop(urlunsplit(server))


def files(folder: Path, **texts: str) -> tuple[Migration, ...]:
    for name, text in texts.items():
        (folder / f"{name.removeprefix('m')}.sql").write_text(text)
    return shipped_migrations(folder)


async def fetch(url: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def test_the_shipped_migrations_bring_an_empty_database_up_to_date(empty_url: str) -> None:
    names = [migration.name for migration in shipped_migrations()]
    assert (await check(empty_url)).pending == tuple(names)
    assert await migrate(empty_url) == names
    assert (await check(empty_url)).up_to_date
    assert await migrate(empty_url) == []


async def test_what_came_later_is_applied_alone_and_in_order(empty_url: str, tmp_path: Path) -> None:
    await migrate(empty_url, files(tmp_path, m0001_one=ONE))
    all_of_them = files(tmp_path, m0002_two=TWO, m0003_three="insert into one values (2, 'x');")
    state = await check(empty_url, all_of_them)
    assert (state.behind, state.pending) == (True, ("0002_two", "0003_three"))
    assert await migrate(empty_url, all_of_them) == ["0002_two", "0003_three"]
    rows = await fetch(empty_url, "select version, name, applied_at is not null from schema_migrations order by 1")
    assert [tuple(row) for row in rows] == [(1, "0001_one", True), (2, "0002_two", True), (3, "0003_three", True)]


async def test_many_replicas_at_once_apply_each_file_once(empty_url: str, tmp_path: Path) -> None:
    migrations = files(tmp_path, m0001_one=ONE, m0002_two=TWO, m0003_index=CONCURRENT)
    done = await asyncio.gather(*(migrate(empty_url, migrations) for _ in range(6)))
    assert sorted(name for names in done for name in names) == ["0001_one", "0002_two", "0003_index"]
    assert len(await fetch(empty_url, "select from one")) == 1


async def test_a_file_that_fails_leaves_nothing_and_those_before_it_stay(empty_url: str, tmp_path: Path) -> None:
    migrations = files(tmp_path, m0001_one=ONE, m0002_bad="create table two (id integer); select 1 / 0;")
    with pytest.raises(DatabaseRefused):
        await migrate(empty_url, migrations)
    assert (await check(empty_url, migrations)).pending == ("0002_bad",)
    assert await fetch(empty_url, "select from pg_tables where tablename = 'two'") == []


async def test_a_file_without_transaction_builds_an_index_concurrently(empty_url: str, tmp_path: Path) -> None:
    migrations = files(tmp_path, m0001_one=ONE, m0002_two=TWO, m0003_index=CONCURRENT)
    assert len(migrations[2].statements) == 2
    await migrate(empty_url, migrations)
    valid = "select indisvalid from pg_index where indexrelid = 'one_word'::regclass"
    assert [row["indisvalid"] for row in await fetch(empty_url, valid)] == [True]


async def test_a_file_without_transaction_that_was_cut_short_is_run_again(empty_url: str, tmp_path: Path) -> None:
    """As after a crash between its last statement and the ledger's entry."""
    migrations = files(tmp_path, m0001_one=ONE, m0002_two=TWO, m0003_index=CONCURRENT)
    await migrate(empty_url, migrations)
    await fetch(empty_url, "delete from schema_migrations where version = 3")
    assert await migrate(empty_url, migrations) == ["0003_index"]


async def test_an_edited_file_is_refused(empty_url: str, tmp_path: Path) -> None:
    await migrate(empty_url, files(tmp_path, m0001_one=ONE))
    edited = files(tmp_path, m0001_one=ONE + " -- a word")
    for attempt in (migrate, check):
        with pytest.raises(SchemaMismatch, match=r"0001_one\.sql was changed after it had been applied"):
            await attempt(empty_url, edited)


async def test_line_endings_do_not_count_as_an_edit(empty_url: str, tmp_path: Path) -> None:
    await migrate(empty_url, files(tmp_path, m0001_one=ONE))
    assert await migrate(empty_url, files(tmp_path, m0001_one=ONE.replace("\n", "\r\n"))) == []


async def test_a_newer_database_is_refused_and_told(empty_url: str, tmp_path: Path) -> None:
    newer = files(tmp_path, m0001_one=ONE, m0002_two=TWO)
    await migrate(empty_url, newer)
    state = await check(empty_url, newer[:1])
    assert (state.ahead, state.behind, state.unknown) == (True, False, ("0002_two",))
    with pytest.raises(SchemaMismatch, match=r"0002_two.*a newer outdial has run here"):
        await migrate(empty_url, newer[:1])


async def test_readiness_asks_on_a_connection_that_is_there(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        assert (await check_on(connection)).up_to_date
    finally:
        await connection.close()


async def test_a_database_that_cannot_be_reached_is_told_as_such() -> None:
    with pytest.raises(DatabaseUnavailable):
        await migrate("postgresql://nobody@127.0.0.1:1/nothing")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0001_a", "0003_c"], "the next number must be 0002"),
        (["0001_a", "0001_b"], "the next number must be 0002"),
        (["1_a"], "must look like 0002_what_it_does.sql"),
    ],
)
def test_numbers_without_gaps(names: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        files(tmp_path, **{f"m{name}": "select 1;" for name in names})
