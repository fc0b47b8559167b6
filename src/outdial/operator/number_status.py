"""A number's status in one word, and why it is out in words: the same for the pool's page and the number's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from outdial.rules.catalogue_rows import MemberRow, NumberRow, NumberState
from outdial.rules.eligibility import NumberFacts, static_skip
from outdial.rules.events import timestamp
from outdial.rules.ids import CampaignId
from outdial.rules.policy import RotationParams, SelectionPolicy
from outdial.rules.pool import SkipReason
from outdial.rules.pool_weights import PoolWeights, number_facts
from outdial.rules.rotation import MemberStats
from outdial.rules.rotation import status as rotation_status


class NumberStatus(StrEnum):
    """The first that holds; the first six are those of a number that is out."""

    INACTIVE = "inactive"
    RELEASED = "released"
    PAUSED = "paused"
    FLAGGED = "flagged"
    CARRIER_REJECTED = "carrier_rejected"
    FAILING = "failing"
    DAILY_CAP = "daily_cap"
    WARMING_UP = "warming_up"
    RESTING = "resting"
    OVER_BUDGET = "over_budget"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class SpamReport:
    """What a reputation service or an operator said, once; it never decays."""

    source: str
    score: float
    why: str
    reported_at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for a number whoever is called. `out` None = it may call; `because`: the same in words.

    `spam_score`: the higher of `own_score` (contacts blocked its calls; halves every 7 days) and the reports' highest.
    """

    status: NumberStatus
    out: SkipReason | None
    because: str | None
    spam_score: float
    own_score: float
    reports: tuple[SpamReport, ...]
    carrier_rejected_at: float | None
    failures: int
    failing_since: float | None
    probe_at: float | None
    last_worked_at: float | None


def standing(
    number: NumberRow,
    member: MemberRow | None,
    weights: PoolWeights,
    now: float,
    spam_threshold: float,
    reports: Sequence[SpamReport],
    *,
    stats: MemberStats | None = None,
    params: RotationParams | None = None,
) -> Standing:
    """The number's standing; with `member`, `stats` and `params` in that campaign, without them on the whole."""
    whole = member if member is not None else MemberRow(CampaignId(""), number.number)
    facts = number_facts(number, whole, weights)
    out = static_skip(facts, now, SelectionPolicy(spam_threshold=spam_threshold))
    health, own = facts.health, facts.health.own_score_now(now)
    return Standing(
        status=_status(number, out, facts.calls_24h, stats, params or RotationParams(), now),
        out=out,
        because=_because(out, number, facts, reports, spam_threshold, now) if out is not None else None,
        spam_score=max(own, facts.reported_spam_score),
        own_score=own,
        reports=tuple(reports),
        carrier_rejected_at=health.carrier_rejected_at,
        failures=health.failures,
        failing_since=health.failing_since,
        probe_at=health.probe_after,
        last_worked_at=health.last_worked_at,
    )


_STATUS = {
    SkipReason.PAUSED: NumberStatus.PAUSED,
    SkipReason.SPAM_FLAGGED: NumberStatus.FLAGGED,
    SkipReason.CARRIER_REJECTED: NumberStatus.CARRIER_REJECTED,
    SkipReason.FAILING: NumberStatus.FAILING,
    SkipReason.DAILY_CAP: NumberStatus.DAILY_CAP,
}


def _status(
    number: NumberRow,
    out: SkipReason | None,
    calls_24h: int,
    stats: MemberStats | None,
    params: RotationParams,
    now: float,
) -> NumberStatus:
    if out is SkipReason.INACTIVE:
        return NumberStatus.RELEASED if number.state is NumberState.RELEASED else NumberStatus.INACTIVE
    if out is not None:
        return _STATUS[out]
    return NumberStatus(rotation_status(stats, calls_24h, now, params)) if stats is not None else NumberStatus.ACTIVE


def _because(
    out: SkipReason, number: NumberRow, facts: NumberFacts, reports: Sequence[SpamReport], threshold: float, now: float
) -> str:
    health = facts.health
    match out:
        case SkipReason.INACTIVE:
            return "released, given back to the carrier" if number.state is NumberState.RELEASED else "inactive"
        case SkipReason.PAUSED:
            return "paused by an operator" if facts.number_paused else "paused in this pool"
        case SkipReason.SPAM_FLAGGED:
            return _flagged(health.own_score_now(now), reports, threshold)
        case SkipReason.CARRIER_REJECTED:
            since = timestamp(health.carrier_rejected_at or now)
            return f"its carrier refused this caller ID at {since}; out until an operator clears it"
        case SkipReason.FAILING:
            since, probe = timestamp(health.failing_since or now), timestamp(health.probe_after or now)
            return (
                f"failing since {since}, {health.failures} failures in a row by its carrier; tried once after {probe}"
            )
        case SkipReason.DAILY_CAP:
            return f"{facts.calls_24h:,} calls in 24 h, its max_calls_24h is {facts.max_calls_24h:,}"
        case _:
            return out.value.replace("_", " ")


def _flagged(own: float, reports: Sequence[SpamReport], threshold: float) -> str:
    said = [f"{one.score:.2f} by {one.source}" for one in reports if one.score >= threshold]
    if own >= threshold:
        said.append(f"{own:.2f} by contacts that blocked its calls")
    return f"flagged as spam: {', '.join(said)} (threshold {threshold:.2f})"
