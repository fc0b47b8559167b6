"""What the figures of a number pool mean for its operator: intervals, and hints in plain words.

An answer rate alone misleads while calls are few, so each comes with its 95 % interval (Wilson's score interval, which
stays within 0 and 1 and is honest near them). The index compares a number with its pool and so cannot show that all
numbers degrade together: for that the last day is held against everything before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, sqrt

from outdial.rules.ids import NumberId

Z_95 = 1.959964
"""The standard normal quantile that leaves 2.5 % on each side."""
FEWEST_OF_DAY, FEWEST_BEFORE = 50, 200
"""Finished attempts of a pool, of the last 24 h and before, without which nothing is said about a change."""
FEWEST_OF_NUMBER = 10
"""Finished attempts that let a single number take part in that comparison, on either side."""
FALLEN_TO = 0.8
"""The pool has degraded if even the upper end of the last day's interval is below this share of the rate before."""
MOST_NUMBERS = 0.75
"""... and at least this share of its numbers is below its own rate before: else it is a number, not the audience."""
FAR_ABOVE = 1.5
"""Volume in terms of the budgets."""
SILENT_BESIDES = 20
"""Calls that the others had on average in 24 h when a number without any is remarkable."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Answered of finished attempts, with the ends of the 95 % interval; None without attempts."""

    attempts: int
    answered: int
    rate: float | None = None
    low: float | None = None
    high: float | None = None


def rate_of(answered: int, attempts: int) -> Rate:
    """The rate with its interval. Wilson (1927); needs no minimum of attempts."""
    if attempts <= 0:
        return Rate(0, 0)
    share, z2 = answered / attempts, Z_95 * Z_95
    middle = (share + z2 / (2 * attempts)) / (1 + z2 / attempts)
    half = Z_95 * sqrt(share * (1 - share) / attempts + z2 / (4 * attempts * attempts)) / (1 + z2 / attempts)
    return Rate(attempts, answered, share, max(0.0, middle - half), min(1.0, middle + half))


def before(lifetime: Rate, last_day: Rate) -> Rate:
    """Everything but the last day. Both come from different books, so a little more in the last day is no error."""
    attempts = max(0, lifetime.attempts - last_day.attempts)
    return rate_of(min(attempts, max(0, lifetime.answered - last_day.answered)), attempts)


def together(rates: Sequence[Rate]) -> Rate:
    """The rate over all of them."""
    return rate_of(sum(one.answered for one in rates), sum(one.attempts for one in rates))


@dataclass(frozen=True, slots=True)
class NumberFigures:
    """One number of the pool as hints see it. `out`: in a few words why it is out, None = it may call.

    `by_operator`: an operator took it out, so nobody need be told; `is_resting`: clearly behind its pool by its index; `budget_24h` 0 = none.
    """

    number: NumberId
    out: str | None
    by_operator: bool
    is_resting: bool
    index: float
    lifetime: Rate
    last_day: Rate
    calls_24h: int
    budget_24h: int


class HintCode(StrEnum):
    """What a hint is about; texts may change, codes do not."""

    NO_NUMBER = "no_eligible_number"
    FEW_NUMBERS = "fewer_than_two_numbers"
    NUMBER_FAR_BEHIND = "number_far_behind"
    NUMBER_OUT = "number_out"
    NUMBER_SILENT = "number_silent"
    POOL_DEGRADING = "pool_degrading"
    VOLUME_ABOVE_BUDGET = "volume_far_above_budgets"


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing to do or to know. `number`: whom it is about, None = the pool."""

    code: HintCode
    text: str
    number: NumberId | None = None


def hints(numbers: Sequence[NumberFigures]) -> tuple[Hint, ...]:
    """What the operator should look at, the pool first, then its numbers."""
    return (*_eligible(numbers), *_degrading(numbers), *_volume(numbers), *_numbers(numbers))


def _eligible(numbers: Sequence[NumberFigures]) -> Iterator[Hint]:
    able = [one for one in numbers if one.out is None]
    if not able:
        yield Hint(
            HintCode.NO_NUMBER, "No number of the pool may call: the campaign stands still. Add or resume numbers."
        )
    elif len(able) == 1:
        text = (
            f"Only {able[0].number} may call: when it is flagged or fails, the campaign stands still, and nothing tells "
            "whether it is answered badly. Add a second number."
        )
        yield Hint(HintCode.FEW_NUMBERS, text)


def _degrading(numbers: Sequence[NumberFigures]) -> Iterator[Hint]:
    day = together([one.last_day for one in numbers])
    past = before(together([one.lifetime for one in numbers]), day)
    if day.attempts < FEWEST_OF_DAY or past.attempts < FEWEST_BEFORE or day.high is None or past.rate is None:
        return
    compared = [(n.last_day, before(n.lifetime, n.last_day)) for n in numbers]
    compared = [pair for pair in compared if min(pair[0].attempts, pair[1].attempts) >= FEWEST_OF_NUMBER]
    fallen = sum((today.rate or 0.0) < (earlier.rate or 0.0) for today, earlier in compared)
    if len(compared) < 2 or fallen < MOST_NUMBERS * len(compared) or day.high >= FALLEN_TO * past.rate:
        return
    text = (
        f"All numbers degrade together: {day.rate:.1%} answered in the last 24 h (95 % interval {day.low:.1%} to "
        f"{day.high:.1%}), {past.rate:.1%} before, and {fallen} of {len(compared)} numbers are below their own rate "
        "before. That is the audience, the hour or the carrier, not a number: reduce volume, look at the contact list, "
        "ask the provider."
    )
    yield Hint(HintCode.POOL_DEGRADING, text)


def _volume(numbers: Sequence[NumberFigures]) -> Iterator[Hint]:
    budgeted = [one for one in numbers if one.out is None and one.budget_24h > 0]
    calls, budget = sum(one.calls_24h for one in budgeted), sum(one.budget_24h for one in budgeted)
    if budget == 0 or calls < FAR_ABOVE * budget:
        return
    more = ceil((calls - budget) * len(budgeted) / budget)
    text = (
        f"{calls:,} calls in 24 h from numbers with budgets of {budget:,} together: that much volume brings spam labels. "
        f"Add about {more} number{'s' if more > 1 else ''}, dial less, or set max_calls_24h as a hard stop."
    )
    yield Hint(HintCode.VOLUME_ABOVE_BUDGET, text)


def _numbers(numbers: Sequence[NumberFigures]) -> Iterator[Hint]:
    able = [one for one in numbers if one.out is None]
    calls = sum(one.calls_24h for one in able)
    for one in numbers:
        if one.by_operator:
            continue
        if one.out is not None:
            yield Hint(HintCode.NUMBER_OUT, f"{one.number} is out: {one.out}.", one.number)
        elif one.is_resting and one.lifetime.rate is not None:
            yield Hint(HintCode.NUMBER_FAR_BEHIND, _behind(one), one.number)
        elif one.calls_24h == 0 and len(able) > 1 and calls >= SILENT_BESIDES * (len(able) - 1):
            text = (
                f"{one.number} had no call in 24 h while the others had {calls:,}: look at its base weight and type "
                "weight, its country, and the answer instruction of its provider."
            )
            yield Hint(HintCode.NUMBER_SILENT, text, one.number)


def _behind(one: NumberFigures) -> str:
    life = one.lifetime
    return (
        f"{one.number} is answered {one.index:.0%} as often as an average number of its pool ({life.rate:.1%} of "
        f"{life.attempts:,} calls, 95 % interval {life.low:.1%} to {life.high:.1%}): the candidate for replacement."
    )
