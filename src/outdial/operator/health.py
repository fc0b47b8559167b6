"""How a campaign's numbers fare: status, answer rates with intervals, weight and share, volume, contacts, what keeps a
number out, the pool's own baseline, and hints; and one number across all its campaigns (SPEC 4, 9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from outdial.operator.member_lines import MemberLine, countries, member_lines, read_seen, whole
from outdial.operator.named import find_number
from outdial.operator.number_status import NumberStatus, Standing, standing
from outdial.operator.snapshot import (
    SPAM_THRESHOLD,
    Snapshot,
    catalogue_now,
    derived,
    membership,
    one_moment,
    read_snapshot,
)
from outdial.ports.catalogue import PoolView
from outdial.postgres.reports import health as reports
from outdial.rules.health_hints import Hint, NumberFigures, Rate, before, hints, together
from outdial.rules.ids import CampaignId, NumberId
from outdial.rules.pool import SkipReason

if TYPE_CHECKING:
    import asyncpg

DAY_S = 86_400.0
_BY_OPERATOR = frozenset({SkipReason.INACTIVE, SkipReason.PAUSED})


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """What an average number of the pool gets answered just now, for one country and kind of attempt.

    `country` None = unknown; `kind`: first or retry; `rate`: the expected share; `weight`: how many recent attempts it
    rests on (they fade with a half-life of 6 h).
    """

    country: str | None
    kind: str
    rate: float
    weight: float


@dataclass(frozen=True, slots=True)
class CampaignHealth:
    """The pool of a campaign. `before`: its numbers' calls but those of the last 24 h, the longer memory.

    `numbers`: a page of them by name, `pool_size` in all; `next_after` None = there is no further page. All else is told of
    the whole pool.
    """

    campaign: str
    tenant: str
    at: float
    numbers: tuple[MemberLine, ...]
    baselines: tuple[BaselineLine, ...]
    last_day: Rate
    before: Rate
    calls_24h: int
    budget_24h: int
    hints: tuple[Hint, ...]
    pool_size: int
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Hour:
    """So many dials in the hour that began then."""

    hour_at: float
    dials: int


@dataclass(frozen=True, slots=True)
class NumberHealthPage:
    """One number across its campaigns. `standing`: what holds for it everywhere; `hours`: when it dialled in the last day."""

    number: str
    from_number: str
    tenant: str
    connection: str
    provider: str
    at: float
    standing: Standing
    allowed_countries: tuple[str, ...]
    calls_24h: int
    max_calls_24h: int
    hours: tuple[Hour, ...]
    campaigns: tuple[MemberLine, ...]


async def campaign_health(
    pool: asyncpg.Pool,
    campaign: str,
    *,
    limit: int | None = None,
    after: str = "",
    find: str = "",
    spam_threshold: float = SPAM_THRESHOLD,
) -> CampaignHealth:
    """The health of a campaign's number pool. `limit`: numbers of one page, those behind `after`; None = all. `find`: only
    those with that in their name, digits, connection or status. Raises `NotFound`."""
    async with one_moment(pool) as connection:
        snapshot = await read_snapshot(connection, spam_threshold=spam_threshold, of=[campaign])
        view = snapshot.view(campaign)
        members = list(snapshot.rows.members.values())
        day = await reports.campaign_day(connection, campaign, snapshot.at - DAY_S)
        sticky = await reports.campaign_sticky(connection, campaign, snapshot.at)
        seen = await read_seen(connection, snapshot, members, day, sticky)
    lines = member_lines(snapshot, view, members, seen)
    last_day = together([one.last_day for one in lines])
    found = [one for one in lines if one.number > after and find.lower() in _words(one)]
    page = found[:limit]
    return CampaignHealth(
        campaign=campaign,
        tenant=view.policy.tenant,
        at=snapshot.at,
        numbers=tuple(page),
        baselines=_baselines(snapshot, view),
        last_day=last_day,
        before=before(together([one.lifetime for one in lines]), last_day),
        calls_24h=sum(one.calls_24h for one in lines if one.out is None),
        budget_24h=sum(one.budget_24h for one in lines if one.out is None),
        hints=hints([_figures(one) for one in lines]),
        pool_size=len(lines),
        next_after=page[-1].number if len(found) > len(page) else None,
    )


async def number_health(pool: asyncpg.Pool, number: str, *, spam_threshold: float = SPAM_THRESHOLD) -> NumberHealthPage:
    """One number, by its name or E.164, in all its campaigns. Raises `NotFound` and `BadInput`."""
    async with one_moment(pool) as connection:
        rows = await catalogue_now(connection)
        name = find_number(rows, number)
        members = derived(rows, membership).of_number[name]
        of = [member.campaign for member in members]
        snapshot = await read_snapshot(connection, spam_threshold=spam_threshold, of=of, numbers=[name], rows=rows)
        day = await reports.number_day(connection, name, snapshot.at - DAY_S)
        sticky = await reports.number_sticky(connection, name, snapshot.at)
        seen = await read_seen(connection, snapshot, members, day, sticky, (name,))
        hours = await reports.hours(connection, name, snapshot.at - DAY_S)
    row = snapshot.rows.numbers[name]
    lines = [
        line
        for member in sorted(members, key=lambda one: one.campaign)
        for line in member_lines(snapshot, snapshot.view(member.campaign), [member], seen)
    ]
    return NumberHealthPage(
        number=name,
        from_number=row.e164,
        tenant=row.tenant,
        connection=row.connection,
        provider=snapshot.rows.connections[row.connection].provider,
        at=snapshot.at,
        standing=standing(row, None, snapshot.weights, snapshot.at, spam_threshold, seen.reported.get(name, ())),
        allowed_countries=countries(row.settings.get("allowed_countries", ())),
        calls_24h=snapshot.weights.dials_24h.get(name, 0),
        max_calls_24h=whole(row.settings.get("max_calls_24h")),
        hours=tuple(Hour(at, dials) for at, dials in hours),
        campaigns=tuple(lines),
    )


def _words(line: MemberLine) -> str:
    return f"{line.number} {line.from_number} {line.connection} {line.status}".lower()


def _figures(line: MemberLine) -> NumberFigures:
    return NumberFigures(
        number=NumberId(line.number),
        out=line.because,
        by_operator=line.out in _BY_OPERATOR,
        is_resting=line.status is NumberStatus.RESTING,
        index=line.index,
        lifetime=line.lifetime,
        last_day=line.last_day,
        calls_24h=line.calls_24h,
        budget_24h=line.budget_24h,
    )


def _baselines(snapshot: Snapshot, view: PoolView) -> tuple[BaselineLine, ...]:
    params, campaign = view.policy.rotation, CampaignId(view.policy.campaign)
    baseline = snapshot.weights.baseline(campaign)
    return tuple(
        BaselineLine(
            country or None,
            kind,
            baseline.rate(country, kind, snapshot.at, params),
            sums.decayed(snapshot.at, params)[1],
        )
        for (country, kind), sums in sorted(baseline.sums.items())
    )
