"""The snapshot that picks are made from (`ports.Pools`): catalogue and weights, read by a loader, prepared when first asked.

The catalogue is read anew when its version moved, the weights every few seconds. A view is built once per reading and
campaign, so an idle campaign costs nothing; of a large pool only those members are made anew of whom something is new.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from operator import is_

from outdial.catalogue.policies import campaign_policy
from outdial.clock import Clock
from outdial.ports.catalogue import PoolView, TenantView
from outdial.rules.catalogue_rows import EMPTY_CATALOGUE, CatalogueRows, ConnectionRow, MemberRow, NumberRow
from outdial.rules.ids import CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.phone import family
from outdial.rules.picture_body import picture_of
from outdial.rules.policy import CampaignPolicy
from outdial.rules.pool import Member
from outdial.rules.pool_index import PoolIndex
from outdial.rules.pool_weights import Known, PoolWeights, make_member

REMADE_S = 60.0
"""A member is made anew after that, although nothing is new: what it is known for fades, by half in days."""

LoadCatalogue = Callable[[], Awaitable[CatalogueRows]]
LoadWeights = Callable[[float], Awaitable[PoolWeights]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A member, from what and when it was made."""

    known: Known
    at: float
    member: Member


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
        self._before: dict[CampaignId, PoolView] = {}
        self._made: dict[tuple[CampaignId, NumberId], _Made] = {}
        """These two hold for as long as the catalogue stands."""
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
        for of_campaign in members.values():
            of_campaign.sort(key=lambda member: member.number)
        weights = await self._load_weights(self._clock.now())
        self._rows, self._members, self._before, self._made = rows, members, {}, {}
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
        before = self._before.get(campaign)
        policy = before.policy if before else campaign_policy(row, spam_threshold=self._spam_threshold)
        members, capped, probing = [], {}, {}
        for member in self._members.get(campaign, ()):
            number = self._rows.numbers[member.number]
            members.append(self._member(number, member, policy))
            if isinstance(cap := number.settings.get("max_calls_24h"), int) and cap > 0:
                capped[number.number] = cap
            health = self._weights.health.get(number.number)
            if health is not None and health.failing_since is not None:
                probing[number.number] = health
        if before is not None and all(map(is_, before.index.picture.members, members)):
            index = before.index
        else:
            index = PoolIndex(picture_of(campaign, members, policy), policy)
        baseline = self._weights.baseline(campaign)
        view = self._before[campaign] = PoolView(policy, index, baseline, index.connections, capped, probing)
        return view

    def _member(self, number: NumberRow, member: MemberRow, policy: CampaignPolicy) -> Member:
        key, known = (member.campaign, member.number), self._weights.about(member.campaign, member.number)
        made = self._made.get(key)
        if made and made.known == known and known.health is None and self._at - made.at < REMADE_S:
            return made.member
        connection = self._rows.connections[number.connection]
        one = make_member(number, member, connection, self._weights, policy, self._at)
        if made and made.member == one:
            one = made.member  # the same object, by which an unchanged pool is told
        self._made[key] = _Made(known, self._at, one)
        return one
