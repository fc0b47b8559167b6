"""The snapshot that picks are made from (`ports.Pools`): catalogue and weights, read by a loader, prepared when first asked.

The catalogue is read anew when its version moved, the weights every few seconds. A view is built once per reading and
campaign, so an idle campaign costs nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from outdial.catalogue.policies import campaign_policy
from outdial.clock import Clock
from outdial.ports.catalogue import PoolView, TenantView
from outdial.rules.catalogue_rows import EMPTY_CATALOGUE, CatalogueRows, ConnectionRow, MemberRow
from outdial.rules.ids import CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.phone import family
from outdial.rules.picture_body import picture_of
from outdial.rules.pool_index import PoolIndex
from outdial.rules.pool_weights import PoolWeights, make_member

LoadCatalogue = Callable[[], Awaitable[CatalogueRows]]
LoadWeights = Callable[[float], Awaitable[PoolWeights]]


class LivePools:
    """One replica's snapshot."""

    def __init__(
        self, load_catalogue: LoadCatalogue, load_weights: LoadWeights, clock: Clock, *, spam_threshold: float
    ) -> None:
        self._load_catalogue, self._load_weights = load_catalogue, load_weights
        self._clock, self._spam_threshold = clock, spam_threshold
        self._rows: CatalogueRows = EMPTY_CATALOGUE
        self._weights = PoolWeights()
        self._members: dict[CampaignId, list[MemberRow]] = {}
        self._views: dict[CampaignId, PoolView | None] = {}
        self._at = 0.0
        self.listeners: list[Callable[[CatalogueRows], None]] = []

    @property
    def version(self) -> int:
        """See the port."""
        return self._rows.version

    @property
    def rows(self) -> CatalogueRows:
        """The catalogue as read."""
        return self._rows

    def connection(self, connection: ConnectionId) -> ConnectionRow | None:
        """One connection of it."""
        return self._rows.connections.get(connection)

    async def reload(self) -> None:
        """See the port."""
        rows = await self._load_catalogue()
        members: dict[CampaignId, list[MemberRow]] = {}
        for member in rows.members.values():
            members.setdefault(member.campaign, []).append(member)
        weights = await self._load_weights(self._clock.now())
        self._rows, self._members = rows, members
        self._take(weights)
        for listener in self.listeners:
            listener(rows)

    async def refresh(self) -> None:
        """Read the weights anew."""
        self._take(await self._load_weights(self._clock.now()))

    def _take(self, weights: PoolWeights) -> None:
        self._weights, self._at = weights, self._clock.now()
        self._views = {}

    def view(self, campaign: CampaignId) -> PoolView | None:
        """See the port."""
        if campaign not in self._views:
            self._views[campaign] = self._build(campaign)
        return self._views[campaign]

    def tenant(self, tenant: TenantId) -> TenantView | None:
        """See the port."""
        row = self._rows.tenants.get(tenant)
        if row is None:
            return None
        countries, kinds = row.settings.get("allowed_destinations", ()), row.settings.get("allowed_kinds", ())
        return TenantView(
            tenant,
            frozenset(family(str(c)) for c in countries) if isinstance(countries, list | tuple) else frozenset(),
            frozenset(map(str, kinds)) if isinstance(kinds, list | tuple) else frozenset(),
        )

    def _build(self, campaign: CampaignId) -> PoolView | None:
        row = self._rows.campaigns.get(campaign)
        if row is None:
            return None
        policy = campaign_policy(row, spam_threshold=self._spam_threshold)
        members, capped, probing = [], {}, {}
        for member in sorted(self._members.get(campaign, []), key=lambda m: m.number):
            number = self._rows.numbers[member.number]
            connection = self._rows.connections[number.connection]
            members.append(make_member(number, member, connection, self._weights, policy, self._at))
            if isinstance(cap := number.settings.get("max_calls_24h"), int) and cap > 0:
                capped[NumberId(number.number)] = cap
            health = self._weights.health.get(number.number)
            if health is not None and health.failing_since is not None:
                probing[NumberId(number.number)] = health
        index = PoolIndex(picture_of(campaign, members, policy), policy)
        baseline = self._weights.baseline(campaign)
        return PoolView(policy, index, baseline, index.connections, capped, probing)
