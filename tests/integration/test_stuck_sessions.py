"""A replica that stops between the parts of a statement holds its locks for ever: PostgreSQL takes it for active."""

from __future__ import annotations

import asyncio
import struct
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from outdial.postgres.pool import PoolOptions, connect
from outdial.postgres.upkeep import UpkeepQueries
from tests.support.daemon import pause

LOCK = "select 1 from catalogue_version for update"
STUCK = "select pid from pg_stat_activity where datname = current_database() and state = 'active' and wait_event = 'ClientRead'"


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body


@asynccontextmanager
async def half_a_statement(url: str, statement: str) -> AsyncIterator[None]:
    """A session that holds a lock in a transaction, and has sent the first part of its next statement."""
    parts = urlsplit(url)
    socket = parse_qs(parts.query)["host"][0] + f"/.s.PGSQL.{parse_qs(parts.query).get('port', ['5432'])[0]}"
    reader, writer = await asyncio.open_unix_connection(socket)
    name = PoolOptions().application_name
    settings = b"\0".join(
        text.encode()
        for text in ("user", parts.username or "postgres", "database", parts.path[1:], "application_name", name)
    )
    writer.write(struct.pack("!II", len(settings) + 10, 196_608) + settings + b"\0\0")
    await reader.readuntil(b"Z\0\0\0\5I")
    writer.write(_message(b"Q", f"begin; {LOCK}\0".encode()))
    await reader.readuntil(b"Z\0\0\0\5T")
    writer.write(_message(b"P", b"\0" + statement.encode() + b"\0\0\0") + _message(b"H", b""))
    try:
        yield
    finally:
        writer.close()


@pytest.mark.parametrize(("statement", "ends"), [("select 2", True), ("copy attempts from stdin", False)])
async def test_it_is_ended_after_ten_seconds_and_copying_is_left_alone(
    database_url: str, statement: str, ends: bool
) -> None:
    pool = await connect(database_url)
    queries = UpkeepQueries(pool, uuid.uuid4(), 1)
    async with half_a_statement(database_url, statement), asyncio.timeout(60):
        while not await pool.fetchval(STUCK):
            await pause()
        assert await queries.heartbeat(time.time()) == 0, "it may only be slow"
        began = (
            "select clock_timestamp() - min(state_change) > interval '10.5 s' from pg_stat_activity where pid = any($1)"
        )
        pids = [row["pid"] for row in await pool.fetch(STUCK)]
        while not await pool.fetchval(began, pids):
            await pause()
        assert await queries.heartbeat(time.time()) == int(ends)
        if ends:
            await pool.fetchval(LOCK)  # waits no longer than the lock timeout
        else:
            with pytest.raises(asyncpg.LockNotAvailableError):
                await pool.fetchval(f"{LOCK} nowait")
    await pool.close()
