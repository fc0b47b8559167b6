"""One simulated campaign: calls come in, a rule picks a number, outcomes come back late, and the world keeps the score.

What counts is the chance of an answer at the moment of dialling, added up: the answered calls without their luck. The
rule itself learns from answers that are really drawn. Every rule meets the same calls and the same luck per seed.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from typing import NamedTuple, Protocol

DAY_S, HOUR_S = 86_400.0, 3_600.0
START = 1_790_035_200.0
"""A Tuesday, midnight UTC."""


class Call(NamedTuple):
    """One attempt. `at`: seconds since the start; `country`: the contact's; `klass`: `first` or `retry`."""

    at: float
    country: str = "US"
    klass: str = "first"


class Plan(NamedTuple):
    """How one clairvoyant dialler values a call: its chance, less `foresight` times what it takes from later calls.

    `spare_above`: calls in 24 h above which a number is spared; what is left over then goes to the worst number.
    """

    foresight: float = 0.0
    spare_above: float = inf


class World(Protocol):
    """What the rules do not know."""

    @property
    def size(self) -> int:
        """How many numbers there are."""

    @property
    def plans(self) -> Sequence[Plan]:
        """The clairvoyant diallers that try; one is enough where volume tires nobody."""

    def calls(self) -> Sequence[Call]:
        """Every attempt, in order of time."""

    def chance(self, number: int, call: Call, dials: int) -> float:
        """The probability of an answer; `dials`: how often the number dialled in the last 24 hours."""

    def worth(self, number: int, call: Call, dials: int, plan: Plan) -> float:
        """What a dialler who knows everything goes by: it picks the number of the highest worth."""

    def outcome_after(self, answered: bool, rng: Random) -> float:
        """Seconds from dialling until the outcome is known."""


class Rule(Protocol):
    """One way to choose numbers. Numbers are 0 to size - 1; times are seconds since the start."""

    def pick(self, call: Call) -> int:
        """The number that makes this call."""

    def learn(self, number: int, call: Call, answered: bool, now: float) -> None:
        """The outcome of a call that this rule placed, now known."""


class LastDay:
    """Exactly how often each number dialled in the last 24 hours: what tires a number."""

    def __init__(self, size: int) -> None:
        self.counts = [0] * size
        self._dials: deque[tuple[float, int]] = deque()

    def forget(self, now: float) -> None:
        """Leave out what is older than 24 hours."""
        while self._dials and self._dials[0][0] <= now - DAY_S:
            self.counts[self._dials.popleft()[1]] -= 1

    def add(self, number: int, now: float) -> None:
        """One dial more."""
        self._dials.append((now, number))
        self.counts[number] += 1


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of one campaign. `expected`: the chances of its calls added up; `picks`: the numbers, call by call."""

    expected: float
    picks: list[int]

    def counts(self, size: int, upto: int | None = None) -> list[int]:
        """Calls per number among the first `upto`."""
        counted = Counter(self.picks[:upto])
        return [counted[number] for number in range(size)]


def play(
    world: World, rule: Rule, seed: str, watch: Callable[[Call], None] | None = None, upto: int | None = None
) -> Tally:
    """The campaign, or its first `upto` calls, under one rule. `watch` is told of each call before its number is picked."""
    luck = Random(f"luck {seed}")
    last_day, picks, expected = LastDay(world.size), [], 0.0
    pending: list[tuple[float, int, int, Call, bool]] = []
    for order, call in enumerate(world.calls()[:upto]):
        while pending and pending[0][0] <= call.at:
            at, _, number, of, answered = heapq.heappop(pending)
            rule.learn(number, of, answered, at)
        last_day.forget(call.at)
        if watch is not None:
            watch(call)
        number = rule.pick(call)
        chance = world.chance(number, call, last_day.counts[number])
        answered = luck.random() < chance
        last_day.add(number, call.at)
        picks.append(number)
        expected += chance
        heapq.heappush(pending, (call.at + world.outcome_after(answered, luck), order, number, call, answered))
    return Tally(expected, picks)


def play_knowing(world: World) -> Tally:
    """The campaign under the clairvoyant dialler, who knows every chance and what each call costs the number's next.

    Where volume tires, nobody can say exactly what the best is: several such diallers play, and the best one counts.
    """
    return max((_play_by_plan(world, plan) for plan in world.plans), key=lambda tally: tally.expected)


def _play_by_plan(world: World, plan: Plan) -> Tally:
    last_day, picks, expected = LastDay(world.size), [], 0.0
    numbers = range(world.size)
    for call in world.calls():
        last_day.forget(call.at)
        dials = last_day.counts
        worths = [world.worth(n, call, dials[n], plan) for n in numbers]
        number = worths.index(max(worths))
        expected += world.chance(number, call, dials[number])
        last_day.add(number, call.at)
        picks.append(number)
    return Tally(expected, picks)
