"""Spam-flagged numbers and compliance skips, in the words of the page on them; and what happens when nobody is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outdial.rules.blocker import Blocker
from outdial.rules.ids import NumberId
from outdial.rules.policy import SelectionPolicy
from outdial.rules.pool import Member, SkipReason
from outdial.rules.selection import LOOK_AGAIN_S
from tests.rules.pools import LONDON, NEW_YORK, NOW, NOWHERE, blocked, call, drawn, later, number, policy, pool

# --- "... are skipped and never enter the pick, including for the very first call" ---------------------------------


@pytest.mark.parametrize("prefer", [True, False])
def test_flagged_numbers_are_skipped_for_the_very_first_call_too(prefer: bool) -> None:
    under = policy(selection=SelectionPolicy(prefer_country_match=prefer))
    flagged = number("flagged", skip=SkipReason.SPAM_FLAGGED, rotation=1e9, base=1e9)
    assert drawn(pool(flagged, number("clean"), under=under), picks=50) == {"clean"}


def test_numbers_not_allowed_to_dial_the_contacts_country_are_skipped() -> None:
    uk_only, anywhere = number("uk-only", NEW_YORK, only={"GB"}), number("anywhere", NEW_YORK)
    index = pool(uk_only, anywhere)
    assert drawn(index, call(NEW_YORK), picks=50) == {"anywhere"}
    assert drawn(index, call(LONDON), picks=50) == {"anywhere", "uk-only"}


@pytest.mark.parametrize("skip", SkipReason)
def test_calls_continue_on_the_remaining_numbers_while_one_is_out(skip: SkipReason) -> None:
    bad = number("bad", skip=skip, rotation=1e9)
    assert drawn(pool(bad, number("a"), number("b")), picks=50) == {"a", "b"}


def test_an_empty_list_of_countries_is_no_restriction() -> None:
    assert drawn(pool(number("anywhere", only=())), call(NOWHERE), picks=2) == {"anywhere"}


# --- "Confirm the campaign has more than one eligible number so skips do not stall outreach" -----------------------


def test_only_a_flagged_number_left_stalls_and_does_not_dial() -> None:
    wait = blocked(pool(number("primary", skip=SkipReason.SPAM_FLAGGED)))
    assert wait.blocker is Blocker.NO_ELIGIBLE_NUMBER
    assert wait.look_at == NOW + LOOK_AGAIN_S
    assert wait.lines == ()
    assert wait.next_eligible_at is None


def test_an_empty_pool_stalls() -> None:
    assert blocked(pool()).blocker is Blocker.NO_ELIGIBLE_NUMBER


def test_no_eligible_number_is_looked_at_once_a_minute_and_keeps_its_beginning() -> None:
    index = pool(number("primary", skip=SkipReason.FAILING))
    first = blocked(index)
    again = blocked(index, later(call(), first), now=NOW + 60)
    assert (again.blocked_since, again.look_at) == (NOW, NOW + 120)


CAPPED: list[tuple[str, list[Member], Blocker]] = [
    (
        "one flagged, one capped",
        [number("a", skip=SkipReason.SPAM_FLAGGED), number("b", skip=SkipReason.DAILY_CAP)],
        Blocker.NUMBERS_AT_DAILY_CAP,
    ),
    (
        "the capped one may not call there anyway",
        [number("b", skip=SkipReason.DAILY_CAP, only={"GB"})],
        Blocker.NO_ELIGIBLE_NUMBER,
    ),
    (
        "the capped one has no answer instruction anyway",
        [number("b", skip=SkipReason.DAILY_CAP, provider="telnyx")],
        Blocker.NO_ELIGIBLE_NUMBER,
    ),
    (
        "the capped one would not be drawn anyway",
        [number("b", skip=SkipReason.DAILY_CAP, base=0)],
        Blocker.NO_ELIGIBLE_NUMBER,
    ),
    (
        "the capped one is the primary",
        [number("primary", skip=SkipReason.DAILY_CAP, base=0)],
        Blocker.NUMBERS_AT_DAILY_CAP,
    ),
]


@pytest.mark.parametrize(("members", "blocker"), [case[1:] for case in CAPPED], ids=[case[0] for case in CAPPED])
def test_the_daily_cap_is_named_when_it_is_why(members: list[Member], blocker: Blocker) -> None:
    assert blocked(pool(*members)).blocker is blocker


FRESH: list[tuple[str, list[str], list[str], Blocker | None]] = [
    ("one of two has used its cap up since the pool was looked at", ["a"], [], None),
    ("both have", ["a", "b"], [], Blocker.NUMBERS_AT_DAILY_CAP),
    ("one has, the carrier refused the other", ["a"], ["b"], Blocker.NUMBERS_AT_DAILY_CAP),
    ("the carrier refused both, whatever their caps", ["a", "b"], ["a", "b"], Blocker.NO_ELIGIBLE_NUMBER),
]


@pytest.mark.parametrize(
    ("capped", "refused", "blocker"), [case[1:] for case in FRESH], ids=[case[0] for case in FRESH]
)
def test_a_cap_holds_from_the_call_that_uses_it_up(
    capped: list[str], refused: list[str], blocker: Blocker | None
) -> None:
    attempt = replace(call(without=refused), capped=frozenset(map(NumberId, capped)))
    index = pool(number("a"), number("b"))
    if blocker is None:
        assert drawn(index, attempt, picks=40) == {"b"}
    else:
        assert blocked(index, attempt).blocker is blocker
