"""What a pick makes of the contact's sticky assignment: every row of SPEC 3.3 and of the carrier guide's mapping table."""

from __future__ import annotations

import math

import pytest

from outdial.rules.blocker import Blocker
from outdial.rules.policy import SelectionPolicy, StickyPolicy, WhenFlagged
from outdial.rules.pool import Member, SkipReason, Tier
from outdial.rules.selection import Choice
from outdial.rules.sticky import Assignment, Saw, Void, why_void
from outdial.rules.waits import Waits
from tests.rules.pools import (
    CHICAGO,
    DAY,
    LONDON,
    NOW,
    blocked,
    bound,
    call,
    chosen,
    later,
    number,
    pick,
    policy,
    pool,
    waiting,
)

MINE = number("mine", through="line-1")
OTHER = number("other", through="line-2")


def saw(choice: object) -> tuple[object, object]:
    assert isinstance(choice, Choice)
    sticky = choice.record["sticky"]
    assert isinstance(sticky, dict)
    return sticky["saw"], sticky.get("why")


def test_row_message_sent_within_8_days__same_sender_reused() -> None:
    for seed in range(50):
        assert chosen(pool(MINE, OTHER), call(), bound("mine", days_left=0.01), seed=seed) == ("mine", Tier.STICKY)


def test_row_no_messages_for_8_days__mapping_expires() -> None:
    choice = pick(pool(OTHER), call(), bound("other", days_left=0))
    assert isinstance(choice, Choice)
    assert choice.tier is Tier.COUNTRY
    assert saw(choice) == (Saw.VOID, Void.EXPIRED)


def test_row_sticky_sender_disabled__all_mappings_void_at_once() -> None:
    off = policy(sticky=StickyPolicy(enabled=False))
    choice = pick(pool(MINE, OTHER, under=off), call(), bound("mine"))
    assert isinstance(choice, Choice)
    assert choice.tier is Tier.COUNTRY
    assert saw(choice) == (Saw.VOID, Void.SWITCHED_OFF)


def test_row_sticky_sender_enabled_again__starts_fresh() -> None:
    on_again = policy(epoch=2)
    choice = pick(pool(MINE, OTHER, under=on_again), call(), bound("mine", epoch=1))
    assert saw(choice) == (Saw.VOID, Void.SWITCHED_OFF)
    assert chosen(pool(MINE, OTHER, under=on_again), call(), bound("mine", epoch=2)) == ("mine", Tier.STICKY)


def test_row_number_removed_from_profile__mappings_to_it_void() -> None:
    choice = pick(pool(OTHER), call(), bound("mine"))
    assert isinstance(choice, Choice)
    assert choice.member is OTHER
    assert saw(choice) == (Saw.VOID, Void.NOT_IN_POOL)


def test_a_number_that_came_back_to_the_pool_does_not_bring_its_mappings_back() -> None:
    returned = number("mine", added_at=NOW - 60)
    assert saw(pick(pool(returned, OTHER), call(), bound("mine", at=NOW - 61))) == (Saw.VOID, Void.NOT_IN_POOL)
    assert chosen(pool(returned, OTHER), call(), bound("mine", at=NOW - 60)) == ("mine", Tier.STICKY)


def test_row_numbers_added__existing_mappings_stay() -> None:
    newcomers = [number(f"new-{i}", rotation=1e6, added_at=NOW - 1) for i in range(20)]
    for seed in range(50):
        assert chosen(pool(MINE, *newcomers), call(), bound("mine"), seed=seed) == ("mine", Tier.STICKY)


UNUSABLE = [
    number("mine", skip=SkipReason.INACTIVE),
    number("mine", skip=SkipReason.PAUSED),
    number("mine", only={"GB"}),
    number("mine", skip=SkipReason.SPAM_FLAGGED),
    number("mine", skip=SkipReason.CARRIER_REJECTED),
    number("mine", skip=SkipReason.FAILING),
    number("mine", skip=SkipReason.DAILY_CAP),
    number("mine", provider="telnyx"),
]


@pytest.mark.parametrize("mine", UNUSABLE, ids=lambda member: str(member.static_skip or member.provider))
def test_row_sticky_number_unavailable__new_number_selected(mine: Member) -> None:
    for seed in range(50):
        choice = pick(pool(mine, OTHER), call(), bound("mine"), seed=seed)
        assert isinstance(choice, Choice)
        assert choice.member is OTHER
        assert choice.tier is not Tier.STICKY
        assert saw(choice)[0] == Saw.UNUSABLE


def test_a_number_that_the_carrier_refused_for_this_attempt_is_not_tried_again() -> None:
    choice = pick(pool(MINE, OTHER), call(without=["mine"]), bound("mine"))
    assert isinstance(choice, Choice)
    assert choice.member is OTHER
    assert saw(choice) == (Saw.UNUSABLE, "excluded")


def test_spam_flagged_and_when_flagged_keep__mapping_holds() -> None:
    keep = policy(sticky=StickyPolicy(when_flagged=WhenFlagged.KEEP))
    flagged = number("mine", skip=SkipReason.SPAM_FLAGGED)
    assert chosen(pool(flagged, OTHER, under=keep), call(), bound("mine")) == ("mine", Tier.STICKY)


def test_when_flagged_keep__a_flagged_number_still_never_enters_the_draw() -> None:
    keep = policy(sticky=StickyPolicy(when_flagged=WhenFlagged.KEEP))
    flagged = number("mine", skip=SkipReason.SPAM_FLAGGED, rotation=1e9)
    for seed in range(50):
        assert chosen(pool(flagged, OTHER, under=keep), call(), seed=seed)[0] == "other"


def test_when_flagged_keep__what_holds_besides_the_flag_still_counts() -> None:
    keep = policy(sticky=StickyPolicy(when_flagged=WhenFlagged.KEEP))
    flagged = number("mine", skip=SkipReason.SPAM_FLAGGED, skip_if_kept=SkipReason.CARRIER_REJECTED)
    choice = pick(pool(flagged, OTHER, under=keep), call(), bound("mine"))
    assert saw(choice) == (Saw.UNUSABLE, SkipReason.CARRIER_REJECTED)


PERFORMS_BADLY = [
    number("mine", rotation=1e-20),
    number("mine", resting=True),
    number("mine", base=0.0),
]


@pytest.mark.parametrize("mine", PERFORMS_BADLY, ids=["lowest weight", "resting", "base weight 0"])
def test_row_skip_unhealthy_does_not_override_mappings(mine: Member) -> None:
    strict = policy(selection=SelectionPolicy(skip_unhealthy=True, long_code_weight=1.0))
    assert chosen(pool(mine, OTHER, under=strict), call(), bound("mine")) == ("mine", Tier.STICKY)


def test_row_geomatch_first_then_sticky__a_mapping_beats_a_nearer_number() -> None:
    local = policy(selection=SelectionPolicy(geomatch=True))
    far = number("mine", LONDON)
    assert chosen(pool(far, OTHER, under=local), call(), bound("mine")) == ("mine", Tier.STICKY)


def test_row_geomatch_selects_the_first__sticky_reuses_that_same_number() -> None:
    local = policy(selection=SelectionPolicy(geomatch=True))
    index = pool(number("chi", CHICAGO), MINE, OTHER, under=local)
    assert chosen(index, call(CHICAGO)) == ("chi", Tier.AREA_CODE)
    assert chosen(index, call(CHICAGO), bound("chi")) == ("chi", Tier.STICKY)


# --- Fine, but busy ------------------------------------------------------------------------------------------------


def test_busy_number_is_waited_for() -> None:
    wait = blocked(pool(MINE, OTHER), call(), bound("mine"), busy=["line-1"])
    assert wait.blocker is Blocker.STICKY_NUMBER_BUSY
    assert wait.lines == ("line-1",)
    assert wait.blocked_since == NOW
    assert wait.look_at == wait.next_eligible_at == NOW + 600


def test_the_wait_is_counted_from_its_beginning() -> None:
    first = blocked(pool(MINE, OTHER), call(), bound("mine"), busy=["line-1"])
    again = blocked(pool(MINE, OTHER), later(call(), first), bound("mine"), busy=["line-1"], now=NOW + 599)
    assert again.blocked_since == NOW
    assert again.look_at == NOW + 600


def test_after_max_wait_another_number_for_this_attempt_only() -> None:
    first = blocked(pool(MINE, OTHER), call(), bound("mine"), busy=["line-1"])
    choice = pick(pool(MINE, OTHER), later(call(), first), bound("mine"), busy=["line-1"], now=NOW + 600)
    assert isinstance(choice, Choice)
    assert choice.member is OTHER
    assert saw(choice)[0] == Saw.BUSY


def test_its_number_is_taken_if_it_has_room_again_even_after_the_wait() -> None:
    after = call(waits=Waits(Blocker.TIER_BUSY, NOW - 5, sticky_waited=True))
    assert chosen(pool(MINE, OTHER), after, bound("mine")) == ("mine", Tier.STICKY)


def test_a_wait_that_is_over_does_not_begin_again() -> None:
    over = blocked(
        pool(MINE, OTHER),
        call(waits=Waits(Blocker.STICKY_NUMBER_BUSY, NOW - 600)),
        bound("mine"),
        busy=["line-1", "line-2"],
    )
    assert over.blocker is Blocker.CONNECTIONS_AT_CAPACITY
    assert over.sticky_waited
    assert over.lines == ("line-1", "line-2")
    assert chosen(pool(MINE, OTHER), later(call(), over), bound("mine"), busy=["line-1"])[0] == "other"


def test_a_wait_for_something_else_does_not_count() -> None:
    other_wait = call(waits=Waits(Blocker.CONTACT_IN_CALL, NOW - 5_000))
    assert blocked(pool(MINE, OTHER), other_wait, bound("mine"), busy=["line-1"]).blocked_since == NOW


@pytest.mark.parametrize(("max_wait_s", "waits"), [(0.0, False), (600.0, True), (math.inf, True)])
def test_max_wait_is_the_operators(max_wait_s: float, waits: bool) -> None:
    under = policy(sticky=StickyPolicy(max_wait_s=max_wait_s))
    result = pick(pool(MINE, OTHER, under=under), call(), bound("mine"), busy=["line-1"])
    assert isinstance(result, Choice) is not waits


def test_waiting_for_ever_has_no_time_to_look_again() -> None:
    under = policy(sticky=StickyPolicy(max_wait_s=math.inf))
    wait = blocked(pool(MINE, under=under), call(), bound("mine"), busy=["line-1"])
    assert wait.look_at is None
    assert wait.next_eligible_at is None
    assert waiting(wait).blocked_since == NOW


def test_the_only_number_busy_after_its_wait_is_a_matter_of_capacity() -> None:
    alone = number("mine", base=0.0)
    over = blocked(
        pool(alone), call(waits=Waits(Blocker.STICKY_NUMBER_BUSY, NOW - 600)), bound("mine"), busy=["line-1"]
    )
    assert over.blocker is Blocker.CONNECTIONS_AT_CAPACITY
    assert over.lines == ("line-1",)


# --- Does it hold? -------------------------------------------------------------------------------------------------

HOLDS: list[tuple[str, Assignment, Void | None]] = [
    ("in its life time", bound("mine", days_left=1), None),
    ("for ever", bound("mine", days_left=None), None),
    ("its last moment is over", bound("mine", days_left=0), Void.EXPIRED),
    ("older epoch", bound("mine", epoch=0), Void.SWITCHED_OFF),
    ("newer epoch", bound("mine", epoch=2), Void.SWITCHED_OFF),
    ("older than the membership", bound("mine", at=NOW - 31 * DAY), Void.NOT_IN_POOL),
]


@pytest.mark.parametrize(("assignment", "void"), [case[1:] for case in HOLDS], ids=[case[0] for case in HOLDS])
def test_whether_an_assignment_holds(assignment: Assignment, void: Void | None) -> None:
    assert why_void(assignment, policy(), NOW - 30 * DAY, NOW) is void
