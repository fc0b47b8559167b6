"""The rotation share by ROTATION.md: figures worked out by hand, and what must hold whatever the figures."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.ids import NumberId
from outdial.rules.policy import RotationParams
from outdial.rules.rotation import (
    MemberStats,
    MemberStatus,
    index_elsewhere,
    is_over_budget,
    is_resting,
    rotation_weight,
    shares,
    shares_of_weights,
    status,
)

P = RotationParams()
NOW = 1_790_000_000.0
DAY = 86_400.0


def stats(attempts: int = 50, *, y: float, e: float, yf: float = 1.0, ef: float = 1.0, age: float = 0.0) -> MemberStats:
    return MemberStats(attempts=attempts, answered=int(y), y=y, e=e, yf=yf, ef=ef, at=NOW - age)


def of_index(r: float) -> MemberStats:
    """Statistics whose index is `r`, by a long history without decay."""
    return MemberStats(attempts=1000, y=r * 1e9, e=1e9, yf=r * 1e9, ef=1e9, at=NOW)


def by_name(**values: float) -> dict[NumberId, float]:
    return {NumberId(name): value for name, value in values.items()}


@pytest.mark.parametrize(
    ("member", "index", "how"),
    [
        (MemberStats(), 1.0, "no history"),
        (stats(19, y=19.0, e=1.0), 1.0, "19 attempts: still warming up"),
        (stats(20, y=10.0, e=5.0, yf=2.0, ef=1.0), 15 / 10, "R = 15/10; F = (2 x 1.5 + 2) / 3 = 1.667"),
        (stats(y=10.0, e=5.0, yf=0.0, ef=4.0), 1.25 * 3.0 / 6.0, "falls fast: F = 3 / 6, and 1.25 F is below R"),
        (stats(y=0.0, e=5.0, yf=9.0, ef=1.0), 5 / 10, "rises slowly: R = 5/10 although the last calls went well"),
        (stats(y=10.0, e=5.0, yf=2.0, ef=1.0, age=DAY), 10 / 7.5, "a day later half is forgotten: R = (5+5)/(5+2.5)"),
        (stats(y=10.0, e=5.0, yf=2.0, ef=1.0, age=400 * DAY), 1.0, "in the end everything is"),
        (stats(y=10.0, e=5.0, yf=2.0, ef=1.0, age=-DAY), 15 / 10, "a clock that was put back forgets nothing"),
        (MemberStats(prior_index=0.7), 0.7, "starts from the other campaigns"),
        (replace(stats(20, y=10.0, e=5.0, yf=2.0, ef=1.0), prior_index=0.5), 12.5 / 10, "which is its prior: (2.5+10)/10"),
    ],
)  # fmt: skip
def test_the_index(member: MemberStats, index: float, how: str) -> None:
    assert member.index(NOW, P) == pytest.approx(index), how


def test_an_outcome_is_folded_in() -> None:
    before = MemberStats(attempts=20, answered=4, y=4.0, e=3.0, yf=1.0, ef=0.8, at=NOW - DAY)
    slow, fast = 0.5 * exp(-0.12 / 100), 0.5 * exp(-0.12 / 5)
    after = before.observe(True, 0.12, NOW, P)
    assert (after.attempts, after.answered, after.at) == (21, 5, NOW)
    assert (after.y, after.e) == pytest.approx((4 * slow + 1, 3 * slow + 0.12))
    assert (after.yf, after.ef) == pytest.approx((1 * fast + 1, 0.8 * fast + 0.12))
    missed = before.observe(False, 0.12, NOW, P)
    assert (missed.attempts, missed.answered) == (21, 4)
    assert (missed.y, missed.e) == pytest.approx((4 * slow, 3 * slow + 0.12))


def test_an_outcome_that_comes_late_does_not_turn_back_the_clock() -> None:
    before = MemberStats(attempts=20, answered=4, y=4.0, e=3.0, yf=1.0, ef=0.8, at=NOW)
    after = before.observe(False, 0.12, NOW - 60, P)
    assert after.at == NOW
    assert after.y == pytest.approx(4.0 * exp(-0.12 / 100))


@pytest.mark.parametrize(
    ("index", "dials", "weight", "what"),
    [
        (1.0, 0, 1.0, "average"),
        (1.1, 0, 1.1**10, "10 % better is dialled 2.6 times as often"),
        (1.0, 79, 1.0, "one below the budget"),
        (1.0, 80, (1 / 3) ** 10, "the budget is reached"),
        (0.6, 0, 0.6**10, "not behind yet"),
        (0.59, 0, (0.59 / 3) ** 10, "resting"),
        (0.59, 200, (0.59 / 3) ** 10, "resting and over budget: held back once"),
    ],
)
def test_the_weight(index: float, dials: int, weight: float, what: str) -> None:
    assert rotation_weight(index, dials, P) == pytest.approx(weight, rel=1e-12), what


def test_ten_per_cent_better_and_twenty_per_cent_better() -> None:
    assert rotation_weight(1.1, 0, P) / rotation_weight(1.0, 0, P) == pytest.approx(2.6, abs=0.01)
    assert rotation_weight(1.2, 0, P) / rotation_weight(1.0, 0, P) == pytest.approx(6.2, abs=0.01)


@pytest.mark.parametrize(
    ("attempts", "lead", "what"),
    [
        (0, 1.1, "as if it were 10 % better"),
        (10, 1.05, "half-way"),
        (19, 1.005, "one to go"),
        (20, 1.0, "its index counts now"),
        (500, 1.0, "for ever"),
    ],
)
def test_the_further_a_number_is_behind_in_its_warm_up_the_sooner_it_is_its_turn(
    attempts: int, lead: float, what: str
) -> None:
    behind = MemberStats(attempts=attempts)
    assert behind.lead(P) == pytest.approx(lead), what
    assert behind.lead(replace(P, warm_up_lead=0.0)) == 1.0
    share = shares({NumberId("a"): behind, NumberId("b"): replace(behind, attempts=20)}, {}, NOW, replace(P, floor=0.0))
    assert share[NumberId("a")] / share[NumberId("b")] == pytest.approx(lead**10), what


def test_without_a_warm_up_nobody_leads() -> None:
    assert MemberStats().lead(replace(P, warm_up=0)) == 1.0


def test_a_budget_of_zero_is_none() -> None:
    off = replace(P, volume_budget_24h=0)
    assert not is_over_budget(10_000, off)
    assert rotation_weight(1.0, 10_000, off) == 1.0


def test_shares_by_hand() -> None:
    members = {NumberId("a"): of_index(1.0), NumberId("b"): of_index(1.1), NumberId("c"): of_index(0.5)}
    dials = {NumberId("a"): 79, NumberId("b"): 5}
    a, b, c = 1.0, 1.1**10, (0.5 / 3) ** 10
    total = a + b + c
    expected = by_name(a=0.95 * a / total + 0.05 / 3, b=0.95 * b / total + 0.05 / 3, c=0.95 * c / total + 0.05 / 3)
    assert shares(members, dials, NOW, P) == pytest.approx(expected, rel=1e-6)


def test_a_number_that_rests_keeps_little_more_than_the_even_five_per_cent() -> None:
    members = {NumberId(str(n)): of_index(1.0) for n in range(9)} | {NumberId("weak"): of_index(0.5)}
    assert shares(members, {}, NOW, P)[NumberId("weak")] == pytest.approx(0.05 / 10, rel=1e-3)


def test_where_all_are_over_budget_the_index_decides_as_before() -> None:
    members = {NumberId(str(n)): of_index(r) for n, r in enumerate((0.7, 0.9, 1.0, 1.3))}
    tired = dict.fromkeys(members, 500)
    assert shares(members, tired, NOW, P) == pytest.approx(shares(members, {}, NOW, P))


def test_where_all_rest_the_index_decides_as_before() -> None:
    weak = {NumberId(str(n)): of_index(r / 10) for n, r in enumerate((2.0, 3.0, 4.0))}
    strong = {NumberId(str(n)): of_index(r) for n, r in enumerate((2.0, 3.0, 4.0))}
    assert shares(weak, {}, NOW, P) == pytest.approx(shares(strong, {}, NOW, P))


def test_a_pool_of_none_and_of_one() -> None:
    assert shares({}, {}, NOW, P) == {}
    assert shares({NumberId("a"): of_index(0.1)}, {}, NOW, P) == {NumberId("a"): pytest.approx(1.0)}


@pytest.mark.parametrize(
    ("weights", "cap", "expected", "what"),
    [
        (by_name(a=8, b=1, c=1), 0.5, by_name(a=0.5, b=0.25, c=0.25), "the excess goes to the others in proportion"),
        (by_name(a=8, b=1, c=1), 0.9, by_name(a=0.8, b=0.1, c=0.1), "a cap that nobody reaches"),
        (by_name(a=6, b=3, c=1), 0.5, by_name(a=0.5, b=0.375, c=0.125), "b gets three times as much as c"),
        (by_name(a=60, b=39, c=1), 0.5, by_name(a=0.5, b=0.4875, c=0.0125), "b is scaled up to just below the cap"),
        (by_name(a=90, b=9, c=1), 0.4, by_name(a=0.4, b=0.4, c=0.2), "what b cannot take goes on to c"),
        (by_name(a=8, b=1, c=1), 0.2, by_name(a=1 / 3, b=1 / 3, c=1 / 3), "a cap below an even share is an even share"),
        (by_name(a=5), 0.8, by_name(a=1.0), "a pool of one"),
    ],
)
def test_a_highest_share(
    weights: dict[NumberId, float], cap: float, expected: dict[NumberId, float], what: str
) -> None:
    assert shares_of_weights(weights, replace(P, floor=0.0, max_share=cap)) == pytest.approx(expected), what


@pytest.mark.parametrize(
    ("member", "dials", "expected"),
    [
        (MemberStats(attempts=19), 0, MemberStatus.WARMING_UP),
        (of_index(1.0), 0, MemberStatus.ACTIVE),
        (of_index(1.0), 80, MemberStatus.OVER_BUDGET),
        (of_index(0.59), 0, MemberStatus.RESTING),
        (of_index(0.59), 80, MemberStatus.RESTING),
    ],
)
def test_status(member: MemberStats, dials: int, expected: MemberStatus) -> None:
    assert status(member, dials, NOW, P) is expected


def test_a_number_starts_from_the_tenants_other_campaigns() -> None:
    one = stats(15, y=2.0, e=4.0, yf=1.0, ef=2.0)
    other = stats(15, y=4.0, e=6.0, yf=0.0, ef=0.0, age=DAY)
    assert index_elsewhere([], NOW, P) == 1.0
    assert index_elsewhere([one], NOW, P) == 1.0, "15 attempts say nothing yet"
    slow = (5 + 2 + 2) / (5 + 4 + 3)
    assert index_elsewhere([one, other], NOW, P) == pytest.approx(min(slow, 1.25 * (2 * slow + 1) / (2 + 2)))
    assert index_elsewhere([one, replace(other, prior_index=9.0)], NOW, P) < 1.0, "what they started from is left out"


HISTORIES = st.lists(st.tuples(st.booleans(), st.floats(0.001, 1.0), st.floats(0.0, 2 * DAY)), max_size=60)
INDEXES = st.floats(0.01, 20.0)
POOLS = st.lists(st.tuples(INDEXES, st.integers(0, 300)), min_size=1, max_size=30)


def fold(history: list[tuple[bool, float, float]]) -> MemberStats:
    member, now = MemberStats(at=NOW), NOW
    for answered, expected, later in history:
        now += later
        member = member.observe(answered, expected, now, P)
    return member


@given(HISTORIES)
def test_forgetting_when_read_is_forgetting_all_the_time(history: list[tuple[bool, float, float]]) -> None:
    """Lazy decay equals decaying every sum at every step, which is what the formula means."""
    y = e = yf = ef = 0.0
    now = NOW
    for answered, expected, later in history:
        for _ in range(4):  # a cron job that decays four times between two outcomes
            y, e, yf, ef = (value * 0.5 ** (later / 4 / DAY) for value in (y, e, yf, ef))
        now += later
        slow, fast = exp(-expected / 100), exp(-expected / 5)
        y, e = y * slow + answered, e * slow + expected
        yf, ef = yf * fast + answered, ef * fast + expected
    member = fold(history)
    assert (member.y, member.e, member.yf, member.ef) == pytest.approx((y, e, yf, ef), rel=1e-9, abs=1e-25)
    assert (member.attempts, member.answered) == (len(history), sum(answered for answered, _, _ in history))


@given(HISTORIES, st.floats(0.001, 1.0))
def test_an_answer_never_does_worse_than_a_miss(history: list[tuple[bool, float, float]], expected: float) -> None:
    member = fold(history)
    hit, miss = (member.observe(answered, expected, member.at, P) for answered in (True, False))
    assert hit.index(member.at, P) >= miss.index(member.at, P)


@given(HISTORIES, st.integers(0, 10_000))
def test_no_sum_is_denormal_or_negative(history: list[tuple[bool, float, float]], days: int) -> None:
    member = fold(history)
    later = member.observe(False, 0.1, member.at + days * DAY, P)
    assert all(value == 0.0 or value >= 1e-30 for value in (later.y, later.e, later.yf, later.ef))
    assert 0 < later.index(later.at + days * DAY, P) < float("inf")


@given(POOLS)
def test_shares_are_a_distribution_with_a_floor(pool: list[tuple[float, int]]) -> None:
    members = {NumberId(str(n)): of_index(r) for n, (r, _) in enumerate(pool)}
    dials = {NumberId(str(n)): calls for n, (_, calls) in enumerate(pool)}
    found = shares(members, dials, NOW, P)
    assert sum(found.values()) == pytest.approx(1.0)
    assert min(found.values()) >= P.floor / len(pool) * (1 - 1e-9)


@given(INDEXES, INDEXES, st.integers(0, 300))
def test_the_better_number_never_gets_less(one: float, other: float, dials: int) -> None:
    better, worse = max(one, other), min(one, other)
    assert rotation_weight(better, dials, P) >= rotation_weight(worse, dials, P)
    assert rotation_weight(one, dials, P) <= rotation_weight(one, 0, P)
    assert is_resting(worse, P) >= is_resting(better, P)


@given(st.lists(st.floats(1e-12, 1e6), min_size=1, max_size=20), st.floats(0.05, 1.0))
def test_no_share_is_above_the_highest_allowed(weights: list[float], cap: float) -> None:
    named = {NumberId(str(n)): weight for n, weight in enumerate(weights)}
    free, capped = shares_of_weights(named, P), shares_of_weights(named, replace(P, max_share=cap))
    assert sum(capped.values()) == pytest.approx(1.0)
    assert max(capped.values()) <= max(cap, 1 / len(weights)) + 1e-9
    by_free = sorted(named, key=lambda number: free[number])
    assert all(capped[less] <= capped[more] + 1e-12 for less, more in pairwise(by_free)), "the order is kept"
