"""A number in a campaign as the health pages show it: what was counted, weighed and reported of it, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outdial.operator.number_status import NumberStatus, SpamReport, standing
from outdial.operator.snapshot import Snapshot
from outdial.ports.catalogue import PoolView
from outdial.postgres.reports import health as reports
from outdial.postgres.rows import Row
from outdial.rules.candidates import factor_of
from outdial.rules.catalogue_rows import MemberRow
from outdial.rules.gates import shares_of
from outdial.rules.health_hints import Rate, rate_of
from outdial.rules.ids import NumberId
from outdial.rules.outcome import Outcome, answer_for_rate
from outdial.rules.policy import CampaignPolicy
from outdial.rules.pool import SkipReason
from outdial.rules.pool_weights import rotation_params

TREND = round(86_400 / reports.SPAN_S)
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One number in one campaign. `lifetime`, `last_day`: finished calls that count for its rate, sticky ones do not.

    `weight`: share x candidates (1.00 = fair), `share`: of a draw among the whole pool; None = it is in no draw.
    `trend`: the last day in eight parts, the oldest first. `budget_24h`, `max_calls_24h` 0 = none. `out`: a code, `because`: the same in words, None = it may call.
    """

    campaign: str
    number: str
    from_number: str
    connection: str
    is_primary: bool
    status: NumberStatus
    out: SkipReason | None
    because: str | None
    lifetime: Rate
    last_day: Rate
    trend: tuple[Rate, ...]
    index: float
    weight: float | None
    share: float | None
    base_weight: float
    calls_24h: int
    budget_24h: int
    max_calls_24h: int
    sticky_contacts: int
    last_used_at: float | None
    spam_score: float
    allowed_countries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """The day's outcomes, contacts and reports, by (campaign, number) or number."""

    day: Mapping[reports.Member, Sequence[Row]]
    sticky: Mapping[reports.Member, int]
    last_used: Mapping[reports.Member, float]
    reported: Mapping[str, tuple[SpamReport, ...]]


async def read_seen(
    connection: Any,
    snapshot: Snapshot,
    members: Sequence[MemberRow],
    day: Iterable[Row],
    sticky: Mapping[reports.Member, int],
    numbers: Sequence[NumberId] = (),
) -> Seen:
    """Read the rest about these members. `numbers`: further ones whose reports are wanted."""
    keys: list[reports.Member] = sorted((row.campaign, row.number) for row in members)
    used = await reports.last_used(connection, keys)
    settled = {(row["campaign"], row["number"]): row["settled"] for row in used if row["settled"] is not None}
    begun: dict[reports.Member, float] = {}
    by_member: dict[reports.Member, list[Row]] = {}
    for row in (*used, *day):
        key = (row["campaign"], row["number"])
        if row["begun"] is not None:
            begun[key] = max(begun.get(key, 0.0), row["begun"])
    for row in day:
        by_member.setdefault((row["campaign"], row["number"]), []).append(row)
    reported: dict[str, tuple[SpamReport, ...]] = {}
    for row in await reports.spam_reports(connection, sorted({number for _, number in keys} | set(numbers))):
        report = SpamReport(row["source"], row["score"], row["why"], row["reported_at"])
        reported[row["number"]] = (*reported.get(row["number"], ()), report)
    return Seen(by_member, sticky, {**settled, **begun}, reported)


def member_lines(
    snapshot: Snapshot, view: PoolView, members: Sequence[MemberRow], seen: Seen
) -> tuple[MemberLine, ...]:
    """These members of the view's campaign, by number."""
    selection = view.policy.selection
    able = [one for one in view.index.picture.members if one.static_skip is None and factor_of(one, selection) > 0.0]
    if selection.skip_unhealthy:
        able = [one for one in able if not one.resting] or able
    shares = shares_of(able, view.policy)
    return tuple(_line(snapshot, view, member, seen, shares) for member in sorted(members, key=lambda one: one.number))


def _line(
    snapshot: Snapshot, view: PoolView, row: MemberRow, seen: Seen, shares: Mapping[NumberId, float]
) -> MemberLine:
    number, policy, key = snapshot.rows.numbers[row.number], view.policy, (row.campaign, row.number)
    member = view.index.member(row.number)
    assert member is not None
    params, weights = rotation_params(number, policy), snapshot.weights
    stats = weights.stats_of(policy.campaign, row.number, snapshot.at, params)
    stands = standing(
        number, row, weights, snapshot.at, policy.selection.spam_threshold, seen.reported.get(row.number, ()),
        stats=stats, params=params,
    )  # fmt: skip
    share = shares.get(row.number)
    return MemberLine(
        campaign=row.campaign,
        number=row.number,
        from_number=number.e164,
        connection=number.connection,
        is_primary=row.number == policy.primary,
        status=stands.status,
        out=stands.out,
        because=stands.because,
        lifetime=rate_of(stats.answered, stats.attempts),
        last_day=_rate(seen.day.get(key, ()), policy),
        trend=_trend(seen.day.get(key, ()), policy),
        index=member.index,
        weight=share * len(shares) if share is not None else None,
        share=share,
        base_weight=row.base_weight,
        calls_24h=weights.dials_24h.get(row.number, 0),
        budget_24h=params.volume_budget_24h,
        max_calls_24h=whole(number.settings.get("max_calls_24h")),
        sticky_contacts=seen.sticky.get(key, 0) if policy.sticky.enabled else 0,
        last_used_at=seen.last_used.get(key),
        spam_score=stands.spam_score,
        allowed_countries=countries(number.settings.get("allowed_countries", ())),
    )


def _trend(rows: Sequence[Row], policy: CampaignPolicy) -> tuple[Rate, ...]:
    parts: list[list[Row]] = [[] for _ in range(TREND)]
    for row in rows:
        parts[min(row["span"], TREND - 1)].append(row)  # a replica's clock may be a little ahead
    return tuple(_rate(part, policy) for part in parts)


def _rate(rows: Iterable[Row], policy: CampaignPolicy) -> Rate:
    attempts = answered = 0
    for row in rows:
        outcome = _OUTCOMES.get(row["outcome"])
        said = answer_for_rate(outcome, policy) if outcome is not None and row["counted"] else None
        if said is not None:
            attempts += row["calls"]
            answered += row["calls"] if said else 0
    return rate_of(answered, attempts)


def whole(value: object) -> int:
    """A whole number of a number's settings; 0 = not set."""
    return value if isinstance(value, int) else 0


def countries(value: object) -> tuple[str, ...]:
    """`allowed_countries` of a number's settings."""
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()
