"""Dead letters in the database: listed, fetched, marked as replayed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from outdial.postgres import statements
from outdial.postgres.pool import translate_errors

SQL = statements.load("dead")


async def list_dead(pool: asyncpg.Pool, at_most: int, *, replayed_too: bool = False) -> list[dict[str, Any]]:
    """What lies there, oldest first; bodies are left out, for they hold phone numbers."""
    with translate_errors():
        return [dict(row) for row in await pool.fetch(SQL["list_dead"], at_most, replayed_too)]


async def fetch_dead(pool: asyncpg.Pool, letters: Sequence[int] | None) -> list[asyncpg.Record]:
    """The letters with their bodies; None = all that were not replayed yet."""
    with translate_errors():
        return list(await pool.fetch(SQL["dead_by_id"], None if letters is None else list(letters)))


async def mark_replayed(pool: asyncpg.Pool, letters: Sequence[int], now: float) -> None:
    """They were published again."""
    with translate_errors():
        await pool.execute(SQL["mark_replayed"], list(letters), now)
