"""What another number in the pool changes: nothing at all while it may not call, nothing but a wait while it is busy."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.blocker import Blocker
from outdial.rules.picture_body import picture_of
from outdial.rules.pool import Geography, Member, NumberType, SkipReason
from outdial.rules.pool_index import PoolIndex
from outdial.rules.selection import Blocked, Choice
from tests.rules.pools import CAMPAIGN, lines, number
from tests.rules.test_selection_properties import CONNECTIONS, PLACES, Case, cases

NOBODY = {Blocker.NO_ELIGIBLE_NUMBER, Blocker.NUMBERS_AT_DAILY_CAP}


def with_one_more(case: Case, extra: Member, busy: frozenset[str] = frozenset()) -> Case:
    under = case.index.policy
    index = PoolIndex(picture_of(CAMPAIGN, [*case.index.picture.members, extra], under), under)
    return replace(case, index=index, busy=case.busy | busy)


def essence(result: Choice | Blocked) -> tuple[object, ...]:
    """Who calls by which tier, or what is waited for; both blockers of an exhausted pool are one here."""
    if isinstance(result, Choice):
        return result.member, result.tier
    return result.blocker in NOBODY or result.blocker, result.look_at, result.lines, result.spilled


@given(
    case=cases(),
    place=PLACES,
    skip=st.sampled_from(SkipReason),
    through=st.sampled_from([*CONNECTIONS, "elsewhere"]),
    rotation=st.sampled_from([1.0, 1e9]),
)
def test_a_number_that_may_not_call_changes_nothing(
    case: Case, place: Geography, skip: SkipReason, through: str, rotation: float
) -> None:
    extra = number("extra", place, through=through, skip=skip, rotation=rotation)
    assert essence(with_one_more(case, extra).pick()) == essence(case.pick())


@given(case=cases(), place=PLACES)
def test_a_number_not_allowed_to_call_there_changes_nothing(case: Case, place: Geography) -> None:
    extra = number("extra", place, through="u", only={"JP"} if case.attempt.contact.country != "JP" else {"FR"})
    assert essence(with_one_more(case, extra).pick()) == essence(case.pick())


@given(case=cases(), place=PLACES, through=st.sampled_from([*CONNECTIONS, "elsewhere"]))
def test_a_number_of_no_weight_changes_nothing(case: Case, place: Geography, through: str) -> None:
    extra = number("extra", place, through=through, base=0.0, kind=NumberType.MOBILE)
    assert essence(with_one_more(case, extra).pick()) == essence(case.pick())


@given(case=cases(), place=PLACES)
def test_a_busy_number_is_waited_for_or_changes_nothing(case: Case, place: Geography) -> None:
    """It rests, so that `skip_unhealthy` has no reason to leave resting numbers out for it."""
    before = case.pick()
    after = with_one_more(case, number("extra", place, through="full", resting=True), frozenset({"full"})).pick()
    if isinstance(after, Choice):
        assert essence(after) == essence(before)
    elif isinstance(before, Choice):
        assert after.blocker in (Blocker.TIER_BUSY, Blocker.CONNECTIONS_AT_CAPACITY)
        assert lines("full") <= set(after.lines)
