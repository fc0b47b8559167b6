"""Dead letters in the database: listed, read, marked as replayed, given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from outdial.postgres import catalogue, statements
from outdial.postgres.pool import translate_errors

SQL = statements.load("dead")


async def list_dead(
    pool: asyncpg.Pool, at_most: int, *, after: int = 0, replayed_too: bool = False
) -> list[asyncpg.Record]:
    """What lies there behind the letter `after`, oldest first; bodies are left out, for they hold phone numbers."""
    with translate_errors():
        return list(await pool.fetch(SQL["list_dead"], at_most, after, replayed_too))


async def read_dead(pool: asyncpg.Pool, letter: int) -> asyncpg.Record | None:
    """One with body and headers; None = not there."""
    with translate_errors():
        return await pool.fetchrow(SQL["read_dead"], letter)


async def fetch_dead(pool: asyncpg.Pool, letters: Sequence[int] | None) -> list[asyncpg.Record]:
    """The letters with their bodies; None = all that were not replayed yet."""
    with translate_errors():
        return list(await pool.fetch(SQL["dead_by_id"], None if letters is None else list(letters)))


async def mark_replayed(pool: asyncpg.Pool, letters: Sequence[int], *, who: str, why: str) -> None:
    """They were published again."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(SQL["mark_replayed"], list(letters))
            for letter in letters:
                await _record(connection, "dead.replay", letter, who=who, why=why, detail={})


async def discard(pool: asyncpg.Pool, letters: Sequence[int], *, who: str, why: str) -> int:
    """Delete them; how many were there."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(SQL["discard_dead"], list(letters))
            for row in rows:
                detail = {"tenant": row["routing_key"], "reason": row["reason"]}
                await _record(connection, "dead.discard", row["letter"], who=who, why=why, detail=detail)
    return len(rows)


async def _record(connection: Any, action: str, letter: int, *, who: str, why: str, detail: dict[str, object]) -> None:
    subject = f"dead_letter/{letter}"
    await catalogue.record(connection, who=who, why=why, action=action, subject=subject, detail=detail)
