"""What becomes of a call: only proof of no call lets an attempt wait again, and the order of the news never matters."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules import call_fate as fate
from outdial.rules.blocker import Blocker
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.circuit import RequestResult
from outdial.rules.outcome import Outcome

NOW = 1_800_000_000.0


def decide(facts: fate.CallFacts, *reports: fate.Report, detects: bool = False, picks: int = 1) -> fate.Fate:
    return fate.decide(facts, reports, now=NOW, detects_machine=detects, picks=picks, overdue_after_s=90.0)


def news(progress: Progress, outcome: Outcome | None = None, by: AnsweredBy | None = None) -> fate.HasNews:
    answered = outcome is not None and outcome.startswith("answered")
    told = CallNews(progress, carrier_call_id="CA1", at=NOW - 5, outcome=outcome, answered_by=by, was_answered=answered)
    return fate.HasNews(told, NOW)


ACCEPTED = fate.WasAccepted("CA1", "queued", NOW)
MAY_EXIST = fate.MayExist("timeout", 5.0)
PLACING = fate.CallFacts()
UNCONFIRMED = fate.CallFacts(state=fate.CallState.UNCONFIRMED)
PLACED = fate.CallFacts(state=fate.CallState.PLACED, carrier_call_id="CA1", accepted_at=NOW - 9)


@pytest.mark.parametrize(
    ("report", "blocker", "excluded"),
    [
        (fate.WasNotSent("too_late"), Blocker.IN_LINE, False),
        (fate.WasNotSent("dns"), Blocker.CARRIER_BACKOFF, False),
        (fate.WasDeferred("20429", 7.0), Blocker.CARRIER_BACKOFF, False),
        (fate.WasRefused(Outcome.CALLER_ID_REJECTED, None, "21210"), Blocker.IN_LINE, True),
        (fate.WasRefused(Outcome.ACCOUNT_BLOCKED, None, "20003"), Blocker.IN_LINE, False),
    ],
    ids=lambda value: str(value)[:40],
)
def test_proof_of_no_call_lets_the_attempt_wait_again(report: fate.Report, blocker: Blocker, excluded: bool) -> None:
    decided = decide(PLACING, report)
    assert isinstance(decided, fate.WaitsAgain)
    assert (decided.blocker, decided.exclude_number) == (blocker, excluded)


def test_the_carriers_own_delay_is_kept() -> None:
    decided = decide(PLACING, fate.WasDeferred("20429", 7.0))
    assert isinstance(decided, fate.WaitsAgain)
    assert decided.wake_at == NOW + 7.0


def test_three_picks_refused_for_the_caller_id_are_enough() -> None:
    decided = decide(PLACING, fate.WasRefused(Outcome.CALLER_ID_REJECTED, None, "21210"), picks=3)
    assert isinstance(decided, fate.Ends)
    assert decided.outcome is Outcome.CALLER_ID_REJECTED


def test_a_final_refusal_ends_the_attempt() -> None:
    decided = decide(PLACING, fate.WasRefused(Outcome.INVALID_NUMBER, None, "21211"))
    assert isinstance(decided, fate.Ends)
    assert decided.outcome is Outcome.INVALID_NUMBER


def test_an_ambiguous_create_keeps_the_call_open() -> None:
    decided = decide(PLACING, MAY_EXIST)
    assert isinstance(decided, fate.StaysOpen)
    assert decided.facts.state is fate.CallState.UNCONFIRMED


@pytest.mark.parametrize("denial", [fate.WasNotSent("connect"), fate.WasDeferred("429", None)])
@pytest.mark.parametrize("sign", [ACCEPTED, news(Progress.RINGING)])
def test_a_sign_of_life_outweighs_every_denial(denial: fate.Report, sign: fate.Report) -> None:
    for order in permutations([denial, sign]):
        decided = decide(PLACING, *order)
        assert isinstance(decided, fate.StaysOpen)
        assert decided.facts.state is fate.CallState.PLACED


def test_two_counting_searches_without_result_are_the_carriers_word() -> None:
    once = decide(UNCONFIRMED, fate.IsNowhere(counts=True, ask_again_at=NOW + 60))
    assert isinstance(once, fate.StaysOpen)
    assert once.facts.checks == 1
    twice = decide(once.facts, fate.IsNowhere(counts=True, ask_again_at=NOW + 60))
    assert isinstance(twice, fate.Ends)
    assert twice.outcome is Outcome.AMBIGUOUS


def test_searches_before_the_settle_time_prove_nothing() -> None:
    facts = UNCONFIRMED
    for _ in range(5):
        decided = decide(facts, fate.IsNowhere(counts=False, ask_again_at=NOW + 30))
        assert isinstance(decided, fate.StaysOpen)
        facts = decided.facts
    assert facts.checks == 0


def test_the_deadline_ends_a_call_nobody_can_tell_about() -> None:
    placed, unconfirmed = decide(PLACED, fate.IsOverdue(NOW)), decide(UNCONFIRMED, fate.IsOverdue(NOW))
    assert isinstance(placed, fate.Ends)
    assert placed.outcome is Outcome.UNKNOWN
    assert isinstance(unconfirmed, fate.Ends)
    assert unconfirmed.outcome is Outcome.AMBIGUOUS


def test_machine_detection_is_waited_for_ten_seconds() -> None:
    ended = decide(PLACED, news(Progress.FINAL, Outcome.ANSWERED_UNKNOWN), detects=True)
    assert isinstance(ended, fate.StaysOpen)
    assert ended.facts.next_check_at == NOW + 10
    machine = decide(ended.facts, news(Progress.MACHINE_RESULT, by=AnsweredBy.MACHINE), detects=True)
    assert isinstance(machine, fate.Ends)
    assert machine.outcome is Outcome.ANSWERED_MACHINE
    silent = decide(ended.facts, fate.IsOverdue(NOW + 10), detects=True)
    assert isinstance(silent, fate.Ends)
    assert silent.outcome is Outcome.ANSWERED_UNKNOWN


STORY: list[fate.Report] = [
    ACCEPTED,
    news(Progress.INITIATED),
    news(Progress.RINGING),
    news(Progress.ANSWERED),
    news(Progress.MACHINE_RESULT, by=AnsweredBy.HUMAN),
    news(Progress.FINAL, Outcome.ANSWERED_UNKNOWN, AnsweredBy.HUMAN),
]


@given(st.permutations([*STORY, *STORY]))
def test_any_order_with_repetitions_ends_in_the_same_outcome(order: list[fate.Report]) -> None:
    """One by one, as callbacks come; after the end nothing is open any more, so the fold stops there."""
    facts, outcome = PLACING, None
    for report in order:
        decided = decide(facts, report)
        if isinstance(decided, fate.Ends):
            outcome = decided.outcome
            break
        assert isinstance(decided, fate.StaysOpen)
        assert decided.facts.progress >= facts.progress
        facts = decided.facts
    assert outcome is not None
    assert outcome in (Outcome.ANSWERED_HUMAN, Outcome.ANSWERED_UNKNOWN)


@given(st.permutations(STORY))
def test_one_batch_in_any_order_gives_the_same_facts(order: list[fate.Report]) -> None:
    first, other = decide(PLACING, *STORY), decide(PLACING, *order)
    assert isinstance(first, fate.Ends)
    assert isinstance(other, fate.Ends)
    assert (first.outcome, first.facts.answered_at, first.facts.ended_at) == (
        other.outcome,
        other.facts.answered_at,
        other.facts.ended_at,
    )


@pytest.mark.parametrize(
    ("report", "result"),
    [
        (ACCEPTED, RequestResult.WORKED),
        (MAY_EXIST, RequestResult.FAILED),
        (fate.MayExist(fate.WORKER_LOST, 5.0), RequestResult.NEUTRAL),
        (fate.WasDeferred("429", None), RequestResult.NEUTRAL),
        (fate.WasNotSent("too_late"), RequestResult.NEUTRAL),
        (fate.WasNotSent("dns"), RequestResult.FAILED),
        (fate.WasRefused(Outcome.ACCOUNT_BLOCKED, None, None), RequestResult.BLOCKED),
        (fate.WasRefused(Outcome.INVALID_NUMBER, None, None), RequestResult.NEUTRAL),
        (fate.WasNotSent("left_the_pool"), RequestResult.NEUTRAL),
        (news(Progress.RINGING), RequestResult.SEEN),
        (fate.IsOverdue(NOW), None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_an_answer_says_about_its_connection(report: fate.Report, result: RequestResult | None) -> None:
    assert fate.request_result(report) is result


@pytest.mark.parametrize("first", [0, 1], ids=["answered first", "end first"])
def test_a_call_that_was_seen_answered_does_not_end_unanswered(first: int) -> None:
    """Telnyx's `normal_clearing` without a SIP code says neither."""
    both = [news(Progress.ANSWERED), news(Progress.FINAL, Outcome.NO_ANSWER)]
    decided = decide(PLACED, *both[first:], *both[:first])
    assert isinstance(decided, fate.Ends)
    assert decided.outcome is Outcome.ANSWERED_UNKNOWN


@pytest.mark.parametrize("outcome", [Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CARRIER_FAILED])
def test_the_last_word_stands_otherwise(outcome: Outcome) -> None:
    decided = decide(PLACED, news(Progress.RINGING), news(Progress.FINAL, outcome))
    assert isinstance(decided, fate.Ends)
    assert decided.outcome is outcome


def test_another_legs_end_is_not_this_calls_end() -> None:
    """A customer's application may transfer the call; the new leg's events come to the same address."""
    other = fate.HasNews(replace(news(Progress.FINAL, Outcome.BUSY).news, carrier_call_id="CA2"), NOW)
    decided = decide(PLACED, other)
    assert decided == fate.StaysOpen(PLACED)
    decided = decide(PLACED, other, news(Progress.FINAL, Outcome.ANSWERED_UNKNOWN))
    assert isinstance(decided, fate.Ends)
    assert decided.outcome is Outcome.ANSWERED_UNKNOWN
