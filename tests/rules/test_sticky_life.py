"""How calls make, renew and move sticky assignments (SPEC 3.3), races and late news included."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.ids import NumberId
from outdial.rules.policy import BindOn, CampaignPolicy, StickyPolicy
from outdial.rules.sticky import (
    Assignment,
    CallFromNumber,
    Saw,
    SeenSticky,
    StickyChange,
    StickyEvent,
    on_accepted,
    on_reached,
    why_void,
)
from tests.rules.pools import DAY, NOW, bound, policy

A, B, C = NumberId("a"), NumberId("b"), NumberId("c")
MEMBERS = {A: NOW - 30 * DAY, B: NOW - 30 * DAY, C: NOW - 30 * DAY}
TTL = 8 * DAY
ON_PLACED = policy(sticky=StickyPolicy(bind_on=BindOn.PLACED))


def call_from(
    number: NumberId, saw: Saw = Saw.NOTHING, assignment: Assignment | None = None, *, epoch: int = 1
) -> CallFromNumber:
    seen = SeenSticky(saw, assignment.number, assignment.bound_at) if assignment else SeenSticky(saw)
    return CallFromNumber(number, epoch, "attempt 7", seen, accepted_at=NOW - 60)


def reached(
    assignment: Assignment | None,
    call: CallFromNumber,
    under: CampaignPolicy | None = None,
    members: dict[NumberId, float] | None = None,
) -> StickyChange | None:
    return on_reached(under or policy(), assignment, call, MEMBERS if members is None else members, NOW)


def accepted(
    assignment: Assignment | None, call: CallFromNumber, under: CampaignPolicy | None = None
) -> StickyChange | None:
    return on_accepted(under or policy(), assignment, call, MEMBERS, NOW)


# --- Binding -------------------------------------------------------------------------------------------------------


def test_the_number_that_reached_the_contact_is_remembered() -> None:
    change = reached(None, call_from(A))
    assert change == StickyChange(StickyEvent.BOUND, Assignment(A, 1, NOW, NOW - 60 + TTL, "attempt 7"))


def test_acceptance_alone_binds_nothing_by_default() -> None:
    assert accepted(None, call_from(A)) is None


def test_bind_on_placed_binds_when_the_carrier_accepts_and_not_when_reached() -> None:
    change = accepted(None, call_from(A), ON_PLACED)
    assert change is not None
    assert change.event is StickyEvent.BOUND
    assert reached(None, call_from(A), ON_PLACED) is None


def test_the_first_number_that_reaches_the_contact_wins() -> None:
    first = reached(None, call_from(A))
    assert first is not None
    assert reached(first.assignment, call_from(B)) is None


def test_a_repeated_report_changes_nothing() -> None:
    first = reached(None, call_from(A))
    assert first is not None
    assert reached(first.assignment, call_from(A)) is None


def test_an_expired_assignment_counts_as_absent() -> None:
    old = bound("a", days_left=0)
    change = reached(old, call_from(B, Saw.VOID, old))
    assert change is not None
    assert (change.event, change.assignment.number, change.previous) == (StickyEvent.BOUND, B, None)


def test_an_assignment_that_expires_during_its_own_call_is_made_anew() -> None:
    old = bound("a", days_left=0)
    change = reached(old, call_from(A, Saw.USED, old))
    assert change is not None
    assert change.event is StickyEvent.BOUND


def test_sticky_switched_off_binds_nothing() -> None:
    off = policy(sticky=StickyPolicy(enabled=False), epoch=2)
    assert reached(None, call_from(A, epoch=2), off) is None


def test_a_call_placed_before_sticky_was_switched_off_does_not_bind_after_it_is_on_again() -> None:
    on_again = policy(epoch=2)
    assert reached(None, call_from(A, epoch=1), on_again) is None
    assert reached(None, call_from(A, epoch=2), on_again) is not None


def test_a_number_that_left_the_pool_during_its_call_is_not_bound() -> None:
    assert reached(None, call_from(A), members={B: NOW - DAY}) is None


def test_an_assignment_that_was_cleared_during_its_own_call_stays_cleared() -> None:
    assert reached(None, call_from(A, Saw.USED, bound("a"))) is None


# --- Moving --------------------------------------------------------------------------------------------------------


def test_unavailable_number__the_one_that_reaches_the_contact_inherits_the_mapping() -> None:
    old = bound("a")
    change = reached(old, call_from(B, Saw.UNUSABLE, old))
    assert change is not None
    assert (change.event, change.previous, change.assignment.number) == (StickyEvent.MOVED, A, B)
    assert change.assignment.bound_at == NOW


def test_unavailable_number__nobody_reached_leaves_the_row() -> None:
    old = bound("a")
    assert accepted(old, call_from(B, Saw.UNUSABLE, old)) is None


def test_unavailable_number__bind_on_placed_moves_when_accepted() -> None:
    old = bound("a")
    change = accepted(old, call_from(B, Saw.UNUSABLE, old), ON_PLACED)
    assert change is not None
    assert change.event is StickyEvent.MOVED


def test_another_number_for_this_attempt_only_leaves_the_mapping_unchanged() -> None:
    old = bound("a")
    assert reached(old, call_from(B, Saw.BUSY, old)) is None
    assert accepted(old, call_from(B, Saw.BUSY, old), ON_PLACED) is None


def test_a_mapping_made_in_the_meantime_is_not_moved() -> None:
    seen, now_stands = bound("a"), bound("c", at=NOW - 5)
    assert reached(now_stands, call_from(B, Saw.UNUSABLE, seen)) is None
    same_number_set_anew = bound("a", at=NOW - 5)
    assert reached(same_number_set_anew, call_from(B, Saw.UNUSABLE, seen)) is None


def test_the_unusable_number_left_the_pool_during_the_call() -> None:
    change = reached(None, call_from(B, Saw.UNUSABLE, bound("a")), members={B: NOW - DAY})
    assert change is not None
    assert change.event is StickyEvent.BOUND


# --- Life time -----------------------------------------------------------------------------------------------------


def test_each_accepted_call_from_the_number_starts_its_life_time_anew() -> None:
    change = accepted(bound("a", days_left=0.5), call_from(A, Saw.USED, bound("a", days_left=0.5)))
    assert change is not None
    assert change.event is StickyEvent.RENEWED
    assert change.assignment == replace(bound("a"), expires_at=NOW - 60 + TTL)


def test_a_repeated_acceptance_renews_nothing() -> None:
    first = accepted(bound("a", days_left=0.5), call_from(A))
    assert first is not None
    assert accepted(first.assignment, call_from(A)) is None


def test_a_call_from_another_number_renews_nothing() -> None:
    assert accepted(bound("a"), call_from(B, Saw.BUSY, bound("a"))) is None


def test_a_late_report_of_an_older_call_never_shortens_a_life() -> None:
    late = replace(call_from(A), accepted_at=NOW - 2 * DAY)
    assert accepted(bound("a", days_left=7.9), late) is None


def test_a_life_time_that_was_lowered_takes_effect_with_the_next_call() -> None:
    short = policy(sticky=StickyPolicy(ttl_s=DAY))
    change = accepted(bound("a", days_left=7), call_from(A), short)
    assert change is not None
    assert change.assignment.expires_at == NOW - 60 + DAY


@pytest.mark.parametrize("days_left", [1.0, None])
def test_life_time_0_is_for_ever(days_left: float | None) -> None:
    for_ever = policy(sticky=StickyPolicy(ttl_s=0))
    change = accepted(bound("a", days_left=days_left), call_from(A), for_ever)
    stands = change.assignment if change else bound("a", days_left=days_left)
    assert stands.expires_at is None
    assert why_void(stands, for_ever, MEMBERS[A], NOW + 10_000 * DAY) is None


def test_for_ever_ends_when_a_life_time_is_set() -> None:
    change = accepted(bound("a", days_left=None), call_from(A))
    assert change is not None
    assert change.assignment.expires_at == NOW - 60 + TTL


# --- Any order -----------------------------------------------------------------------------------------------------


@given(calls=st.lists(st.tuples(st.sampled_from([A, B, C]), st.booleans()), max_size=12))
def test_whatever_is_reported_the_first_that_reached_the_contact_keeps_it(calls: list[tuple[NumberId, bool]]) -> None:
    """Calls that all saw no assignment, their ends reported in any order with any repetitions."""
    stands: Assignment | None = None
    for number, was_reached in calls:
        change = (reached if was_reached else accepted)(stands, call_from(number))
        stands = change.assignment if change else stands
    first = next((number for number, was_reached in calls if was_reached), None)
    assert (stands.number if stands else None) == first
