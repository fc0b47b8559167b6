"""The scenarios by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from bench.baseline import plain_replica
from bench.floor import floor
from bench.ground import Ground
from bench.report import Figures
from bench.throughput import throughput
from bench.world import World


@dataclass(frozen=True, slots=True)
class Size:
    """How long everything takes."""

    repetitions: int
    attempts: int

    def repeated(self, repetitions: int | None) -> Size:
        """So often, if it is said."""
        return replace(self, repetitions=repetitions) if repetitions else self


Results = Mapping[str, Mapping[str, float]]
Scenario = Callable[[Ground, Size], Awaitable[Results]]


async def _floor(ground: Ground, size: Size) -> Results:
    return {"floor": await floor(ground, World(), size.attempts)}


async def _baseline(ground: Ground, size: Size) -> Results:
    return {"baseline": await throughput(ground, World(), size.attempts // 4, plain_replica)}


async def _throughput(ground: Ground, size: Size) -> Results:
    return {"throughput": await throughput(ground, World(), size.attempts)}


SCENARIOS: Mapping[str, Scenario] = {
    "floor": _floor,
    "baseline": _baseline,
    "throughput": _throughput,
}


def add_ratios(figures: Figures) -> None:
    """What is compared with the floor and the baseline of the same repetition."""
    figures.ratio("throughput.ratio_to_floor", "throughput.per_s", "floor.per_s")
    figures.ratio("throughput.ratio_to_baseline", "throughput.per_s", "baseline.per_s")
