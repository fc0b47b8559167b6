"""Intervals as the literature has them, and hints that come when they should and only then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.health_hints import HintCode, NumberFigures, before, hints, rate_of, together
from outdial.rules.ids import NumberId


def figures(
    name: str,
    *,
    out: str | None = None,
    by_operator: bool = False,
    index: float = 1.0,
    resting: bool = False,
    life: tuple[int, int] = (100, 1_000),
    day: tuple[int, int] = (5, 50),
    calls: int = 60,
    budget: int = 80,
) -> NumberFigures:
    """A number that is answered 10 % of the time, today as ever, unless told otherwise. (answered, attempts)."""
    return NumberFigures(
        NumberId(name), out, by_operator, resting, index, rate_of(*life), rate_of(*day), calls, budget
    )  # fmt: skip


def codes(*numbers: NumberFigures) -> list[tuple[str, str | None]]:
    return [(hint.code.value, hint.number) for hint in hints(numbers)]


@pytest.mark.parametrize(
    ("answered", "attempts", "low", "high"),
    [
        (0, 10, 0.0000, 0.2775),
        (10, 10, 0.7225, 1.0000),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
    ids=["none of ten", "all of ten", "Newcombe 81/263", "Newcombe 15/148", "Newcombe 1/29"],
)
def test_the_interval_is_wilsons(answered: int, attempts: int, low: float, high: float) -> None:
    """The last three are the worked examples of Newcombe (1998), method 3."""
    rate = rate_of(answered, attempts)
    assert rate.low == pytest.approx(low, abs=5e-5)
    assert rate.high == pytest.approx(high, abs=5e-5)


def test_without_attempts_nothing_is_claimed() -> None:
    assert (rate_of(0, 0).rate, rate_of(0, 0).low, rate_of(0, 0).high) == (None, None, None)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_holds_the_rate_and_stays_between_0_and_1(answered: int, attempts: int) -> None:
    rate = rate_of(min(answered, attempts), attempts)
    assert rate.rate is not None
    assert rate.low is not None
    assert rate.high is not None
    assert 0.0 <= rate.low <= rate.rate + 1e-12
    assert rate.rate - 1e-12 <= rate.high <= 1.0


def test_the_time_before_is_the_lifetime_without_the_last_day() -> None:
    assert before(rate_of(30, 300), rate_of(10, 50)) == rate_of(20, 250)
    assert before(rate_of(1, 5), rate_of(2, 9)) == rate_of(0, 0)
    assert before(rate_of(9, 10), rate_of(0, 5)) == rate_of(5, 5)
    assert together([rate_of(1, 5), rate_of(2, 9)]) == rate_of(3, 14)


def test_a_pool_in_order_needs_no_hint() -> None:
    assert codes(figures("a"), figures("b"), figures("c")) == []


def test_no_number_and_a_single_number() -> None:
    assert codes() == [("no_eligible_number", None)]
    flagged = figures("b", out="flagged as spam")
    assert codes(figures("a"), flagged) == [("fewer_than_two_numbers", None), ("number_out", "b")]
    assert codes(figures("a", out="flagged as spam"), flagged)[0] == ("no_eligible_number", None)


def test_what_the_operator_took_out_is_no_news() -> None:
    assert codes(figures("a"), figures("b"), figures("c", out="paused by an operator", by_operator=True)) == []


def test_a_number_far_behind_its_pool_is_the_candidate_for_replacement() -> None:
    behind = figures("c", resting=True, index=0.45, life=(45, 1_000))
    assert codes(figures("a"), figures("b"), behind) == [("number_far_behind", "c")]
    (hint,) = hints([figures("a"), figures("b"), behind])
    assert "45% as often" in hint.text
    assert "4.5% of 1,000 calls" in hint.text


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([figures(n, day=(1, 50)) for n in "abc"], True),
        ([figures(n, day=(4, 50)) for n in "abc"], False),
        ([figures("a", day=(0, 150)), figures("b", day=(6, 50)), figures("c", day=(6, 50))], False),
        ([figures(n, day=(0, 10)) for n in "abc"], False),
        ([figures(n, life=(8, 60), day=(1, 50)) for n in "abc"], False),
        ([figures("a", day=(0, 150))], False),
    ],
    ids=["all fell", "within chance", "only one fell", "too few today", "too few before", "one number proves nothing"],
)
def test_all_numbers_degrading_together_is_told_from_one_number(numbers: list[NumberFigures], expected: bool) -> None:
    assert (HintCode.POOL_DEGRADING.value in [code for code, _ in codes(*numbers)]) is expected


@pytest.mark.parametrize(
    ("calls", "budget", "expected"),
    [(119, 80, None), (120, 80, "about 1 number,"), (400, 80, "about 8 numbers,"), (400, 0, None)],
    ids=["above, not far", "far above", "five times", "no budget"],
)
def test_volume_far_above_the_budgets_says_how_many_numbers_are_missing(
    calls: int, budget: int, expected: str | None
) -> None:
    told = hints([figures("a", calls=calls, budget=budget), figures("b", calls=calls, budget=budget)])
    assert [hint.code for hint in told] == ([HintCode.VOLUME_ABOVE_BUDGET] if expected else [])
    assert all(expected is not None and expected in hint.text for hint in told)


def test_a_number_without_traffic_while_others_dial() -> None:
    assert codes(figures("a"), figures("b"), figures("c", calls=0)) == [("number_silent", "c")]
    assert codes(figures("a", calls=5), figures("b", calls=5), figures("c", calls=0)) == []
