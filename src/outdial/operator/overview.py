"""Is it dialling, and if not why: every campaign in a line, the replicas by age of heartbeat, what lies about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from outdial.operator.blockers import Waiting, read_blockers
from outdial.operator.capacity import HOUR_S
from outdial.operator.snapshot import SPAM_THRESHOLD, Snapshot, one_moment, read_snapshot
from outdial.operator.true_blockers import NO_ROOM
from outdial.ports.catalogue import PoolView
from outdial.postgres.reports import capacity as capacity_of
from outdial.postgres.reports import explain as limits_of
from outdial.postgres.reports import overview as reports
from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.ids import CampaignId
from outdial.rules.pool_capacity import PoolCapacity, drain_s, pool_capacity, starts_per_second

if TYPE_CHECKING:
    import asyncpg

LATE_S: Final = 10.0
"""A replica says every two seconds that it lives; after this it is late."""


LATEST: Final = 100
"""Ended attempts of each campaign that the mean time a slot is held is taken over: this is looked at often."""


class Dialling(StrEnum):
    """What a campaign is doing."""

    DIALLING = "dialling"
    IDLE = "idle"
    """Nothing waits, nothing is under way."""
    WAITING = "waiting"
    """Attempts wait for their time: not due, outside calling hours, or their contact is in a call."""
    HELD_UP = "held_up"
    """Attempts wait, none is under way, and somebody can do something about it."""


PATIENT: Final = frozenset({Blocker.NOT_DUE, Blocker.OUTSIDE_CALLING_HOURS, Blocker.CONTACT_IN_CALL, Blocker.IN_LINE})


@dataclass(frozen=True, slots=True)
class Replica:
    """A process that dispatches. `is_late`: it has not said that it lives for a while; others adopt its attempts."""

    worker: UUID
    epoch: int
    seen_at: float
    age_s: float
    is_late: bool


@dataclass(frozen=True, slots=True)
class CampaignLine:
    """A campaign at that moment. `ceiling`, `free_now` None = unbounded; `waiting`: the most frequent blocker first;
    `drain_s`: how long the backlog takes as fast as slots and pace allow, None = never, or nobody can say."""

    campaign: str
    tenant: str
    dialling: Dialling
    is_paused: bool
    in_use: int
    ceiling: int | None
    free_now: int | None
    binds: tuple[str, ...]
    numbers: int
    usable_numbers: int
    backlog: int
    drain_s: float | None
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything at a glance. `unconfirmed`: attempts of which nobody knows whether the carrier took the call;
    `unpublished`: events that the broker has not confirmed yet."""

    at: float
    replicas: tuple[Replica, ...]
    campaigns: tuple[CampaignLine, ...]
    in_use: int
    backlog: int
    unconfirmed: int
    dead_letters: int
    unpublished: int


async def overview(pool: asyncpg.Pool, *, spam_threshold: float = SPAM_THRESHOLD) -> Overview:
    """How things stand over all tenants."""
    async with one_moment(pool) as connection:
        snapshot = await read_snapshot(connection, spam_threshold=spam_threshold)
        limits = await limits_of.limits(connection, _keys(snapshot))
        waiting = await _waiting(connection, snapshot)
        held = await capacity_of.held(
            connection, [name for name, waits in waiting.items() if waits], snapshot.at - HOUR_S, LATEST
        )
        replicas = await reports.replicas(connection)
        counts = await reports.counts(connection)
    campaigns = tuple(
        _line(snapshot, snapshot.view(name), limits, waiting.get(name, ()), held.get(name))
        for name in sorted(snapshot.rows.campaigns)
    )
    return Overview(
        at=snapshot.at,
        replicas=tuple(
            Replica(worker, epoch, seen_at, snapshot.at - seen_at, snapshot.at - seen_at > LATE_S)
            for worker, epoch, seen_at in replicas
        ),
        campaigns=campaigns,
        in_use=sum(one.in_use for one in campaigns),
        backlog=sum(one.backlog for one in campaigns),
        unconfirmed=counts["unconfirmed"],
        dead_letters=counts["dead_letters"],
        unpublished=counts["unpublished"],
    )


def _keys(snapshot: Snapshot) -> list[LimitKey]:
    rows = snapshot.rows
    return [
        *(LimitKey(LimitKind.TENANT, name) for name in rows.tenants),
        *(LimitKey(LimitKind.CAMPAIGN, name) for name in rows.campaigns),
        *(LimitKey(LimitKind.CONNECTION, name) for name in rows.connections),
    ]


async def _waiting(connection: Any, snapshot: Snapshot) -> dict[str, tuple[Waiting, ...]]:
    of_tenant: dict[str, list[str]] = {}
    for campaign, row in snapshot.rows.campaigns.items():
        of_tenant.setdefault(row.tenant, []).append(campaign)
    found: dict[str, tuple[Waiting, ...]] = {}
    for tenant, campaigns in sorted(of_tenant.items()):
        found |= await read_blockers(connection, tenant, campaigns)
    return found


def _line(
    snapshot: Snapshot,
    view: PoolView,
    limits: Mapping[LimitKey, Limit],
    waiting: Sequence[Waiting],
    held_s: float | None,
) -> CampaignLine:
    campaign, tenant = view.policy.campaign, view.policy.tenant
    members = view.index.picture.members
    eligible = Counter(one.connection for one in members if one.static_skip is None)
    capacity = pool_capacity(
        limits.get(LimitKey(LimitKind.TENANT, tenant), NO_ROOM),
        limits.get(LimitKey(LimitKind.CAMPAIGN, campaign), NO_ROOM),
        {name: limits.get(LimitKey(LimitKind.CONNECTION, name), NO_ROOM) for name in eligible},
        eligible,
        snapshot.at,
    )
    backlog = sum(one.attempts for one in waiting)
    return CampaignLine(
        campaign=campaign,
        tenant=tenant,
        dialling=_dialling(capacity, waiting),
        is_paused=snapshot.rows.campaigns[CampaignId(campaign)].paused,
        in_use=capacity.campaign.in_use,
        ceiling=capacity.ceiling,
        free_now=capacity.free_now,
        binds=tuple(one.value for one in capacity.binds),
        numbers=len(members),
        usable_numbers=eligible.total(),
        backlog=backlog,
        drain_s=drain_s(backlog, starts_per_second(capacity, held_s)),
        waiting=tuple(waiting),
    )


def _dialling(capacity: PoolCapacity, waiting: Sequence[Waiting]) -> Dialling:
    if capacity.campaign.in_use:
        return Dialling.DIALLING
    if not waiting:
        return Dialling.IDLE
    return Dialling.WAITING if all(one.blocker in PATIENT for one in waiting) else Dialling.HELD_UP
