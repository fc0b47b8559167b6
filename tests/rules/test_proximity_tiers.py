"""Area code, country, near time zone, whole pool (SPEC 3.4): which tier serves whom, and how long it is waited for."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from outdial.rules.blocker import Blocker
from outdial.rules.policy import SelectionPolicy
from outdial.rules.pool import Geography, Member, NumberType, SkipReason, Tier
from outdial.rules.selection import Choice
from outdial.rules.waits import Waits
from tests.rules.pools import (
    CHICAGO,
    LONDON,
    LOS_ANGELES,
    NEW_YORK,
    NOW,
    NOWHERE,
    PARIS,
    TOKYO,
    TOLL_FREE,
    TORONTO,
    blocked,
    bound,
    call,
    chosen,
    drawn,
    later,
    number,
    pick,
    policy,
    pool,
)

GEOMATCH = SelectionPolicy(geomatch=True)
OFF = SelectionPolicy(prefer_country_match=False)
GEOMATCH_ONLY = SelectionPolicy(prefer_country_match=False, geomatch=True)

NY, CHI, LA = number("ny", NEW_YORK), number("chi", CHICAGO), number("la", LOS_ANGELES)
TOR, LON, PAR, TYO = number("tor", TORONTO), number("lon", LONDON), number("par", PARIS), number("tyo", TOKYO)
FREE = number("free", TOLL_FREE)

TIERS: list[tuple[str, SelectionPolicy, list[Member], Geography, set[str], Tier]] = [
    ("same country", SelectionPolicy(), [NY, LA, LON, TYO], CHICAGO, {"ny", "la"}, Tier.COUNTRY),
    ("the US and Canada differ", SelectionPolicy(), [NY, TOR, LON], TORONTO, {"tor"}, Tier.COUNTRY),
    ("a toll-free number has its country", SelectionPolicy(), [FREE, LON], NEW_YORK, {"free"}, Tier.COUNTRY),
    ("no number there: a near time zone", SelectionPolicy(), [NY, LON, TYO], PARIS, {"lon"}, Tier.TIME_ZONE),
    ("an hour apart is near", SelectionPolicy(), [CHI, TYO], TORONTO, {"chi"}, Tier.TIME_ZONE),
    ("three hours apart is not", SelectionPolicy(), [LA, TYO], TORONTO, {"la", "tyo"}, Tier.POOL),
    ("near is what the policy says", SelectionPolicy(near_time_zone_hours=3), [LA, TYO], TORONTO, {"la"}, Tier.TIME_ZONE),
    ("0 hours: the same offset", SelectionPolicy(near_time_zone_hours=0), [NY, CHI, TYO], TORONTO, {"ny"}, Tier.TIME_ZONE),
    ("a number without zone is near to nobody", SelectionPolicy(), [FREE, TYO], TORONTO, {"free", "tyo"}, Tier.POOL),
    ("nothing near: the whole pool", SelectionPolicy(), [NY, TYO], LONDON, {"ny", "tyo"}, Tier.POOL),
    ("a contact of no known country and zone", SelectionPolicy(), [NY, LON], NOWHERE, {"ny", "lon"}, Tier.POOL),
    ("a number of no known country does not match it", SelectionPolicy(), [number("x", NOWHERE), NY], NOWHERE, {"x", "ny"}, Tier.POOL),
    ("a contact with a zone but no country", SelectionPolicy(), [NY, LON], Geography(None, None, PARIS.zones), {"lon"}, Tier.TIME_ZONE),
    ("area code first with geomatch", GEOMATCH, [NY, CHI, LON], CHICAGO, {"chi"}, Tier.AREA_CODE),
    ("no such area code: the country", GEOMATCH, [NY, LA, LON], CHICAGO, {"ny", "la"}, Tier.COUNTRY),
    ("geomatch off: area codes mean nothing", SelectionPolicy(), [NY, CHI], CHICAGO, {"ny", "chi"}, Tier.COUNTRY),
    ("no area code, geomatch on", GEOMATCH, [LON, PAR], LONDON, {"lon"}, Tier.COUNTRY),
    ("country match off: the whole pool", OFF, [NY, LON, TYO], LONDON, {"ny", "lon", "tyo"}, Tier.POOL),
    ("country match off, geomatch on", GEOMATCH_ONLY, [NY, CHI, TYO], CHICAGO, {"chi"}, Tier.AREA_CODE),
    ("country match off, geomatch on, no such area", GEOMATCH_ONLY, [NY, TYO], CHICAGO, {"ny", "tyo"}, Tier.POOL),
    ("a country of skipped numbers does not match", SelectionPolicy(), [number("bad", LONDON, skip=SkipReason.SPAM_FLAGGED), PAR, NY], LONDON, {"par"}, Tier.TIME_ZONE),
    ("a country of weightless numbers does not match", SelectionPolicy(), [number("zero", LONDON, base=0), PAR, NY], LONDON, {"par"}, Tier.TIME_ZONE),
    ("a number that may not call there does not match", SelectionPolicy(), [number("own", LONDON, only={"FR"}), NY], LONDON, {"ny"}, Tier.POOL),
]  # fmt: skip


@pytest.mark.parametrize(
    ("selection", "members", "contact", "numbers", "tier"),
    [case[1:] for case in TIERS],
    ids=[case[0] for case in TIERS],
)
def test_which_tier_serves_whom(
    selection: SelectionPolicy, members: list[Member], contact: Geography, numbers: set[str], tier: Tier
) -> None:
    index = pool(*members, under=policy(selection=selection))
    assert chosen(index, call(contact))[1] is tier
    assert drawn(index, call(contact), picks=60) == numbers


def test_a_number_excluded_for_this_attempt_leaves_its_tier() -> None:
    assert chosen(pool(LON, PAR, NY), call(LONDON, without=["lon"])) == ("par", Tier.TIME_ZONE)
    assert chosen(pool(LON, PAR, NY), call(LONDON)) == ("lon", Tier.COUNTRY)


IN_TURN: list[tuple[str, SelectionPolicy, list[Member], list[tuple[Geography, set[str]]]]] = [
    ("area codes", GEOMATCH, [NY, CHI], [(NEW_YORK, {"ny"}), (CHICAGO, {"chi"}), (NEW_YORK, {"ny"})]),
    ("countries", SelectionPolicy(), [NY, LON], [(NEW_YORK, {"ny"}), (LONDON, {"lon"})]),
    ("time zones", SelectionPolicy(), [CHI, LON], [(PARIS, {"lon"}), (TORONTO, {"chi"}), (PARIS, {"lon"})]),
    (
        "allowed countries",
        SelectionPolicy(),
        [NY, number("gb-only", NEW_YORK, only={"GB"})],
        [(TOKYO, {"ny"}), (LONDON, {"ny", "gb-only"}), (TOKYO, {"ny"})],
    ),
]


@pytest.mark.parametrize(("selection", "members", "calls"), [case[1:] for case in IN_TURN], ids=[c[0] for c in IN_TURN])
def test_one_pool_serves_contacts_of_all_places_in_turn(
    selection: SelectionPolicy, members: list[Member], calls: list[tuple[Geography, set[str]]]
) -> None:
    index = pool(*members, under=policy(selection=selection))
    for contact, numbers in calls:
        assert drawn(index, call(contact), picks=40) == numbers


def test_a_country_whose_numbers_are_all_of_a_type_without_weight_is_no_match() -> None:
    under = policy(selection=SelectionPolicy(toll_free_weight=0))
    free = number("free", TOLL_FREE, kind=NumberType.TOLL_FREE)
    index = pool(free, number("ca", TORONTO, through="ca-line"), number("gb", LONDON), under=under)
    assert chosen(index, call(NEW_YORK)) == ("ca", Tier.TIME_ZONE)
    assert chosen(index, call(NEW_YORK), bound("free")) == ("free", Tier.STICKY), "its own contacts keep it"


# --- Waiting for a busy tier ---------------------------------------------------------------------------------------

US = number("us", NEW_YORK, through="us-line")
CA = number("ca", TORONTO, through="ca-line")
GB = number("gb", LONDON, through="gb-line")
THREE = pool(US, CA, GB)


def test_numbers_match_but_all_are_busy__the_attempt_waits_for_them() -> None:
    wait = blocked(THREE, call(NEW_YORK), busy=["us-line"])
    assert wait.blocker is Blocker.TIER_BUSY
    assert wait.lines == ("us-line",)
    assert (wait.blocked_since, wait.look_at, wait.next_eligible_at) == (NOW, NOW + 30, NOW + 30)
    assert wait.spilled == 0


def test_the_wait_for_a_tier_is_counted_from_its_beginning() -> None:
    first = blocked(THREE, call(NEW_YORK), busy=["us-line"])
    again = blocked(THREE, later(call(NEW_YORK), first), busy=["us-line"], now=NOW + 29.9)
    assert (again.blocked_since, again.look_at) == (NOW, NOW + 30)


def test_after_its_time_the_next_tier_is_tried_and_the_record_says_so() -> None:
    first = blocked(THREE, call(NEW_YORK), busy=["us-line"])
    choice = pick(THREE, later(call(NEW_YORK), first), busy=["us-line"], now=NOW + 30)
    assert isinstance(choice, Choice)
    assert (choice.member.number, choice.tier) == ("ca", Tier.TIME_ZONE)
    assert choice.record["passed"] == [Tier.COUNTRY]


def test_each_tier_is_waited_for_in_its_turn() -> None:
    busy = ["us-line", "ca-line"]
    first = blocked(THREE, call(NEW_YORK), busy=busy)
    second = blocked(THREE, later(call(NEW_YORK), first), busy=busy, now=NOW + 30)
    assert (second.blocker, second.spilled, second.blocked_since) == (Blocker.TIER_BUSY, 1, NOW + 30)
    assert second.lines == ("us-line", "ca-line")
    third = pick(THREE, later(call(NEW_YORK), second), busy=busy, now=NOW + 60)
    assert isinstance(third, Choice)
    assert third.tier is Tier.POOL
    assert third.record["passed"] == [Tier.COUNTRY, Tier.TIME_ZONE]


def test_a_tier_is_waited_for_though_a_better_one_was_given_up_and_matches_no_longer() -> None:
    """The area's only number is flagged after the attempt gave up waiting for it: that was no wait for the country."""
    near, own = number("near", NEW_YORK, through="near-line"), number("own", CHICAGO, through="own-line")
    under = policy(selection=SelectionPolicy(geomatch=True))
    everyone = call(NEW_YORK)
    first = blocked(pool(near, own, GB, under=under), everyone, busy=["near-line", "own-line"])
    second = blocked(
        pool(near, own, GB, under=under), later(everyone, first), busy=["near-line", "own-line"], now=NOW + 30
    )
    assert (second.blocked_since, second.lines) == (NOW + 30, ("near-line", "own-line"))
    flagged = pool(replace(near, static_skip=SkipReason.SPAM_FLAGGED), own, GB, under=under)
    third = blocked(flagged, later(everyone, second), busy=["own-line"], now=NOW + 31)
    assert (third.blocker, third.blocked_since, third.look_at) == (Blocker.TIER_BUSY, NOW + 30, NOW + 60)
    assert chosen(flagged, later(everyone, third), busy=["own-line"], now=NOW + 60) == ("gb", Tier.POOL)


def test_a_tier_that_matches_nobody_does_not_use_up_the_wait_for_the_next() -> None:
    """Nobody in the area: the first wait is for the country, the second for the time zone, each for its full time."""
    under = policy(selection=SelectionPolicy(geomatch=True))
    index = pool(number("la", LOS_ANGELES, through="us-line"), CA, GB, under=under)
    busy = ["us-line", "ca-line"]
    first = blocked(index, call(NEW_YORK), busy=busy)
    second = blocked(index, later(call(NEW_YORK), first), busy=busy, now=NOW + 30)
    still = blocked(index, later(call(NEW_YORK), second), busy=busy, now=NOW + 59)
    assert (first.look_at, second.look_at, still.look_at) == (NOW + 30, NOW + 60, NOW + 60)
    assert chosen(index, later(call(NEW_YORK), still), busy=busy, now=NOW + 60) == ("gb", Tier.POOL)


def test_a_better_tier_with_room_again_is_taken_even_after_it_was_given_up() -> None:
    given_up = call(NEW_YORK, waits=Waits(Blocker.TIER_BUSY, NOW - 1, spilled=1))
    assert chosen(THREE, given_up) == ("us", Tier.COUNTRY)


def test_everything_that_could_help_is_busy() -> None:
    given_up = call(NEW_YORK, waits=Waits(Blocker.TIER_BUSY, NOW - 30, spilled=1))
    wait = blocked(THREE, given_up, busy=["us-line", "ca-line", "gb-line"])
    assert wait.blocker is Blocker.CONNECTIONS_AT_CAPACITY
    assert wait.lines == ("us-line", "ca-line", "gb-line")
    assert wait.look_at is None


def test_a_pool_of_one_country_is_never_waited_for_tier_by_tier() -> None:
    """The next tiers hold the same connections: there is nothing to spill to, only room to wait for."""
    index = pool(number("a", NEW_YORK, through="x"), number("b", LOS_ANGELES, through="y"))
    wait = blocked(index, call(CHICAGO), busy=["x", "y"])
    assert wait.blocker is Blocker.CONNECTIONS_AT_CAPACITY
    assert set(wait.lines) == {"x", "y"}


def test_spill_time_0_goes_on_at_once() -> None:
    at_once = pool(US, CA, GB, under=policy(selection=SelectionPolicy(tier_spill_after_s=0)))
    assert chosen(at_once, call(NEW_YORK), busy=["us-line"]) == ("ca", Tier.TIME_ZONE)
    assert chosen(at_once, call(NEW_YORK), busy=["us-line", "ca-line"]) == ("gb", Tier.POOL)


def test_spill_time_never_waits_for_ever() -> None:
    never = pool(US, CA, GB, under=policy(selection=SelectionPolicy(tier_spill_after_s=math.inf)))
    old = call(NEW_YORK, waits=Waits(Blocker.TIER_BUSY, NOW - 1e9))
    wait = blocked(never, old, busy=["us-line"])
    assert wait.blocker is Blocker.TIER_BUSY
    assert (wait.look_at, wait.next_eligible_at) == (None, None)


def test_a_tier_with_some_room_is_not_waited_for() -> None:
    two = pool(US, number("us-2", NEW_YORK, through="us-line-2"), GB)
    for seed in range(20):
        assert chosen(two, call(NEW_YORK), busy=["us-line"], seed=seed)[0] == "us-2"


def test_busy_area_code_spills_to_its_country() -> None:
    local = pool(
        number("chi", CHICAGO, through="chi-line"), US, GB, under=policy(selection=SelectionPolicy(geomatch=True))
    )
    wait = blocked(local, call(CHICAGO), busy=["chi-line"])
    assert wait.lines == ("chi-line",)
    assert chosen(local, later(call(CHICAGO), wait), busy=["chi-line"], now=NOW + 30) == ("us", Tier.COUNTRY)
