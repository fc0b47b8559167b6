"""What the health of pools and numbers is told from (sql/reports_health.sql)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outdial.postgres import statements
from outdial.postgres.rows import Row, columns

SQL, LISTS = statements.load("reports_health"), statements.load("reports_attempts")
Member = tuple[str, str]
"""(campaign, number)."""
SPAN_S = 10_800.0
"""A day has eight of them: enough calls in each for a rate, and enough of them for a trend."""


async def campaign_day(connection: Any, campaign: str, since: float) -> list[Row]:
    """How the campaign's calls ended: campaign, number, outcome, counted, calls, begun, span (0 begins at `since`)."""
    return list(await connection.fetch(SQL["campaign_day"], campaign, since, SPAN_S))


async def number_day(connection: Any, number: str, since: float) -> list[Row]:
    """How the calls from the number ended: the same columns. Needs an open transaction."""
    await connection.execute(
        LISTS["in_order"]
    )  # else every campaign's index of the day is read through beside the number's
    return list(await connection.fetch(SQL["number_day"], number, since, SPAN_S))


async def campaign_sticky(connection: Any, campaign: str, now: float) -> dict[Member, int]:
    """How many contacts stick to each number of the campaign."""
    rows = await connection.fetch(SQL["campaign_sticky"], campaign, now)
    return {(campaign, row["number"]): row["contacts"] for row in rows}


async def number_sticky(connection: Any, number: str, now: float) -> dict[Member, int]:
    """How many contacts stick to the number in each campaign."""
    rows = await connection.fetch(SQL["number_sticky"], number, now)
    return {(row["campaign"], number): row["contacts"] for row in rows}


async def last_used(connection: Any, members: Sequence[Member]) -> list[Row]:
    """Of each member: campaign, number, begun (its latest call under way), settled (when a call was last settled)."""
    return list(await connection.fetch(SQL["last_used"], *columns(members, 2)))


async def spam_reports(connection: Any, numbers: Sequence[str]) -> list[Row]:
    """What was reported of these numbers: number, source, score, why, reported_at; the worst first."""
    return list(await connection.fetch(SQL["reports"], list(numbers)))


async def hours(connection: Any, number: str, since: float) -> list[tuple[float, int]]:
    """(hour, dials) of the number over all campaigns."""
    return [(row["hour"], row["dials"]) for row in await connection.fetch(SQL["hours"], number, since)]
