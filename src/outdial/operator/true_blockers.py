"""The blockers of waiting attempts as they are at this moment: those of a whole tenant, campaign or connection are not
stored but worked out when somebody asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outdial.operator.pick import AHEAD_S
from outdial.postgres.reports import attempts as lists
from outdial.postgres.reports import explain as reports
from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.true_blocker import Derived, Surroundings, true_blocker

NO_ROOM = Limit(max_calls=0)
"""Of what has left the catalogue: nothing starts through it."""


@dataclass(frozen=True, slots=True)
class TrueBlockers:
    """How the limits around some campaigns stood at that moment (Unix seconds)."""

    at: float
    around: Mapping[str, Surroundings]

    def of(self, campaign: str, stored: str, next_eligible_at: float | None) -> Derived:
        """What keeps an attempt of the campaign waiting that is stored with this blocker."""
        derived = true_blocker(Blocker(stored), self.around[campaign], self.at, AHEAD_S)
        return derived or Derived(Blocker(stored), next_eligible_at)

    def stored_as(self, blockers: Collection[str]) -> list[tuple[str, str]]:
        """(campaign, stored blocker) of all attempts that wait for one of these just now."""
        return [
            (campaign, stored.value)
            for campaign in sorted(self.around)
            for stored in Blocker
            if self.of(campaign, stored, None).blocker in blockers
        ]


async def read_true_blockers(connection: Any, tenant: str, campaigns: Sequence[str]) -> TrueBlockers:
    """How the limits around these campaigns of the tenant stand."""
    through = await lists.connections(connection, campaigns)
    keys = {LimitKey(LimitKind.TENANT, tenant), *(LimitKey(LimitKind.CAMPAIGN, campaign) for campaign in campaigns)}
    keys |= {LimitKey(LimitKind.CONNECTION, one) for of_campaign in through.values() for one in of_campaign}
    limits = await reports.limits(connection, keys)

    tenants = dict.fromkeys(campaigns, tenant)
    return TrueBlockers(await reports.clock(connection), surroundings(tenants, through, limits))


def surroundings(
    campaigns: Mapping[str, str], through: Mapping[str, Iterable[str]], limits: Mapping[LimitKey, Limit]
) -> dict[str, Surroundings]:
    """What stands around each campaign. `campaigns`: with their tenants; `through`: connections that each may call by."""

    def limit(kind: LimitKind, name: str) -> Limit:
        return limits.get(LimitKey(kind, name), NO_ROOM)

    return {
        campaign: Surroundings(
            limit(LimitKind.TENANT, tenant),
            limit(LimitKind.CAMPAIGN, campaign),
            [limit(LimitKind.CONNECTION, one) for one in through.get(campaign, ())],
        )
        for campaign, tenant in campaigns.items()
    }
