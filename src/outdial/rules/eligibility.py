"""Which numbers may call at all (SPEC 3.1): the hard skips, in their order, before any weight is looked at.

What holds whoever is called is judged once per refresh of the pool (`static_skip`); the contact's country and the
answer instructions are judged per attempt, and `skip_reason` puts both into the one order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from outdial.rules.number_health import NumberHealth
from outdial.rules.policy import SelectionPolicy
from outdial.rules.pool import Member, SkipReason

_BEFORE_COUNTRY: Final = frozenset({SkipReason.INACTIVE, SkipReason.PAUSED})


@dataclass(frozen=True, slots=True)
class NumberFacts:
    """What is known of a member when the pool is refreshed.

    `reported_spam_score`: the highest score that reputation services or operators reported, 0 to 1.
    `calls_24h`: dials of the last 24 hours over all campaigns; `max_calls_24h` 0 = no cap.
    """

    active: bool = True
    number_paused: bool = False
    member_paused: bool = False
    reported_spam_score: float = 0.0
    health: NumberHealth = field(default_factory=NumberHealth)
    calls_24h: int = 0
    max_calls_24h: int = 0


def static_skip(facts: NumberFacts, now: float, policy: SelectionPolicy) -> SkipReason | None:
    """The first reason that keeps the number out whoever is called: goes into `Member.static_skip`."""
    if not facts.active:
        return SkipReason.INACTIVE
    if facts.number_paused or facts.member_paused:
        return SkipReason.PAUSED
    if max(facts.reported_spam_score, facts.health.own_score_now(now)) >= policy.spam_threshold:
        return SkipReason.SPAM_FLAGGED
    return skip_but_for_spam(facts, now)


def skip_but_for_spam(facts: NumberFacts, now: float) -> SkipReason | None:
    """What keeps the number out if its spam flag is disregarded: goes into `Member.skip_if_kept`.

    A sticky number that is kept although flagged (`sticky.when_flagged = "keep"`) is judged by it.
    """
    if facts.health.carrier_rejected_at is not None:
        return SkipReason.CARRIER_REJECTED
    if facts.health.is_failing(now):
        return SkipReason.FAILING
    if 0 < facts.max_calls_24h <= facts.calls_24h:
        return SkipReason.DAILY_CAP
    return None


def skip_reason(
    member: Member, contact_country: str | None, *, has_instruction: bool = True, keep_flagged: bool = False
) -> SkipReason | None:
    """Why the number must not call this contact; None = it may.

    `has_instruction`: the job or its campaign says what this number's provider does on answer.
    `keep_flagged`: it is the contact's own number and its spam flag does not count.
    """
    static = member.static_skip
    if static in _BEFORE_COUNTRY:
        return static
    if member.allowed_countries and contact_country not in member.allowed_countries:
        return SkipReason.COUNTRY_NOT_ALLOWED
    if keep_flagged and static is SkipReason.SPAM_FLAGGED:
        static = member.skip_if_kept
    if static is not None:
        return static
    return None if has_instruction else SkipReason.NO_ANSWER_INSTRUCTION
