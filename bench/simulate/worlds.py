"""The worlds: what the rules do not know. Each says in its docstring what it is like, and where outdial's guard stands.

Where volume tires no number (countries without call labelling) the pool runs with `volume_budget_24h = 0`, as the
parameter's description says; the two `guard_left_on` worlds show what it costs to forget that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from math import cos, exp, pi
from random import Random
from typing import ClassVar

from bench.simulate.engine import DAY_S, HOUR_S, Call, Plan

from outdial.rules.policy import RotationParams

OPENS, CLOSES = 9.0, 20.0
GUARDED = RotationParams()
UNGUARDED = replace(GUARDED, volume_budget_24h=0)


def ladder(size: int, worst: float, best: float) -> list[float]:
    """Answer rates in even steps; the last number is the best."""
    return [worst + (best - worst) * i / (size - 1) for i in range(size)]


class Stationary:
    """Ten numbers answered 5 to 25 % of the time, 300 calls per number and day from 9 to 20 h for eight days.

    Nothing changes. An outcome is known after 15 s of ringing and, if answered, a talk of 90 s on average.
    """

    name: ClassVar[str] = "stationary"
    size: ClassVar[int] = 10
    days: ClassVar[int] = 8
    calls_a_day: ClassVar[int] = 300
    """Per number."""
    worst: ClassVar[float] = 0.05
    best: ClassVar[float] = 0.25
    params: ClassVar[RotationParams] = UNGUARDED
    plans: ClassVar[Sequence[Plan]] = (Plan(),)
    times: ClassVar[int] = 1
    """How many seeds it is played under, for each that other worlds are: short worlds differ more by luck."""

    def __init__(self, seed: int | str, days: int | None = None) -> None:
        self.span = days or self.days
        self.seed = f"{self.name} {seed}"
        self.rng = Random(self.seed)
        self.rates = ladder(self.size, self.worst, self.best)
        self.prepare()

    def prepare(self) -> None:
        """What else is fixed before the first call."""

    def calls(self) -> Sequence[Call]:
        """Every attempt, in order of time."""
        return self._calls

    @cached_property
    def _calls(self) -> list[Call]:
        rng, found = self.rng, []
        for day in range(self.span):
            times = sorted(self.moment(rng) for _ in range(self.size * self.calls_a_day))
            found += [self.call(day * DAY_S + hour * HOUR_S, rng) for hour in times]
        return found

    def moment(self, rng: Random) -> float:
        """The hour of the day of one call."""
        return rng.uniform(OPENS, CLOSES)

    def call(self, at: float, rng: Random) -> Call:
        """Who is called then."""
        return Call(at)

    def chance(self, number: int, call: Call, dials: int) -> float:
        """The probability of an answer; `dials`: how often the number dialled in the last 24 hours."""
        return self.rates[number]

    def worth(self, number: int, call: Call, dials: int, plan: Plan) -> float:
        """What the clairvoyant goes by."""
        return self.chance(number, call, dials)

    def outcome_after(self, answered: bool, rng: Random) -> float:
        """Seconds from dialling until the outcome is known."""
        return 15.0 + (rng.expovariate(1 / 90.0) if answered else 15.0)


class Labelled(Stationary):
    """As stationary, 150 calls per number and day; half-way the best number gets labelled as spam: 2 % answer it from then on."""

    name = "labelled"
    calls_a_day = 150
    label_rate: ClassVar[float] = 0.02

    def prepare(self) -> None:
        self.labelled, self.label_at = self.size - 1, (self.span / 2) * DAY_S

    def chance(self, number: int, call: Call, dials: int) -> float:
        if number == self.labelled and call.at >= self.label_at:
            return self.label_rate
        return self.rates[number]


class Fatigue(Stationary):
    """Volume tires ten numbers at 5 to 25 %: after 80 calls in 24 h 13 % fewer answer, after 150 half as many.

    60 calls per number and day. The guard is at its default.
    """

    name = "fatigue"
    calls_a_day, days = 60, 12
    params = GUARDED
    plans = (*(Plan(f) for f in (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)), *(Plan(0.0, c) for c in (60, 80, 100, 120, 140)))
    half_at: ClassVar[float] = 150.0
    steepness: ClassVar[float] = 3.0

    def _tired(self, dials: int) -> float:
        tired: float = (dials / self.half_at) ** self.steepness
        return tired

    def chance(self, number: int, call: Call, dials: int) -> float:
        return self.rates[number] / (1.0 + self._tired(dials))

    def worth(self, number: int, call: Call, dials: int, plan: Plan) -> float:
        """The chance, less what this call takes from the number's other calls within 24 hours; by the worst if spared."""
        if dials >= plan.spare_above:
            return -self.rates[number]
        tired = self._tired(dials)
        cost = self.steepness * tired / (1.0 + tired)
        return self.rates[number] * (1.0 - plan.foresight * cost) / (1.0 + tired)


class SteepFatigue(Fatigue):
    """As fatigue, but a number breaks down: after 80 calls in 24 h 8 % fewer answer, after 120 half, after 160 a sixth."""

    name = "steep_fatigue"
    half_at, steepness = 120.0, 6.0


class HourSwings(Stationary):
    """Hours differ by a factor of three (evenings answer), and each number drifts up and down over some days."""

    name = "hour_swings"
    worst, best, calls_a_day = 0.085, 0.195, 100

    def prepare(self) -> None:
        self._phase = [self.rng.random() for _ in range(self.size)]
        self._period = [self.rng.uniform(6.0, 14.0) * DAY_S for _ in range(self.size)]

    def chance(self, number: int, call: Call, dials: int) -> float:
        hour = (call.at % DAY_S) / HOUR_S
        swing = 1.0 + 0.5 * cos(2 * pi * (hour - 18.5) / 11.0)
        drift = 1.0 + 0.4 * cos(2 * pi * (call.at / self._period[number] + self._phase[number]))
        return self.rates[number] * swing * drift


class ManyNumbers(Stationary):
    """200 numbers at 5 to 25 %, dialled for an hour a day: 40 calls each within four days, after a warm-up of 20."""

    name = "many_numbers"
    size, days, calls_a_day = 200, 4, 10

    def moment(self, rng: Random) -> float:
        return rng.uniform(10.0, 11.0)


class RandomLabels(Stationary):
    """Ten numbers at 12 to 18 %; each gets labelled at random (on average after 7 days, for 2 days): 2 % answer it then."""

    name = "random_labels"
    worst, best = 0.12, 0.18
    days, calls_a_day = 12, 75
    label_rate: ClassVar[float] = 0.02
    until_label, label_lasts = 7.0 * DAY_S, 2.0 * DAY_S

    def prepare(self) -> None:
        self._turns = [self._life() for _ in range(self.size)]

    def _life(self) -> list[tuple[float, float]]:
        at, found = 0.0, []
        while at < self.span * DAY_S:
            begin = at + self.rng.expovariate(1 / self.until_label)
            at = begin + self.rng.expovariate(1 / self.label_lasts)
            found.append((begin, at))
        return found

    def chance(self, number: int, call: Call, dials: int) -> float:
        labelled = any(begin <= call.at < end for begin, end in self._turns[number])
        return self.label_rate if labelled else self.rates[number]


class CountryMix(Stationary):
    """Contacts of five countries that answer very differently (0.3 to 1.5 times), each called at its own hours."""

    name = "country_mix"
    calls_a_day = 100
    countries: ClassVar[dict[str, tuple[float, float]]] = {
        "DE": (0.4, 10.0), "GB": (0.7, 11.0), "BR": (1.5, 14.0), "US": (1.0, 16.0), "CA": (1.3, 17.0),
    }  # fmt: skip
    """Factor on the answer rate, and the hour of the day around which it is called."""

    def call(self, at: float, rng: Random) -> Call:
        hour = (at % DAY_S) / HOUR_S
        odds = [exp(-(((hour - peak) / 3.0) ** 2)) for _, peak in self.countries.values()]
        return Call(at, rng.choices(list(self.countries), odds)[0])

    def chance(self, number: int, call: Call, dials: int) -> float:
        return self.rates[number] * self.countries[call.country][0]


class PilotOf3(Stationary):
    """A trial with three numbers, answered 8, 14 and 20 % of the time: 30 calls per number and day for 14 days, all defaults."""

    name = "pilot_of_3"
    size, worst, best = 3, 0.08, 0.20
    calls_a_day, days, params, times = 30, 14, GUARDED, 4


class PilotOf2(PilotOf3):
    """As the pilot of 3 with two numbers, answered 10.8 and 20 % of the time."""

    name = "pilot_of_2"
    size, worst, best = 2, 0.108, 0.20


class LateOutcomes(Stationary):
    """Outcomes come an hour late (a carrier's delayed reports): about 320 calls are without outcome at any moment."""

    name = "late_outcomes"
    size, calls_a_day, days = 20, 175, 3

    def outcome_after(self, answered: bool, rng: Random) -> float:
        return 1_800.0 + rng.expovariate(1 / 1_800.0)


class Underloaded(Fatigue):
    """Fatigue with 75 calls per number and day: the budgets suffice."""

    name = "underloaded"
    calls_a_day = 75


class Overloaded(Fatigue):
    """Fatigue with 175 calls per number and day: more than twice the budgets."""

    name = "overloaded"
    calls_a_day = 175


class Bursts(Stationary):
    """The 1,000 calls of each day come in eight bursts of two minutes."""

    name = "bursts"
    calls_a_day = 100

    def moment(self, rng: Random) -> float:
        return 9.5 + 1.25 * rng.randrange(8) + rng.random() / 30


class Retries(Stationary):
    """Two of five attempts are retries, answered half as often; they come mostly in the afternoon."""

    name = "retries"
    calls_a_day = 100

    def call(self, at: float, rng: Random) -> Call:
        hour = (at % DAY_S) / HOUR_S
        return Call(at, klass="retry" if rng.random() < 0.8 * (hour - OPENS) / (CLOSES - OPENS) else "first")

    def chance(self, number: int, call: Call, dials: int) -> float:
        return self.rates[number] * (0.5 if call.klass == "retry" else 1.0)


class GuardLeftOn75(Stationary):
    """As stationary with 75 calls per number and day, but the volume budget of 80 was left on although nothing tires."""

    name = "guard_left_on_75"
    calls_a_day, params = 75, GUARDED


class GuardLeftOn175(Stationary):
    """The same with 175 calls per number and day."""

    name = "guard_left_on_175"
    calls_a_day, params = 175, GUARDED


WORLDS: dict[str, type[Stationary]] = {
    world.name: world
    for world in (
        Stationary, Labelled, Fatigue, SteepFatigue, HourSwings, ManyNumbers, RandomLabels, CountryMix, PilotOf3, PilotOf2,
        LateOutcomes, Underloaded, Overloaded, Bursts, Retries, GuardLeftOn75, GuardLeftOn175,
    )
}  # fmt: skip
