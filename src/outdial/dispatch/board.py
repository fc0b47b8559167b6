"""What this replica believes about work and room: lines with runnable attempts, limits as last seen.

It is a hint, never the truth: `asks` only decides how many attempts a turn claims from which line. What is too
optimistic is refused under the lock and corrects the belief; what is too pessimistic is corrected by the poll.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from outdial.ports.catalogue import Pools
from outdial.ports.store import ANY_LINE, Line, LineAsk
from outdial.rules.capacity import Limit, LimitKey, LimitKind, Slots
from outdial.rules.fairness import Rota, allot
from outdial.rules.ids import CampaignId, ConnectionId, TenantId

ALONE = 0.6
"""A turn for nothing but paced starts is taken when one is due within this part of the horizon. Until then they ride with
turns that are taken anyway: replicas that look all at the same moment win one start and lock out each other's turns."""


class Board:
    """Hints for the next turn. `batch`: how many attempts a turn claims at most; `ahead_s`: how early an intent may be."""

    def __init__(self, pools: Pools, *, batch: int, ahead_s: float) -> None:
        self._pools, self._batch, self._ahead_s = pools, batch, ahead_s
        self._lines: dict[CampaignId, dict[str, int]] = {}
        self._additions = 0
        self._able: dict[CampaignId, frozenset[ConnectionId]] = {}
        self._limits: dict[LimitKey, Limit] = {}
        self.tenants: Rota[TenantId] = Rota()
        self.campaigns: Rota[CampaignId] = Rota()

    def add(self, lines: Iterable[Line]) -> None:
        """These lines have work."""
        for campaign, line in lines:
            self._additions += 1
            self._lines.setdefault(campaign, {})[line] = self._additions

    def add_campaigns(self, campaigns: Iterable[CampaignId]) -> None:
        """The any-lines of these campaigns have work."""
        self.add(Line(campaign, ANY_LINE) for campaign in campaigns)

    def mark(self) -> int:
        """Taken before the database is asked: what is added later, its answer may not know yet."""
        return self._additions

    def replace(self, lines: Iterable[Line], mark: int) -> None:
        """The poll's answer: these lines have work, those that were added since the mark too, and no others."""
        since = [Line(campaign, line) for campaign, by in self._lines.items() for line, at in by.items() if at > mark]
        self._lines = {}
        self.add([*lines, *since])

    def rerouted(self) -> list[CampaignId]:
        """Campaigns whose attempts wait in connections' lines, although other connections can serve them than when this
        was last asked: a number came, left or is out."""
        found = []
        for campaign, lines in self._lines.items():
            view = self._pools.view(campaign)
            if view is None:
                continue
            if lines.keys() - {ANY_LINE} and self._able.get(campaign) != view.index.able:
                found.append(campaign)
            self._able[campaign] = view.index.able
        return found

    def emptied(self, lines: Iterable[Line], mark: int) -> None:
        """Nothing waited in these lines, neither for us nor for another replica; what was added since the mark stays."""
        for campaign, line in lines:
            known = self._lines.get(campaign, {})
            if known.get(line, mark + 1) <= mark:
                del known[line]
            if not known:
                self._lines.pop(campaign, None)

    def saw(self, limits: Mapping[LimitKey, Limit]) -> None:
        """Limits as a turn left them, or as the poll read them."""
        self._limits.update(limits)

    def limit(self, key: LimitKey) -> Limit | None:
        """The limit as last seen."""
        return self._limits.get(key)

    def may_start(self, connection: ConnectionId, now: float, part: float = 1.0) -> bool:
        """Whether a call may start through it within that part of the horizon, as far as this replica knows."""
        limit = self._limits.get(LimitKey(LimitKind.CONNECTION, connection))
        return limit is None or limit.startable(now, part * self._ahead_s) >= 1

    def _reach(self) -> set[ConnectionId]:
        """Connections that serve what waits."""
        views = (self._pools.view(campaign) for campaign in self._lines)
        return {connection for view in views if view is not None for connection in view.connections}

    def asks(self, now: float, freed: Iterable[Slots] = (), *, alone: bool = False) -> list[LineAsk]:
        """How many attempts to claim from which line: tenants in turn, then their campaigns, within the room there is.

        `freed`: slots that the same turn will probably give back before it plans. `alone`: the turn would be taken for
        these asks alone.
        """
        reach = self._reach()
        if alone and not any(self.may_start(connection, now, ALONE) for connection in reach):
            return []
        by_tenant: dict[TenantId, list[CampaignId]] = {}
        for campaign in self.campaigns.order(sorted(self._lines)):
            view = self._pools.view(campaign)
            if view is not None:
                by_tenant.setdefault(view.policy.tenant, []).append(campaign)
        rooms = _Rooms(self._limits, now, self._ahead_s, freed)
        asked: dict[Line, int] = {}

        def room(tenant: TenantId, wanted: int) -> int:
            return self._ask(rooms, tenant, by_tenant[tenant], wanted, asked)

        allot(self.tenants.order(sorted(by_tenant)), room, rooms.budget(reach, self._batch))
        return [LineAsk(campaign, line, count) for (campaign, line), count in asked.items() if count]

    def _ask(
        self, rooms: _Rooms, tenant: TenantId, campaigns: list[CampaignId], wanted: int, asked: dict[Line, int]
    ) -> int:
        """Ask up to `wanted` attempts of a tenant, in equal rounds over its campaigns."""

        def room(campaign: CampaignId, count: int) -> int:
            view = self._pools.view(campaign)
            if view is None:
                return 0
            got = 0
            for line in sorted(self._lines.get(campaign, ()), reverse=True):  # connection lines wait longest
                through = view.connections if line == ANY_LINE else frozenset({ConnectionId(line)})
                taken = rooms.take(tenant, campaign, through, count - got)
                asked[Line(campaign, line)] = asked.get(Line(campaign, line), 0) + taken
                got += taken
            return got

        return sum(allot(campaigns, room, wanted).values())

    def next_look(self, now: float) -> float | None:
        """When a connection that only waits for its pace, a back-off or its circuit is worth a turn alone, Unix seconds."""
        ahead_s = self._ahead_s * ALONE
        times = []
        for connection in self._reach():
            limit = self._limits.get(LimitKey(LimitKind.CONNECTION, connection))
            if limit is not None and limit.startable(now, ahead_s) < 1:
                times.append(limit.opens_at(now, ahead_s))
        return min((at for at in times if at is not None), default=None)


class _Rooms:
    """The room believed to be left while one set of asks is made; limits never seen count as roomy."""

    def __init__(self, limits: Mapping[LimitKey, Limit], now: float, ahead_s: float, freed: Iterable[Slots]) -> None:
        self._limits, self._now, self._ahead_s = limits, now, ahead_s
        self._freed = Counter(key for slots in freed for key in slots.limit_keys())
        self._left: dict[LimitKey, float] = {}
        self._keys: dict[frozenset[ConnectionId], list[LimitKey]] = {}

    def budget(self, reach: Iterable[ConnectionId], at_most: int) -> int:
        """As many as the connections in reach have room for, lest everybody is asked once more when all is given."""
        return int(min(at_most, sum(self._of(LimitKey(LimitKind.CONNECTION, connection)) for connection in reach)))

    def take(self, tenant: TenantId, campaign: CampaignId, through: frozenset[ConnectionId], wanted: int) -> int:
        keys = self._keys.get(through)
        if keys is None:
            keys = self._keys[through] = [LimitKey(LimitKind.CONNECTION, connection) for connection in sorted(through)]
        scopes = (LimitKey(LimitKind.TENANT, tenant), LimitKey(LimitKind.CAMPAIGN, campaign))
        most = int(min(wanted, *(self._of(key) for key in scopes)))
        count = 0
        for key in keys:
            if count == most:
                break
            share = int(min(most - count, self._of(key)))
            self._left[key] -= share
            count += share
        for key in scopes:
            self._left[key] -= count
        return count

    def _of(self, key: LimitKey) -> float:
        if key not in self._left:
            limit = self._limits.get(key)
            if limit is not None and self._freed[key]:
                limit = replace(limit, in_use=limit.in_use - self._freed[key])
            if limit is None:
                self._left[key] = float("inf")
            elif key.kind is LimitKind.CONNECTION:
                self._left[key] = limit.startable(self._now, self._ahead_s)
            else:
                self._left[key] = limit.left()
        return self._left[key]
