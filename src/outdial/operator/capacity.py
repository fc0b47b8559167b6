"""What limits a campaign, how long its backlog takes, and why it is not dialling (SPEC 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from outdial.catalogue.merge import merge
from outdial.catalogue.problems import BadCatalogue
from outdial.catalogue.read import read_document
from outdial.operator.blockers import Waiting, read_blockers
from outdial.operator.member_lines import whole
from outdial.operator.snapshot import SPAM_THRESHOLD, Snapshot, one_moment, read_snapshot
from outdial.operator.true_blockers import NO_ROOM
from outdial.ports.catalogue import PoolView
from outdial.postgres.reports import capacity as reports
from outdial.postgres.reports import explain as limits_of
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.catalogue_rows import Kind
from outdial.rules.pool import SkipReason
from outdial.rules.pool_capacity import PoolCapacity, drain_s, pool_capacity, starts_per_second
from outdial.rules.pool_weights import rotation_params

if TYPE_CHECKING:
    import asyncpg

HOUR_S = 3_600.0


@dataclass(frozen=True, slots=True)
class NumberVolume:
    """A number's dials of the last 24 h over all campaigns. `budget_24h`, `max_calls_24h` 0 = none; `out` None = it may call."""

    number: str
    connection: str
    calls_24h: int
    budget_24h: int
    max_calls_24h: int
    out: SkipReason | None


@dataclass(frozen=True, slots=True)
class CampaignCapacity:
    """The breakdown at that moment. `held_s`: how long a call held its slot in the last hour, on average;
    `starts_per_second`: what the slots and the pace allow if nobody else takes them, None = nothing known bounds it;
    `drain_s`: how long the backlog takes at that rate, None = never, or nobody can say."""

    campaign: str
    tenant: str
    at: float
    capacity: PoolCapacity
    held_s: float | None
    starts_per_second: float | None
    backlog: int
    drain_s: float | None
    waiting: tuple[Waiting, ...]
    numbers: tuple[NumberVolume, ...]


@dataclass(frozen=True, slots=True)
class CapacityPreview:
    """What a pool that is not saved yet would allow. `budget_24h`: calls that its numbers stand in 24 h without resting,
    `left_24h` of them are left (numbers without a budget add nothing)."""

    campaign: str
    tenant: str
    at: float
    capacity: PoolCapacity
    budget_24h: int
    left_24h: int
    numbers: tuple[NumberVolume, ...]


async def campaign_capacity(
    pool: asyncpg.Pool, campaign: str, *, spam_threshold: float = SPAM_THRESHOLD
) -> CampaignCapacity:
    """The campaign's capacity as it stands. Raises `NotFound`."""
    async with one_moment(pool) as connection:
        snapshot = await read_snapshot(connection, spam_threshold=spam_threshold, of=[campaign])
        view = snapshot.view(campaign)
        tenant = view.policy.tenant
        capacity = await _capacity(connection, snapshot, view)
        held_s = (await reports.held(connection, [campaign], snapshot.at - HOUR_S)).get(campaign)
        waiting = (await read_blockers(connection, tenant, [campaign]))[campaign]
    backlog = sum(one.attempts for one in waiting)
    rate = starts_per_second(capacity, held_s)
    return CampaignCapacity(
        campaign=campaign,
        tenant=tenant,
        at=snapshot.at,
        capacity=capacity,
        held_s=held_s,
        starts_per_second=rate,
        backlog=backlog,
        drain_s=drain_s(backlog, rate),
        waiting=waiting,
        numbers=_numbers(snapshot, view),
    )


async def _capacity(connection: Any, snapshot: Snapshot, view: PoolView) -> PoolCapacity:
    eligible = Counter(one.connection for one in view.index.picture.members if one.static_skip is None)
    of_tenant = LimitKey(LimitKind.TENANT, view.policy.tenant)
    of_campaign = LimitKey(LimitKind.CAMPAIGN, view.policy.campaign)
    lines = {name: LimitKey(LimitKind.CONNECTION, name) for name in eligible}
    limits = await limits_of.limits(connection, [of_tenant, of_campaign, *lines.values()])
    row = snapshot.rows.campaigns[view.policy.campaign]
    own = replace(limits.get(of_campaign, Limit(None)), max_calls=row.max_calls, paused=row.paused)
    return pool_capacity(
        limits.get(of_tenant, NO_ROOM),
        own,
        {name: limits.get(key, NO_ROOM) for name, key in lines.items()},
        eligible,
        snapshot.at,
    )


async def preview_capacity(
    pool: asyncpg.Pool, campaign: str, keys: Mapping[str, Any], *, spam_threshold: float = SPAM_THRESHOLD
) -> CapacityPreview:
    """What a campaign would have with these keys of the catalogue, which nobody has saved. Raises `BadCatalogue`."""
    file = read_document({Kind.CAMPAIGN.value: {campaign: dict(keys)}}, "request")
    async with one_moment(pool) as connection:
        snapshot = await read_snapshot(connection, spam_threshold=spam_threshold)
        wanted, problems = merge(snapshot.rows, file)
        if problems:
            raise BadCatalogue(file.name, problems)
        snapshot = await snapshot.with_rows(wanted, spam_threshold=spam_threshold)
        view = snapshot.view(campaign)
        capacity = await _capacity(connection, snapshot, view)
    numbers = _numbers(snapshot, view)
    able = [one for one in numbers if one.out is None]
    return CapacityPreview(
        campaign=campaign,
        tenant=view.policy.tenant,
        at=snapshot.at,
        capacity=capacity,
        budget_24h=sum(one.budget_24h for one in able),
        left_24h=sum(max(0, one.budget_24h - one.calls_24h) for one in able),
        numbers=numbers,
    )


def _numbers(snapshot: Snapshot, view: PoolView) -> tuple[NumberVolume, ...]:
    found = []
    for member in view.index.picture.members:
        row = snapshot.rows.numbers[member.number]
        found.append(
            NumberVolume(
                number=member.number,
                connection=member.connection,
                calls_24h=snapshot.weights.dials_24h.get(member.number, 0),
                budget_24h=rotation_params(row, view.policy).volume_budget_24h,
                max_calls_24h=whole(row.settings.get("max_calls_24h")),
                out=member.static_skip,
            )
        )
    return tuple(found)
