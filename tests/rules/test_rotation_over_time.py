"""The rotation in small seeded worlds: the real functions draw, count and learn, call after call.

The whole set of simulated worlds belongs to `tests/simulation`; here is what must never break while one edits a rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random
from statistics import fmean

from outdial.rules.ids import NumberId
from outdial.rules.policy import RotationParams
from outdial.rules.rotation import MemberStats, PoolBaseline, shares

P = replace(RotationParams(), volume_budget_24h=0)
"""Without the volume budget, so that what is seen is learning alone."""
START = 1_790_000_000.0
BETWEEN_CALLS_S = 120.0
SEEDS = (1, 2, 3, 4)
BEST, WORST = 0.25, 0.05


class World:
    """A pool that is dialled once every two minutes; `rate(number, call)` is the chance of an answer."""

    def __init__(self, size: int, rate: Callable[[int, int], float], seed: int = 7, params: RotationParams = P) -> None:
        self.params = params
        self.numbers = [NumberId(f"n{i}") for i in range(size)]
        self.rate, self.random = rate, Random(seed)
        self.stats = {number: MemberStats(at=START) for number in self.numbers}
        self.baseline = PoolBaseline()
        self.picks: list[NumberId] = []
        self.answered = 0

    def dial(self, calls: int) -> None:
        for _ in range(calls):
            now = START + len(self.picks) * BETWEEN_CALLS_S
            last_day = Counter(self.picks[-int(86_400 / BETWEEN_CALLS_S) :])
            share = shares(self.stats, last_day, now, self.params)
            number = self.random.choices(self.numbers, [share[n] for n in self.numbers])[0]
            expected = self.baseline.rate("US", "first", now, self.params)
            index = self.stats[number].index(now, self.params)
            answered = self.random.random() < self.rate(self.numbers.index(number), len(self.picks))
            self.picks.append(number)
            self.answered += answered
            self.stats[number] = self.stats[number].observe(answered, expected, now, self.params)
            self.baseline = self.baseline.observe("US", "first", answered, index, now, self.params)

    def part(self, number: int, last: int) -> float:
        """The number's part of the last picks, 1.0 = its fair share."""
        recent = self.picks[-last:]
        return recent.count(self.numbers[number]) / len(recent) * len(self.numbers)


def gini(counts: list[int]) -> float:
    ordered, total = sorted(counts), sum(counts)
    ranked = sum((2 * rank - len(ordered) - 1) * count for rank, count in enumerate(ordered, 1))
    return ranked / (len(ordered) * total)


def between_5_and_25_per_cent(number: int, _: int) -> float:
    return WORST + (BEST - WORST) * number / 9


def test_it_starts_nearly_evenly() -> None:
    """A uniform draw of 200 has a Gini of about 0.12; one that ran after the first answers would be above 0.5."""
    worlds = [World(10, between_5_and_25_per_cent, seed) for seed in SEEDS]
    for world in worlds:
        world.dial(200)
    assert fmean(gini([world.picks.count(number) for number in world.numbers]) for world in worlds) < 0.25


def test_better_numbers_come_first_and_none_is_starved() -> None:
    """Uniform random would reach 60 % of what one who knew the best number gets answered."""
    worlds = [World(10, between_5_and_25_per_cent, seed) for seed in SEEDS]
    for world in worlds:
        world.dial(4_000)
        counts = [world.picks.count(number) for number in world.numbers]
        assert min(counts) >= 0.04 * 4_000 / 10
    chances = [world.rate(world.numbers.index(number), 0) for world in worlds for number in world.picks]
    assert fmean(chances) / BEST > 0.8


def test_a_number_that_gets_labelled_is_cut() -> None:
    label_at = 2_000
    worlds = [World(10, lambda number, call: 0.02 if number == 0 and call >= label_at else 0.2, s) for s in SEEDS]
    for world in worlds:
        world.dial(label_at)
    assert fmean(world.part(0, 700) for world in worlds) > 0.8, "as good as the others so far"
    for world in worlds:
        world.dial(600)
    assert fmean(world.part(0, 400) for world in worlds) < 1 / 3


def test_the_volume_budget_spreads_the_calls() -> None:
    """720 calls a day over 14 numbers with a budget of 80 each: enough, also while the weakest rest."""
    free, guarded = (World(14, lambda number, _: 0.05 + 0.014 * number, params=p) for p in (P, RotationParams()))
    for world in (free, guarded):
        world.dial(2_000)
    assert max(Counter(free.picks[-720:]).values()) > 200
    assert max(Counter(guarded.picks[-720:]).values()) < 100


def test_the_same_seed_gives_the_same_calls() -> None:
    one, other = (World(5, lambda number, _: 0.1 + 0.03 * number) for _ in range(2))
    one.dial(300)
    other.dial(300)
    assert (one.picks, one.stats) == (other.picks, other.stats)
