"""Sticky assignments at the database, as far as operators and upkeep touch them; calls go through the turn."""

from __future__ import annotations

from typing import Any

import asyncpg

from outdial.postgres import statements
from outdial.postgres.plan import assignment_of
from outdial.postgres.pool import translate_errors
from outdial.postgres.rows import Row
from outdial.rules.ids import CampaignId
from outdial.rules.sticky import Assignment

SQL = statements.load("sticky")
KEEP_EXPIRED_S = 86_400.0
"""So long an expired assignment can still be looked at."""
PURGE_AT_ONCE = 5_000
"""Rows that one statement of the purge looks at: some tens of milliseconds."""


async def of_contact(connection: Any, contact: str, campaign: str | None) -> list[Row]:
    """The contact's rows, by campaign, whether they hold or not."""
    return list(await connection.fetch(SQL["of_contact"], contact, campaign))


async def one(connection: Any, campaign: str, contact: str) -> Assignment | None:
    """The row as it stands, locked. The caller holds the tenant's limits row."""
    row = await connection.fetchrow(SQL["one"], campaign, contact)
    return assignment_of(row) if row is not None else None


async def clear(connection: Any, campaign: str, contact: str) -> None:
    """Forget one contact's number."""
    await connection.execute(SQL["clear"], campaign, contact)


async def raise_epoch(connection: Any, campaign: CampaignId) -> None:
    """All assignments of the campaign count as absent from the commit on, however many there are."""
    await connection.execute(SQL["raise_epoch"], campaign)


async def purge_void(pool: asyncpg.Pool, now: float, *, at_once: int = PURGE_AT_ONCE) -> int:
    """Delete what counts as absent anyway; how many. Small statements that wait for nobody: correctness needs none of it."""
    campaign, contact, purged = "", "", 0
    with translate_errors():
        while row := await pool.fetchrow(SQL["purge_void"], now - KEEP_EXPIRED_S, campaign, contact, at_once):
            campaign, contact = row["campaign"], row["contact"]
            purged += row["purged"]
    return purged
