"""Is it dialling, and if not why: every campaign in a line, the replicas by age of heartbeat, what lies about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from outdial.operator.blockers import Waiting, told_waits
from outdial.operator.capacity import HOUR_S
from outdial.operator.snapshot import SPAM_THRESHOLD, catalogue_now, derived, membership, one_moment
from outdial.operator.true_blockers import NO_ROOM, TrueBlockers, surroundings
from outdial.postgres.reports import capacity as capacity_of
from outdial.postgres.reports import explain as limits_of
from outdial.postgres.reports import overview as reports
from outdial.postgres.weights import load_conditions
from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.catalogue_rows import CampaignRow, CatalogueRows, MemberRow
from outdial.rules.eligibility import static_skip
from outdial.rules.ids import CampaignId, ConnectionId
from outdial.rules.policy import SelectionPolicy
from outdial.rules.pool import SkipReason
from outdial.rules.pool_capacity import PoolCapacity, drain_s, pool_capacity, starts_per_second
from outdial.rules.pool_weights import PoolWeights, number_facts

if TYPE_CHECKING:
    import asyncpg

LATE_S: Final = 10.0
"""A replica says every two seconds that it lives; after this it is late."""


LATEST, OLDEST = 20, 20
"""Ended attempts of each campaign that the mean time a slot is held is taken over, and waiting ones that the soonest time
is looked for among: fewer than on the campaign's own page, because this is asked all the time."""
_NOWHERE: Final = CampaignId("")
_BY_OPERATOR: Final = frozenset({SkipReason.INACTIVE, SkipReason.PAUSED})


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
        rows = await catalogue_now(connection)
        at = await limits_of.clock(connection)
        weights = await load_conditions(connection, at, derived(rows, _capped))
        abilities = _abilities(rows, weights, at, spam_threshold)
        limits = await limits_of.limits(connection, derived(rows, _keys))
        tenants: dict[str, str] = {name: row.tenant for name, row in rows.campaigns.items()}
        through = {name: one.through for name, one in abilities.items()}
        true = TrueBlockers(at, surroundings(tenants, through, limits))
        waiting = await told_waits(connection, list(tenants), true, oldest=OLDEST)
        held = await capacity_of.held(
            connection, [name for name, waits in waiting.items() if waits], at - HOUR_S, LATEST
        )
        replicas = await reports.replicas(connection)
        counts = await reports.counts(connection)
    campaigns = tuple(
        _line(row, abilities[name], limits, waiting[name], held.get(name), at)
        for name, row in sorted(rows.campaigns.items())
    )
    return Overview(
        at=at,
        replicas=tuple(
            Replica(worker, epoch, seen_at, at - seen_at, at - seen_at > LATE_S) for worker, epoch, seen_at in replicas
        ),
        campaigns=campaigns,
        in_use=sum(one.in_use for one in campaigns),
        backlog=sum(one.backlog for one in campaigns),
        unconfirmed=counts["unconfirmed"],
        dead_letters=counts["dead_letters"],
        unpublished=counts["unpublished"],
    )


def _capped(rows: CatalogueRows) -> list[str]:
    return [name for name, row in rows.numbers.items() if row.settings.get("max_calls_24h")]


def _keys(rows: CatalogueRows) -> list[LimitKey]:
    return [
        *(LimitKey(LimitKind.TENANT, name) for name in rows.tenants),
        *(LimitKey(LimitKind.CAMPAIGN, name) for name in rows.campaigns),
        *(LimitKey(LimitKind.CONNECTION, name) for name in rows.connections),
    ]


@dataclass(frozen=True, slots=True)
class _Ability:
    """What a campaign's pool can do. `through`: connections of numbers that nobody took out; `usable`: how many numbers
    may call through each."""

    numbers: int
    through: frozenset[str]
    usable: Counter[ConnectionId]


def _by_catalogue(rows: CatalogueRows) -> dict[str, _Ability]:
    """Of each campaign, as far as the catalogue says: nothing is known against any number."""
    pools, nothing, policy = derived(rows, membership).of_campaign, PoolWeights(), SelectionPolicy()
    found = {}
    for name, members in pools.items():
        able = Counter(
            number.connection
            for member in members
            if static_skip(number_facts(number := rows.numbers[member.number], member, nothing), 0.0, policy) is None
        )
        found[str(name)] = _Ability(len(members), frozenset(able), able)
    return found


def _abilities(rows: CatalogueRows, weights: PoolWeights, at: float, spam_threshold: float) -> dict[str, _Ability]:
    """Of each campaign. Only numbers that something speaks against are judged: this is looked at often."""
    policy, pools = SelectionPolicy(spam_threshold=spam_threshold), derived(rows, membership).of_number
    found, out = dict(derived(rows, _by_catalogue)), dict[str, Counter[ConnectionId]]()
    suspects = (weights.health.keys() | weights.spam_scores.keys() | weights.dials_24h.keys()) & rows.numbers.keys()
    for name in suspects:
        number = rows.numbers[name]
        why = static_skip(number_facts(number, MemberRow(_NOWHERE, name), weights), at, policy)
        if why is None or why in _BY_OPERATOR:
            continue
        for campaign in (member.campaign for member in pools[name] if not member.paused):
            out.setdefault(campaign, Counter())[number.connection] += 1
    for of, lost in out.items():
        found[of] = replace(found[of], usable=found[of].usable - lost)
    return found


def _line(
    row: CampaignRow,
    ability: _Ability,
    limits: Mapping[LimitKey, Limit],
    waiting: Sequence[Waiting],
    held_s: float | None,
    at: float,
) -> CampaignLine:
    capacity = pool_capacity(
        limits.get(LimitKey(LimitKind.TENANT, row.tenant), NO_ROOM),
        limits.get(LimitKey(LimitKind.CAMPAIGN, row.campaign), NO_ROOM),
        {name: limits.get(LimitKey(LimitKind.CONNECTION, name), NO_ROOM) for name in ability.usable},
        ability.usable,
        at,
    )
    backlog = sum(one.attempts for one in waiting)
    return CampaignLine(
        campaign=row.campaign,
        tenant=row.tenant,
        dialling=_dialling(capacity, waiting),
        is_paused=row.paused,
        in_use=capacity.campaign.in_use,
        ceiling=capacity.ceiling,
        free_now=capacity.free_now,
        binds=tuple(one.value for one in capacity.binds),
        numbers=ability.numbers,
        usable_numbers=ability.usable.total(),
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
