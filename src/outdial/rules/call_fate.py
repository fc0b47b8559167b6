"""What becomes of a call once new reports about it are known: it stays open, it ends, or its attempt waits again.

Reports come from placing (the answer to the create request), from the carrier (callbacks, look-ups) and from recovery.
`decide` folds any number of them, in any order and with repetitions, into one fate. The rule of rules: an attempt is
given back only if it is *proven* that the carrier took nothing; one sign of life of the call outweighs everything else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from outdial.rules.blocker import Blocker
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress, final_outcome
from outdial.rules.circuit import RequestResult
from outdial.rules.outcome import Outcome

MACHINE_GRACE_S = 10.0
"""How long an answered call that has ended waits for its machine detection (SPEC 5)."""
MAX_PICKS = 3
"""Picks of one attempt at most when carriers refuse the caller ID (SPEC 7)."""
PROVING_SEARCHES = 2
"""Negative searches after the settle time that make the carrier's word that there is no call (SPEC 7)."""
SEARCH_GAP_S = 60.0
"""Between two searches that count."""
WORKER_LOST = "worker_lost"
"""Why a call may exist whose worker died before it wrote down what became of the create request."""
NOT_THE_CARRIERS_FAULT = frozenset({"too_late", "left_the_pool", WORKER_LOST})
"""Why nothing was sent although the carrier could be reached, or nobody knows: says nothing about the connection."""
DEFAULT_BACKOFF_S = 5.0
"""Wait after a temporary refusal that names no delay."""


class CallState(StrEnum):
    """The states of a call that holds slots."""

    PLACING = "placing"
    PLACED = "placed"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class WasAccepted:
    """The carrier took the create request."""

    carrier_call_id: str
    provider_status: str | None
    at: float


@dataclass(frozen=True, slots=True)
class WasRefused:
    """Proven: no call, by a refusal documented as final."""

    outcome: Outcome
    provider_status: str | None
    provider_code: str | None


@dataclass(frozen=True, slots=True)
class WasDeferred:
    """Proven: no call, and the carrier says later. `delay_s` None = it named none."""

    code: str
    delay_s: float | None


@dataclass(frozen=True, slots=True)
class WasNotSent:
    """Proven: no byte of the create request left this machine."""

    reason: str


@dataclass(frozen=True, slots=True)
class MayExist:
    """The create request's fate is unknown. `ask_after_s`: when the carrier can first be asked with meaning."""

    reason: str
    ask_after_s: float


@dataclass(frozen=True, slots=True)
class HasNews:
    """The carrier said something about the call. `at`: when we heard it."""

    news: CallNews
    at: float


@dataclass(frozen=True, slots=True)
class IsNowhere:
    """The carrier was asked and does not know the call. `counts`: its settle time was over, so the answer means something."""

    counts: bool
    ask_again_at: float


@dataclass(frozen=True, slots=True)
class IsOverdue:
    """The hard deadline passed and the carrier's last word, if any, is in `news`."""

    at: float


Report = WasAccepted | WasRefused | WasDeferred | WasNotSent | MayExist | HasNews | IsNowhere | IsOverdue


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The part of a call that reports change; times in Unix seconds."""

    state: CallState = CallState.PLACING
    progress: Progress = Progress.QUEUED
    next_check_at: float = 0.0
    checks: int = 0
    carrier_call_id: str | None = None
    accepted_at: float | None = None
    ringing_at: float | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    answered_by: AnsweredBy | None = None
    provider_status: str | None = None
    provider_code: str | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class StaysOpen:
    """The call goes on and keeps its slots."""

    facts: CallFacts


@dataclass(frozen=True, slots=True)
class Ends:
    """The call is over (or proven never to have been) and the attempt has its outcome."""

    facts: CallFacts
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class WaitsAgain:
    """Proven no call: the slots are freed and the attempt waits. `wake_at` None = runnable at once."""

    blocker: Blocker
    wake_at: float | None
    exclude_number: bool
    counts_as_pick: bool


Fate = StaysOpen | Ends | WaitsAgain


def decide(
    facts: CallFacts,
    reports: Iterable[Report],
    *,
    now: float,
    detects_machine: bool,
    picks: int,
    overdue_after_s: float,
) -> Fate:
    """The fate of a call. `picks`: how often its attempt was given a number so far, this one included."""
    for report in sorted(reports, key=_evidence_first):
        match report:
            case WasAccepted() | HasNews() | MayExist():
                facts = _sign_of_life(facts, report, now, overdue_after_s)
            case WasRefused() | WasDeferred() | WasNotSent():
                if facts.state is not CallState.PLACED:
                    return _without_call(facts, report, now, picks)
            case IsNowhere():
                if facts.state is CallState.UNCONFIRMED:
                    facts = replace(facts, checks=facts.checks + report.counts, next_check_at=report.ask_again_at)
                    if facts.checks >= PROVING_SEARCHES:
                        return Ends(facts, Outcome.AMBIGUOUS)
            case IsOverdue():
                return Ends(facts, _last_word(facts))
    return _settled_or_open(facts, now, detects_machine)


def _evidence_first(report: Report) -> int:
    """Signs of life before denials, so that the order of arrival cannot matter."""
    order = (WasAccepted, HasNews, MayExist, WasRefused, WasDeferred, WasNotSent, IsNowhere, IsOverdue)
    return order.index(type(report))


def _last_word(facts: CallFacts) -> Outcome:
    if facts.outcome is not None:
        return final_outcome(facts.outcome, facts.answered_by)
    return Outcome.AMBIGUOUS if facts.state is CallState.UNCONFIRMED else Outcome.UNKNOWN


def _without_call(facts: CallFacts, report: Report, now: float, picks: int) -> Fate:
    match report:
        case WasDeferred(delay_s=delay_s):
            return WaitsAgain(Blocker.CARRIER_BACKOFF, now + (delay_s or DEFAULT_BACKOFF_S), False, False)
        case WasNotSent(reason="too_late"):
            return WaitsAgain(Blocker.IN_LINE, None, False, False)
        case WasNotSent():
            return WaitsAgain(Blocker.CARRIER_BACKOFF, now + DEFAULT_BACKOFF_S, False, False)
        case WasRefused(outcome=Outcome.CALLER_ID_REJECTED) if picks < MAX_PICKS:
            return WaitsAgain(Blocker.IN_LINE, None, True, True)
        case WasRefused(outcome=Outcome.ACCOUNT_BLOCKED):
            return WaitsAgain(Blocker.IN_LINE, None, False, False)
        case WasRefused(outcome=outcome, provider_status=status, provider_code=code):
            return Ends(replace(facts, provider_status=status, provider_code=code, outcome=outcome), outcome)
    raise AssertionError(f"not a proof that there is no call: {report}")


def _sign_of_life(facts: CallFacts, report: Report, now: float, overdue_after_s: float) -> CallFacts:
    match report:
        case MayExist(ask_after_s=ask_after_s):
            if facts.state is not CallState.PLACING:
                return facts
            return replace(facts, state=CallState.UNCONFIRMED, next_check_at=now + ask_after_s)
        case WasAccepted(carrier_call_id=call_id, provider_status=status, at=at):
            return replace(
                facts,
                state=CallState.PLACED,
                carrier_call_id=facts.carrier_call_id or call_id,
                accepted_at=_earliest(facts.accepted_at, at),
                provider_status=facts.provider_status or status,
                next_check_at=facts.next_check_at if facts.state is CallState.PLACED else now + overdue_after_s,
            )
        case HasNews(news=news, at=at):
            return _join(facts, news, at, now, overdue_after_s)
    raise AssertionError(f"not a sign of life: {report}")


def _join(facts: CallFacts, news: CallNews, heard_at: float, now: float, overdue_after_s: float) -> CallFacts:
    """The join of the semilattice: the higher rank wins, times keep their earliest, the first final status stays."""
    if None not in (facts.carrier_call_id, news.carrier_call_id) and news.carrier_call_id != facts.carrier_call_id:
        return facts  # a customer's application may have legs of its own report to the same address
    at = news.at if news.at is not None else heard_at
    final = news.progress is Progress.FINAL and facts.outcome is None
    in_hand, higher = facts.state is CallState.PLACED and not final, news.progress > facts.progress
    answered = news.progress in (Progress.ANSWERED, Progress.MACHINE_RESULT) or news.was_answered
    outcome = news.outcome if final else facts.outcome
    if outcome is Outcome.NO_ANSWER and (answered or facts.answered_at is not None):
        outcome = Outcome.ANSWERED_UNKNOWN  # a last word that leaves it open, of a call that was seen answered
    answered_at = min(at, heard_at) - (news.duration_s or 0.0) if news.was_answered else at
    return replace(
        facts,
        state=CallState.PLACED,
        progress=max(facts.progress, news.progress),
        carrier_call_id=facts.carrier_call_id or news.carrier_call_id,
        accepted_at=_earliest(facts.accepted_at, heard_at),
        ringing_at=_earliest(facts.ringing_at, at) if news.progress is Progress.RINGING else facts.ringing_at,
        answered_at=_earliest(facts.answered_at, answered_at) if answered else facts.answered_at,
        ended_at=at if final else facts.ended_at,
        answered_by=_clearer(facts.answered_by, news.answered_by),
        provider_status=news.provider_status if final or (higher and facts.outcome is None) else facts.provider_status,
        provider_code=news.provider_code if final else facts.provider_code,
        outcome=outcome,
        next_check_at=facts.next_check_at if in_hand else now + (MACHINE_GRACE_S if final else overdue_after_s),
    )


def _clearer(old: AnsweredBy | None, new: AnsweredBy | None) -> AnsweredBy | None:
    """A definite result beats `unknown`; between two definite ones the same wins whatever the order."""
    if old is None or new is None:
        return old or new
    return max(old, new, key=(AnsweredBy.UNKNOWN, AnsweredBy.FAX, AnsweredBy.MACHINE, AnsweredBy.HUMAN).index)


def _earliest(old: float | None, new: float) -> float:
    return new if old is None else min(old, new)


def _settled_or_open(facts: CallFacts, now: float, detects_machine: bool) -> Fate:
    if facts.outcome is None:
        return StaysOpen(facts)
    waits = detects_machine and facts.answered_by is None and facts.outcome is Outcome.ANSWERED_UNKNOWN
    if waits and now < facts.next_check_at:  # the first final news set it to the end of the grace
        return StaysOpen(facts)
    return Ends(facts, final_outcome(facts.outcome, facts.answered_by))


def request_result(report: Report) -> RequestResult | None:
    """What a report says about its connection's health; None = it is not the answer to a create request."""
    match report:
        case WasAccepted():
            return RequestResult.WORKED
        case MayExist(reason=reason) | WasNotSent(reason=reason):
            return RequestResult.NEUTRAL if reason in NOT_THE_CARRIERS_FAULT else RequestResult.FAILED
        case WasDeferred():
            return RequestResult.NEUTRAL
        case WasRefused(outcome=Outcome.ACCOUNT_BLOCKED):
            return RequestResult.BLOCKED
        case WasRefused(outcome=Outcome.PROVIDER_ERROR):
            return RequestResult.FAILED
        case WasRefused():
            return RequestResult.NEUTRAL
        case HasNews():
            return RequestResult.SEEN
        case _:
            return None
