"""Cancelling attempts: what waits ends, what is not answered yet is hung up, what nobody knows yet is remembered for 7 days.

Only marks are set here, in small transactions; the replicas end what is marked, with its events. So a campaign with a
million waiting attempts is canceled without holding up anybody's calls.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from outdial.errors import BadInput, NotFound
from outdial.postgres import cancel as store
from outdial.postgres.pool import translate_errors
from outdial.postgres.reports import attempts as lists
from outdial.postgres.reports import explain as reports
from outdial.postgres.suppress import lock_tenant

if TYPE_CHECKING:
    import asyncpg

AT_ONCE = 1_000
"""Attempts of one transaction: it holds the tenant's mutex for some ten milliseconds."""
PASSES = 3
"""Over a whole campaign: attempts move while it is canceled, and producers may go on."""
HELD_PAUSE_S, HELD_TRIES = 0.05, 40
"""An attempt that a turn has in hand is free again within milliseconds."""
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Canceled:
    """What became of them. `waiting`: ended by a replica at once; `calling`: hung up unless answered first;
    `remembered`: not known yet, refused when they come within 7 days; too late: `answered` and `ended`."""

    waiting: int = 0
    calling: int = 0
    remembered: int = 0
    answered: int = 0
    ended: int = 0


async def cancel_attempts(
    pool: asyncpg.Pool, attempts: Sequence[UUID], *, tenant: str | None = None, who: str, why: str
) -> Canceled:
    """`tenant` None = whoever has them. Raises `NotFound` for ids that nobody has when no tenant is named, `BadInput`."""
    found: Counter[str] = Counter()
    for owner, ids in (await _by_tenant(pool, attempts, tenant)).items():
        for at in range(0, len(ids), AT_ONCE):
            found += await _cancel(pool, owner, ids[at : at + AT_ONCE], who, why, f"tenant/{owner}")
    return _told(found)


async def cancel_campaign(
    pool: asyncpg.Pool, campaign: str, *, who: str, why: str, progress: Callable[[int], None] = lambda _: None
) -> Canceled:
    """Everything of the campaign that waits or is not answered yet. `progress` hears how many are done. Raises `NotFound`."""
    with translate_errors():
        tenant = await lists.owner(pool, campaign)
    if tenant is None:
        raise NotFound(f"there is no campaign named {campaign!r} (outdial show campaigns)")
    found: Counter[str] = Counter()
    for _ in range(PASSES):
        before, after = found.total(), _FIRST
        while True:
            with translate_errors():
                ids = await store.waiting_page(pool, tenant, campaign, after, AT_ONCE)
            if not ids:
                break
            found += await _cancel(pool, tenant, ids, who, why, f"campaign/{campaign}")
            after = ids[-1]
            progress(found.total())
        with translate_errors():
            calls = await store.calls_of(pool, tenant, campaign)
        if calls:
            found += await _cancel(pool, tenant, calls, who, why, f"campaign/{campaign}")
        if found.total() == before:
            break
    return _told(found)


async def _by_tenant(pool: asyncpg.Pool, attempts: Sequence[UUID], tenant: str | None) -> dict[str, list[UUID]]:
    ids = sorted(set(attempts))
    with translate_errors():
        if tenant is not None:
            if not await lists.knows_tenant(pool, tenant):
                raise NotFound(f"there is no tenant named {tenant!r} (outdial show tenants)")
            return {tenant: ids}
        owners = await store.tenants_of(pool, ids)
    by_tenant: dict[str, list[UUID]] = {}
    for one in ids:
        names = owners.get(one, [])
        if not names:
            raise NotFound(f"there is no attempt {one} (with --tenant it is remembered, in case it comes later)")
        if len(names) > 1:
            raise BadInput("tenant", f"attempt {one} is known of {', '.join(names)}", "name one of them")
        by_tenant.setdefault(names[0], []).append(one)
    return by_tenant


async def _cancel(
    pool: asyncpg.Pool, tenant: str, ids: Sequence[UUID], who: str, why: str, subject: str
) -> Counter[str]:
    """Cancel some of one tenant; those that a turn has in hand are tried again, and are remembered in any case."""
    became: dict[UUID, str] = {}
    rest = list(ids)
    for _ in range(HELD_TRIES):
        with translate_errors():
            async with pool.acquire() as connection, connection.transaction():
                became |= await _cancel_under_lock(connection, tenant, rest)
                if rest == list(ids):
                    detail: dict[str, Any] = {"attempts": len(ids)} | (
                        {"attempt": str(ids[0])} if len(ids) == 1 else {}
                    )
                    await store.note(connection, await reports.clock(connection), who, why, subject, detail)
        rest = [one for one in rest if became[one] == "held"]
        if not rest:
            break
        await asyncio.sleep(HELD_PAUSE_S)
    return Counter(became.values())


async def _cancel_under_lock(connection: Any, tenant: str, ids: Sequence[UUID]) -> dict[UUID, str]:
    await lock_tenant(connection, tenant)
    return await store.cancel(connection, tenant, ids, await reports.clock(connection))


def _told(found: Counter[str]) -> Canceled:
    return Canceled(
        waiting=found["waiting"] + found["held"],
        calling=found["calling"],
        remembered=found["unknown"],
        answered=found["answered"],
        ended=found["ended"],
    )
