"""The catalogue as a replica holds it in memory: policies, pools with their weights, tenants. Hard facts are checked
again under the lock, by its version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from outdial.rules.ids import CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.number_health import NumberHealth
from outdial.rules.policy import CampaignPolicy
from outdial.rules.rotation import PoolBaseline
from outdial.rules.selection import PoolIndex


@dataclass(frozen=True, slots=True)
class PoolView:
    """One campaign as the next pick sees it. `capped`: members with a daily cap of their own, and that cap."""

    policy: CampaignPolicy
    index: PoolIndex
    baseline: PoolBaseline
    connections: frozenset[ConnectionId]
    capped: Mapping[NumberId, int] = field(default_factory=dict)
    probing: Mapping[NumberId, NumberHealth] = field(default_factory=dict)
    """Members that were failing and may be tried once."""


@dataclass(frozen=True, slots=True)
class TenantView:
    """Where a tenant may call. Empty `allowed_countries` = everywhere; `allowed_kinds` names barred kinds of numbers
    (premium, satellite, ...) that it may call all the same."""

    tenant: TenantId
    allowed_countries: frozenset[str] = frozenset()
    allowed_kinds: frozenset[str] = frozenset()


class Pools(Protocol):
    """The snapshot. `view` and `tenant` answer from memory."""

    @property
    def version(self) -> int:
        """The catalogue version it was read at."""

    def view(self, campaign: CampaignId) -> PoolView | None:
        """The campaign, None when the snapshot does not know it."""

    def tenant(self, tenant: TenantId) -> TenantView | None:
        """The tenant, None when the snapshot does not know it."""

    async def reload(self) -> None:
        """Read the catalogue and the weights anew. Raises `DatabaseUnavailable`."""
