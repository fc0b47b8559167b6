"""The driver's exceptions end at the edge: whatever PostgreSQL's restart makes it raise, the story is told to try again."""

from __future__ import annotations

import uuid

import asyncpg
import pytest

from outdial.errors import DatabaseUnavailable
from outdial.postgres.pool import PoolOptions, connect, translate_errors
from outdial.postgres.store import PostgresStore


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.InterfaceError("the underlying connection is closed"),
        asyncpg.exceptions.AdminShutdownError("terminating connection"),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_lost_connection_is_nothing_to_die_of(error: Exception) -> None:
    with pytest.raises(DatabaseUnavailable), translate_errors():
        raise error


async def test_a_connection_that_hangs_in_a_statement_is_not_handed_out_again(database_url: str) -> None:
    pool = await connect(database_url, PoolOptions(min_size=1, max_size=1))
    store = PostgresStore(pool, uuid.uuid4(), 1)
    first = await pool.fetchval("select pg_backend_pid()")
    with pytest.raises(DatabaseUnavailable):
        async with store.turn():
            raise asyncpg.InternalClientError("another operation is in progress")
    assert await store.lines() == []
    assert await pool.fetchval("select pg_backend_pid()") != first
    await pool.close()
