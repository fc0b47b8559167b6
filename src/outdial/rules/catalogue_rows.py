"""The catalogue as it is stored: tenants, connections, numbers, campaigns and pool members, one frozen row each.

`settings` holds what the operator wrote, as JSON values; defaults and presets are filled in by `catalogue/policies.py`.
Rows say what stands; `CatalogueWrites` says what a change of the catalogue writes. Neither knows how it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId, TenantId

Settings = Mapping[str, object]


class Kind(StrEnum):
    """The four kinds of things with a name; the value is the catalogue file's table."""

    TENANT = "tenants"
    CONNECTION = "connections"
    NUMBER = "numbers"
    CAMPAIGN = "campaigns"

    @property
    def singular(self) -> str:
        """`tenant`, `connection`, ...: the word of commands, of `limits.kind` and of audit subjects."""
        return self.value[:-1]


class NumberState(StrEnum):
    """`inactive`: out of use, comes back. `released`: given back to the carrier; its sticky assignments are void."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class TenantRow:
    """`max_calls` None = no limit of its own."""

    tenant: TenantId
    max_calls: int | None = None
    paused: bool = False
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """`calls_per_second` None = unpaced."""

    connection: ConnectionId
    provider: str
    max_calls: int
    calls_per_second: float | None = None
    paused: bool = False
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NumberRow:
    """A caller ID."""

    number: NumberId
    e164: E164
    tenant: TenantId
    connection: ConnectionId
    state: NumberState = NumberState.ACTIVE
    paused: bool = False
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """`sticky_epoch` is raised whenever sticky is switched off: assignments of an older epoch are void."""

    campaign: CampaignId
    tenant: TenantId
    primary: NumberId
    max_calls: int | None = None
    paused: bool = False
    sticky_epoch: int = 1
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemberRow:
    """`added_at`: Unix seconds, None = joins with the change that is being written."""

    campaign: CampaignId
    number: NumberId
    base_weight: float = 1.0
    paused: bool = False
    added_at: float | None = None


MemberKey = tuple[CampaignId, NumberId]


@dataclass(frozen=True, slots=True)
class CatalogueRows:
    """The whole catalogue at one version, by name."""

    version: int
    tenants: Mapping[TenantId, TenantRow]
    connections: Mapping[ConnectionId, ConnectionRow]
    numbers: Mapping[NumberId, NumberRow]
    campaigns: Mapping[CampaignId, CampaignRow]
    members: Mapping[MemberKey, MemberRow]


EMPTY_CATALOGUE = CatalogueRows(0, {}, {}, {}, {}, {})


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What happened to one thing. `subject` like `campaign/spring`."""

    action: str
    subject: str
    detail: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CatalogueWrites:
    """What one change writes. `save_*` rows are new or replace the row of that name; `drop_*` are removed.

    Which assignments become void: those of `leaving` (a number that left a pool or was released), of `epochs_raised`
    (sticky was switched off) and of dropped campaigns. `rejoin`: members whose earlier assignments never count again.
    """

    save_tenants: tuple[TenantRow, ...] = ()
    save_connections: tuple[ConnectionRow, ...] = ()
    save_numbers: tuple[NumberRow, ...] = ()
    save_campaigns: tuple[CampaignRow, ...] = ()
    save_members: tuple[MemberRow, ...] = ()
    drop_tenants: tuple[TenantId, ...] = ()
    drop_connections: tuple[ConnectionId, ...] = ()
    drop_numbers: tuple[NumberId, ...] = ()
    drop_campaigns: tuple[CampaignId, ...] = ()
    drop_members: tuple[MemberKey, ...] = ()
    leaving: tuple[MemberKey, ...] = ()
    rejoin: tuple[MemberKey, ...] = ()
    epochs_raised: tuple[CampaignId, ...] = ()
    locks: tuple[tuple[str, str], ...] = ()
    """The limits rows, (kind, id), that the change must hold: of all that is changed, and of every tenant concerned."""
    audit: tuple[AuditEntry, ...] = ()
