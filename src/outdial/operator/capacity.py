"""What limits a campaign, how long its backlog takes, and why it is not dialling (SPEC 6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from outdial.catalogue.merge import merge
from outdial.catalogue.policies import campaign_policy
from outdial.catalogue.problems import BadCatalogue
from outdial.catalogue.read import read_document
from outdial.errors import NotFound
from outdial.operator.blockers import Waiting, told_waits
from outdial.operator.snapshot import SPAM_THRESHOLD, catalogue_now, derived, membership, one_moment
from outdial.operator.true_blockers import NO_ROOM, TrueBlockers, surroundings
from outdial.postgres.reports import capacity as reports
from outdial.postgres.reports import explain as limits_of
from outdial.postgres.weights import load_volumes_and_health
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.catalogue_rows import CampaignRow, CatalogueRows, Kind
from outdial.rules.eligibility import static_skip
from outdial.rules.ids import CampaignId, ConnectionId
from outdial.rules.pool import SkipReason
from outdial.rules.pool_capacity import PoolCapacity, drain_s, pool_capacity, starts_per_second
from outdial.rules.pool_weights import number_facts, rotation_params

if TYPE_CHECKING:
    import asyncpg

HOUR_S = 3_600.0
_BY_OPERATOR = frozenset({SkipReason.INACTIVE, SkipReason.PAUSED})


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
        rows = await catalogue_now(connection)
        at = await limits_of.clock(connection)
        row = rows.campaigns.get(CampaignId(campaign))
        if row is None:
            raise NotFound(f"there is no campaign named {campaign!r} (outdial show campaigns)")
        numbers = await _numbers(connection, rows, row, at, spam_threshold)
        limits = await _limits(connection, row, numbers)
        held_s = (await reports.held(connection, [campaign], at - HOUR_S)).get(campaign)
        around = surroundings({campaign: row.tenant}, {campaign: _through(numbers)}, limits)
        waiting = (await told_waits(connection, [campaign], TrueBlockers(at, around)))[campaign]
    capacity = _capacity(row, numbers, limits, at)
    backlog = sum(one.attempts for one in waiting)
    rate = starts_per_second(capacity, held_s)
    return CampaignCapacity(
        campaign=campaign,
        tenant=row.tenant,
        at=at,
        capacity=capacity,
        held_s=held_s,
        starts_per_second=rate,
        backlog=backlog,
        drain_s=drain_s(backlog, rate),
        waiting=waiting,
        numbers=numbers,
    )


async def preview_capacity(
    pool: asyncpg.Pool, campaign: str, keys: Mapping[str, Any], *, spam_threshold: float = SPAM_THRESHOLD
) -> CapacityPreview:
    """What a campaign would have with these keys of the catalogue, which nobody has saved. Raises `BadCatalogue`."""
    file = read_document({Kind.CAMPAIGN.value: {campaign: dict(keys)}}, "request")
    async with one_moment(pool) as connection:
        at = await limits_of.clock(connection)
        wanted, problems = merge(await catalogue_now(connection), file)
        if problems:
            raise BadCatalogue(file.name, problems)
        row = wanted.campaigns[CampaignId(campaign)]
        numbers = await _numbers(connection, wanted, row, at, spam_threshold)
        limits = await _limits(connection, row, numbers)
    capacity = _capacity(row, numbers, limits, at)
    able = [one for one in numbers if one.out is None]
    return CapacityPreview(
        campaign=campaign,
        tenant=row.tenant,
        at=at,
        capacity=capacity,
        budget_24h=sum(one.budget_24h for one in able),
        left_24h=sum(max(0, one.budget_24h - one.calls_24h) for one in able),
        numbers=numbers,
    )


async def _numbers(
    connection: Any, rows: CatalogueRows, row: CampaignRow, at: float, spam_threshold: float
) -> tuple[NumberVolume, ...]:
    """Those of the campaign's pool, by name: what they have dialled and what keeps them out, but not what they weigh."""
    policy = campaign_policy(row, spam_threshold=spam_threshold)
    members = sorted(derived(rows, membership).of_campaign[row.campaign], key=lambda one: one.number)
    weights = await load_volumes_and_health(connection, at, [member.number for member in members])
    found = []
    for member in members:
        number = rows.numbers[member.number]
        facts = number_facts(number, member, weights)
        found.append(
            NumberVolume(
                number=number.number,
                connection=number.connection,
                calls_24h=facts.calls_24h,
                budget_24h=rotation_params(number, policy).volume_budget_24h,
                max_calls_24h=facts.max_calls_24h,
                out=static_skip(facts, at, policy.selection),
            )
        )
    return tuple(found)


def _through(numbers: Iterable[NumberVolume]) -> frozenset[str]:
    """The connections of numbers that nobody took out."""
    return frozenset(one.connection for one in numbers if one.out not in _BY_OPERATOR)


async def _limits(connection: Any, row: CampaignRow, numbers: Sequence[NumberVolume]) -> dict[LimitKey, Limit]:
    scopes = (LimitKey(LimitKind.TENANT, row.tenant), LimitKey(LimitKind.CAMPAIGN, row.campaign))
    lines = (LimitKey(LimitKind.CONNECTION, name) for name in _through(numbers))
    return await limits_of.limits(connection, [*scopes, *lines])


def _capacity(
    row: CampaignRow, numbers: Sequence[NumberVolume], limits: Mapping[LimitKey, Limit], at: float
) -> PoolCapacity:
    eligible = Counter(ConnectionId(one.connection) for one in numbers if one.out is None)
    own = limits.get(LimitKey(LimitKind.CAMPAIGN, row.campaign), Limit(None))
    return pool_capacity(
        limits.get(LimitKey(LimitKind.TENANT, row.tenant), NO_ROOM),
        replace(own, max_calls=row.max_calls, paused=row.paused),
        {name: limits.get(LimitKey(LimitKind.CONNECTION, name), NO_ROOM) for name in eligible},
        eligible,
        at,
    )
