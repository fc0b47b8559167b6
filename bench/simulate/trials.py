"""Trials: every rule in one world under one seed, and what all seeds say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import sqrt
from random import Random
from statistics import fmean, stdev

from bench.simulate.engine import Call, Tally, play, play_knowing
from bench.simulate.rules import OTHERS, Outdial
from bench.simulate.worlds import WORLDS, Labelled, Stationary

RULES = ("outdial", *OTHERS, "clairvoyant")
MORE_STARTS, MORE_CUTS = 3, 3
CUT_WATCHED = 1_500
"""Picks after the label until an additional world is given up."""
TRACE_BIN = 100
"""Picks per point of the labelled number's share."""
_T_95 = (
    12.71,
    4.30,
    3.18,
    2.78,
    2.57,
    2.45,
    2.36,
    2.31,
    2.26,
    2.23,
    2.20,
    2.18,
    2.16,
    2.14,
    2.13,
    2.12,
    2.11,
    2.10,
    2.09,
)
"""Student's t, two-sided 95 %, for 1 to 19 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One world, one seed. `scores`: expected answers as % of the clairvoyant's, by rule; counts are outdial's picks."""

    world: str
    scores: dict[str, float]
    counts: list[int]
    ginis: list[float]
    """Of the first 20 picks per number: how evenly it starts; in small pools of some more starts besides."""
    cuts: list[int | None] = field(default_factory=list)
    """Picks of the pool from the label until the labelled number's share is below a third of a fair one, of this and of
    some more worlds of the kind, since single ones differ by a factor of three; None = never."""
    traces: dict[str, list[float]] = field(default_factory=dict)
    """The labelled number's part of each 100 picks around the label, in fair shares, by rule."""


def try_world(task: tuple[str, int, int | None]) -> Trial:
    """One trial of (world, seed, days; None = as many as the world is meant to have)."""
    name, seed, days = task
    world = WORLDS[name](seed, days)
    outdial = Outdial(world.size, Random(f"outdial {world.seed}"), world.params)
    watch = _CutWatch(world, outdial) if isinstance(world, Labelled) else None
    tallies = {"outdial": play(world, outdial, world.seed, watch)}
    for rule, make in OTHERS.items():
        tallies[rule] = play(world, make(world.size, Random(f"{rule} {world.seed}")), world.seed)
    tallies["clairvoyant"] = play_knowing(world)
    best = tallies["clairvoyant"].expected
    own = tallies["outdial"]
    return Trial(
        name,
        {rule: 100 * tally.expected / best for rule, tally in tallies.items()},
        own.counts(world.size),
        [gini(own.counts(world.size, 20 * world.size)), *_more_starts(world)],
        [watch.cut_after, *more_cuts(world)] if watch else [],
        {rule: _trace(world, tally) for rule, tally in tallies.items()} if isinstance(world, Labelled) else {},
    )


def _more_starts(world: Stationary) -> list[float]:
    first = 20 * world.size
    found = []
    for again in range(MORE_STARTS if world.size <= 20 else 0):
        seed = f"{world.seed} start {again}"
        start = play(world, Outdial(world.size, Random(seed), world.params), seed, upto=first)
        found.append(gini(start.counts(world.size)))
    return found


def more_cuts(world: Stationary) -> list[int | None]:
    """Other seeds, each played until some time after the label."""
    found = []
    for again in range(MORE_CUTS):
        other = Labelled(f"{world.seed} cut {again}", world.span)
        outdial = Outdial(other.size, Random(other.seed), other.params)
        watch = _CutWatch(other, outdial)
        labelled_from = sum(call.at < other.label_at for call in other.calls())
        play(other, outdial, other.seed, watch, upto=labelled_from + CUT_WATCHED)
        found.append(watch.cut_after)
    return found


class _CutWatch:
    """Looks for the first pick after the label that sees the labelled number below a third of its fair share."""

    def __init__(self, world: Labelled, outdial: Outdial) -> None:
        self._world, self._outdial = world, outdial
        self._picks = 0
        self.cut_after: int | None = None

    def __call__(self, call: Call) -> None:
        if self.cut_after is not None or call.at < self._world.label_at:
            return
        if self._outdial.share(self._world.labelled, call.at) < 1 / 3 / self._world.size:
            self.cut_after = self._picks
        self._picks += 1


def _trace(world: Labelled, tally: Tally) -> list[float]:
    labelled_from = next(i for i, call in enumerate(world.calls()) if call.at >= world.label_at)
    first = labelled_from - TRACE_BIN * 5
    bins = [tally.picks[at : at + TRACE_BIN] for at in range(first, first + TRACE_BIN * 30, TRACE_BIN)]
    return [picks.count(world.labelled) / TRACE_BIN * world.size for picks in bins if len(picks) == TRACE_BIN]


def mean_and_interval(values: Sequence[float]) -> tuple[float, list[float]]:
    """The mean and its 95 % interval over seeds (Student's t); one seed has no interval but its value."""
    mean = fmean(values)
    if len(values) < 2:
        return mean, [mean, mean]
    t = _T_95[len(values) - 2] if len(values) - 2 < len(_T_95) else 1.96
    half = t * stdev(values) / sqrt(len(values))
    return mean, [mean - half, mean + half]


def gini(counts: Sequence[int]) -> float:
    """0 = all alike, 1 = all to one."""
    ordered, total = sorted(counts), sum(counts)
    ranked = sum((2 * rank - len(ordered) - 1) * count for rank, count in enumerate(ordered, 1))
    return ranked / (len(ordered) * total)


def least_part(trials: Sequence[Trial]) -> float:
    """What the least dialled number got of its fair share, all seeds together, in %."""
    counts: list[int] = [sum(of_number) for of_number in zip(*(trial.counts for trial in trials), strict=True)]
    return 100 * min(counts) * len(counts) / sum(counts)
