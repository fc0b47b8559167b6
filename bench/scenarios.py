"""The scenarios by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from bench.baseline import plain_replica
from bench.caps import caps
from bench.console import console
from bench.fleet import LIMITS, Span, fleet
from bench.fleet import QUICK as QUICK_SPAN
from bench.flood import QUICK as QUICK_DELUGE
from bench.flood import Deluge, flood
from bench.floor import floor
from bench.ground import Ground
from bench.latency import latency
from bench.memory import memory
from bench.over_http import throughput_over_http
from bench.report import Figures
from bench.scale import scale
from bench.throughput import throughput
from bench.world import World


@dataclass(frozen=True, slots=True)
class Size:
    """How long everything takes."""

    repetitions: int
    attempts: int
    seconds: float = 10.0
    largest: int = 5_000_000
    """How many finished attempts the scale goes up to; a fifth of it waits."""

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


async def _over_http(ground: Ground, size: Size) -> Results:
    return {
        "throughput_http": await throughput_over_http(ground, World(), size.attempts // 2, "one"),
        "throughput_http_all": await throughput_over_http(ground, World(), size.attempts // 2, "all"),
    }


async def _latency(ground: Ground, size: Size) -> Results:
    """Shares of what this very machine does now."""
    most = await throughput(ground, World(), size.attempts)
    return {"latency": await latency(ground, World(), most["per_s"], size.seconds)}


async def _caps(ground: Ground, size: Size) -> Results:
    """`caps` is the hardest: one connection of 50 with calls of 50 ms."""
    one, ten = World(tenants=20, lines=1, limit=50), World(tenants=20, lines=10, limit=50)
    return {
        "caps": await caps(ground, one, 0.05, size.seconds, over_http=False),
        "caps_1s": await caps(ground, one, 1.0, size.seconds, over_http=False),
        "caps_ten_1s": await caps(ground, ten, 1.0, size.seconds, over_http=False),
        "caps_http": await caps(ground, one, 0.05, size.seconds, over_http=True),
        "caps_http_1s": await caps(ground, one, 1.0, size.seconds, over_http=True),
    }


async def _fleet(ground: Ground, size: Size) -> Results:
    return {"fleet": await fleet(ground, Span() if size.seconds >= 10 else QUICK_SPAN)}


async def _flood(ground: Ground, size: Size) -> Results:
    return {"flood": await flood(ground, Deluge() if size.seconds >= 10 else QUICK_DELUGE, LIMITS)}


async def _scale(ground: Ground, size: Size) -> Results:
    return {"scale": await scale(ground, size.attempts // 2, size.largest)}


async def _memory(ground: Ground, size: Size) -> Results:
    found = await memory(ground, size.attempts, size.largest // 5)
    return {"startup": {"to_ready_s": found.pop("to_ready_s")}, "memory": found}


async def _console(ground: Ground, size: Size) -> Results:
    return await console(ground, 1_000_000 if size.attempts >= 4_000 else 50_000, size.attempts)


SCENARIOS: Mapping[str, Scenario] = {
    "floor": _floor,
    "baseline": _baseline,
    "throughput": _throughput,
    "throughput_http": _over_http,
    "latency": _latency,
    "caps": _caps,
    "fleet": _fleet,
    "flood": _flood,
    "scale": _scale,
    "memory": _memory,
    "console": _console,
}


def add_ratios(figures: Figures) -> None:
    """What is compared with the floor and the baseline of the same repetition."""
    figures.ratio("throughput.ratio_to_floor", "throughput.per_s", "floor.per_s")
    figures.ratio("throughput.ratio_to_baseline", "throughput.per_s", "baseline.per_s")
    figures.ratio("throughput_http.ratio_to_floor", "throughput_http.per_s", "floor.per_s")
    figures.ratio("throughput_http_all.ratio_to_floor", "throughput_http_all.per_s", "floor.per_s")
