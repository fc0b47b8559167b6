"""Who is served next: round robin over tenants, then over that tenant's campaigns (SPEC 6).

A `Rota` keeps one count per active key: who was served least goes first, and whoever comes back after a rest starts
level with the others, so neither a flood nor an absence is rewarded. Cost: the logarithm of the active keys.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from outdial.rules.ids import CampaignId, TenantId

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Rota(Generic[K]):
    """Counts how often each active key was served since it became active."""

    def __init__(self) -> None:
        self._served: dict[K, float] = {}

    def order(self, active: Iterable[K]) -> list[K]:
        """The active keys, least served first (ties keep the given order); keys that are not active are forgotten."""
        active = list(active)
        level = min((self._served[key] for key in active if key in self._served), default=0.0)
        self._served = {key: self._served.get(key, level) for key in active}
        return sorted(active, key=self._served.__getitem__)

    def among(self, some: Iterable[K]) -> list[K]:
        """Some of the active keys, least served first; the others, who wait for their turn, are not forgotten."""
        some = list(some)
        level = min(self._served.values(), default=0.0)
        for key in some:
            self._served.setdefault(key, level)
        return sorted(some, key=self._served.__getitem__)

    def served(self, key: K, times: float = 1.0) -> None:
        """The key was served."""
        if key in self._served:
            self._served[key] += times

    def count(self, key: K) -> float:
        """How often the key was served, for ordering."""
        return self._served.get(key, 0.0)


class Dealer(Generic[T]):
    """Deals the claimed items of one turn: tenant by tenant, campaign by campaign, in order inside a campaign.

    The caller says what became of an item: `charge` when its tenant was served, `without_*` when nobody of that
    tenant, campaign can be served any more. An item that is neither is simply not dealt again.
    """

    def __init__(
        self,
        queues: Mapping[TenantId, Mapping[CampaignId, Sequence[T]]],
        tenants: Rota[TenantId],
        campaigns: Rota[CampaignId],
    ) -> None:
        self._tenants, self._campaigns = tenants, campaigns
        self._queues: dict[TenantId, dict[CampaignId, deque[T]]] = {}
        order = tenants.among(queues)
        for tenant in order:
            self._queues[tenant] = {name: deque(items) for name, items in queues[tenant].items() if items}
        campaigns.among([name for by_campaign in self._queues.values() for name in by_campaign])
        self._heap = [(tenants.count(tenant), turn, tenant) for turn, tenant in enumerate(order)]
        heapq.heapify(self._heap)
        self._turn = len(self._heap)

    def next(self) -> T | None:
        """The item whose tenant, then campaign, was served least; None = all dealt."""
        while self._heap:
            count, _, tenant = heapq.heappop(self._heap)
            queues = self._queues.get(tenant)
            if not queues:
                continue
            self._push(tenant)
            if count < self._tenants.count(tenant):  # served since it was put there
                continue
            campaign = min(queues, key=self._campaigns.count)
            item = queues[campaign].popleft()
            if not queues[campaign]:
                del queues[campaign]
            return item
        return None

    def charge(self, tenant: TenantId, campaign: CampaignId) -> None:
        """That tenant and campaign were served once."""
        self._tenants.served(tenant)
        self._campaigns.served(campaign)

    def without_tenant(self, tenant: TenantId) -> None:
        """Deal nothing more of that tenant in this turn."""
        self._queues.pop(tenant, None)

    def without_campaign(self, tenant: TenantId, campaign: CampaignId) -> None:
        """Deal nothing more of that campaign in this turn."""
        self._queues.get(tenant, {}).pop(campaign, None)

    def _push(self, tenant: TenantId) -> None:
        self._turn += 1
        heapq.heappush(self._heap, (self._tenants.count(tenant), self._turn, tenant))


def allot(tenants: Sequence[K], room: Callable[[K, int], int], budget: int) -> dict[K, int]:
    """Share `budget` claims over tenants in the given order, in equal rounds: one each, then two, then four.

    So scarce room goes to as many tenants as possible, and ample room costs few rounds. Who is left alone gets the rest.
    `room(tenant, wanted)` says how many of `wanted` more that tenant can use, and remembers that they are taken.
    """
    asked: dict[K, int] = {}
    hungry, quantum = list(tenants), 1
    while hungry and budget > 0:
        still_hungry = []
        for tenant in hungry:
            if budget <= 0:
                break
            wanted = min(quantum, budget) if len(hungry) > 1 else budget
            got = room(tenant, wanted)
            budget -= got
            asked[tenant] = asked.get(tenant, 0) + got
            if got == wanted:
                still_hungry.append(tenant)
        hungry, quantum = still_hungry, quantum * 2
    return {tenant: count for tenant, count in asked.items() if count}
