"""Why is it not dialling: how many attempts of a campaign wait for what, with what can be done about it (SPEC 6).

The counts are stored, so they cost the same for one waiting attempt as for a million; what concerns the whole campaign,
its tenant or its connections is worked out at this moment, so it is true at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outdial.errors import NotFound
from outdial.operator.hints import HINTS
from outdial.operator.snapshot import one_moment
from outdial.operator.true_blockers import TrueBlockers, read_true_blockers
from outdial.postgres.reports import attempts as lists
from outdial.postgres.reports import capacity as reports
from outdial.rules.blocker import Blocker

if TYPE_CHECKING:
    import asyncpg


@dataclass(frozen=True, slots=True)
class Waiting:
    """So many attempts wait for that. `next_eligible_at`: when the first of them may go on, looked for among the oldest;
    Unix seconds, None = nobody can say."""

    blocker: Blocker
    attempts: int
    next_eligible_at: float | None
    hint: str


async def campaign_blockers(pool: asyncpg.Pool, campaign: str) -> tuple[Waiting, ...]:
    """The most frequent first. Raises `NotFound`."""
    async with one_moment(pool) as connection:
        tenant = await lists.owner(connection, campaign)
        if tenant is None:
            raise NotFound(f"there is no campaign named {campaign!r} (outdial show campaigns)")
        return (await read_blockers(connection, tenant, [campaign]))[campaign]


async def read_blockers(connection: Any, tenant: str, campaigns: Sequence[str]) -> dict[str, tuple[Waiting, ...]]:
    """The same for several campaigns of a tenant."""
    return await told_waits(connection, campaigns, await read_true_blockers(connection, tenant, campaigns))


async def told_waits(
    connection: Any, campaigns: Sequence[str], true: TrueBlockers, *, oldest: int = reports.OLDEST
) -> dict[str, tuple[Waiting, ...]]:
    """The same, with the limits around these campaigns known. `oldest`: attempts that the first time is looked for among."""
    counts = await reports.waits(connection, campaigns)
    soonest = await reports.soonest(connection, [wait for wait in counts if wait[1] != Blocker.IN_LINE], oldest)
    found: dict[str, dict[Blocker, Waiting]] = {campaign: {} for campaign in campaigns}
    for (campaign, stored), attempts in counts.items():
        derived = true.of(campaign, stored, soonest.get((campaign, stored)))
        known = found[campaign].get(derived.blocker)
        times = [at for at in (derived.next_eligible_at, known.next_eligible_at if known else None) if at is not None]
        found[campaign][derived.blocker] = Waiting(
            blocker=derived.blocker,
            attempts=attempts + (known.attempts if known else 0),
            next_eligible_at=min(times, default=None),
            hint=HINTS[derived.blocker],
        )
    return {
        campaign: tuple(sorted(waits.values(), key=lambda one: (-one.attempts, one.blocker)))
        for campaign, waits in found.items()
    }
