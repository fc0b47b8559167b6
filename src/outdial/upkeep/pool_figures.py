"""How the pools that are in use stand, for metrics: what waits, ceiling and free slots, how many numbers may call.

Worked out from the limits and the waiting room's counts, by the rules that operators' capacity goes by. Only the busiest
campaigns are looked at, so the cost does not grow with the catalogue.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from outdial.clock import Clock
from outdial.ports.catalogue import Pools, PoolView
from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.ids import CampaignId
from outdial.rules.pool import Member
from outdial.rules.pool_capacity import pool_capacity
from outdial.telemetry.metrics import Metrics, PoolFigures

NO_ROOM = Limit(max_calls=0)
"""For what has no limits row any more."""


class LimitsNow(Protocol):
    """What is asked of the database."""

    async def limits(self) -> Mapping[LimitKey, Limit]:
        """All limits as they stand, unlocked."""


class WaitingCounts(Protocol):
    """The waiting room's counts."""

    async def waiting_by_campaign(self) -> Sequence[tuple[str, str, int]]:
        """(campaign, blocker, attempts), cheap however many they are."""


class PoolGauges:
    """Shows the pools of one replica."""

    def __init__(self, store: LimitsNow, counts: WaitingCounts, pools: Pools, clock: Clock, metrics: Metrics) -> None:
        self._store, self._counts, self._pools, self._clock, self._metrics = store, counts, pools, clock, metrics

    async def look(self) -> None:
        """One look at all of them."""
        limits = await self._store.limits()
        waiting = await self._counts.waiting_by_campaign()
        by_campaign: dict[str, Counter[str]] = {}
        for campaign, blocker, count in waiting:
            by_campaign.setdefault(campaign, Counter())[blocker] += count
        self._metrics.scopes.admit(_busiest(limits, by_campaign))
        shown = [(name, self._pools.view(CampaignId(name))) for name in self._metrics.scopes.campaigns()]
        self._metrics.show_pools(
            [
                figures_of(view, limits, by_campaign.get(name, Counter()), self._clock.now())
                for name, view in shown
                if view is not None
            ]
        )


def _busiest(limits: Mapping[LimitKey, Limit], waiting: Mapping[str, Counter[str]]) -> list[str]:
    """Campaigns with calls or waiting attempts, those with most calls first."""
    calls = {key.id: limit.in_use for key, limit in limits.items() if key.kind is LimitKind.CAMPAIGN}
    active = {name for name, count in calls.items() if count} | set(waiting)
    return sorted(active, key=lambda name: (-calls.get(name, 0), -waiting.get(name, Counter()).total(), name))


def figures_of(view: PoolView, limits: Mapping[LimitKey, Limit], waiting: Mapping[str, int], now: float) -> PoolFigures:
    """One pool. `waiting`: attempts by blocker; `now` in Unix seconds."""
    members = view.index.picture.members
    eligible = Counter(one.connection for one in members if one.static_skip is None)
    capacity = pool_capacity(
        limits.get(LimitKey(LimitKind.TENANT, view.policy.tenant), NO_ROOM),
        limits.get(LimitKey(LimitKind.CAMPAIGN, view.policy.campaign), NO_ROOM),
        {name: limits.get(LimitKey(LimitKind.CONNECTION, name), NO_ROOM) for name in eligible},
        eligible,
        now,
    )
    return PoolFigures(
        campaign=view.policy.campaign,
        waiting=sum(waiting.values()),
        in_line=waiting.get(Blocker.IN_LINE, 0),
        ceiling=capacity.ceiling,
        free_now=capacity.free_now,
        binds=tuple(capacity.binds),
        numbers=Counter(map(_state, members)),
    )


def _state(member: Member) -> str:
    if member.static_skip is not None:
        return member.static_skip.value
    return "resting" if member.resting else "usable"
