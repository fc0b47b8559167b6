"""What a campaign's capacity and its waiting attempts are told from (sql/reports_capacity.sql)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from outdial.postgres import statements
from outdial.postgres.rows import columns

SQL, LISTS = statements.load("reports_capacity"), statements.load("reports_attempts")
Wait = tuple[str, str]
"""(campaign, stored blocker)."""
OLDEST = 200
"""Attempts of each blocker that the soonest time is looked for among."""
LATEST = 1_000
"""Ended attempts that the mean time a slot is held is taken over."""


async def waits(connection: Any, campaigns: Sequence[str]) -> dict[Wait, int]:
    """How many attempts wait, those of no number left out."""
    rows = await connection.fetch(SQL["waits"], list(campaigns))
    return {(row["campaign"], row["blocker"]): row["attempts"] for row in rows}


async def soonest(connection: Any, of: Iterable[Wait], oldest: int = OLDEST) -> dict[Wait, float]:
    """When the first of them may go on, Unix seconds; missing = nobody can say. Needs an open transaction."""
    await connection.execute(LISTS["in_order"])  # just after a flood nobody has analysed the table yet
    rows = await connection.fetch(SQL["soonest"], *columns(sorted(of), 2), oldest)
    found = {(row["campaign"], row["blocker"]): row["next_eligible_at"] for row in rows}
    return {wait: at for wait, at in found.items() if at is not None}


async def held(connection: Any, campaigns: Sequence[str], since: float, latest: int = LATEST) -> dict[str, float]:
    """Seconds that each campaign's latest calls held their slots on average; missing = it had none since."""
    return {row["campaign"]: row["held_s"] for row in await connection.fetch(SQL["held"], campaigns, since, latest)}
