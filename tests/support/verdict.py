"""What the carrier's own list of calls says: who had how many calls at once, what room was used, who was served how often."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SeenCall:
    """One call as the carrier saw it, Unix seconds. `ended_at` None = still under way."""

    line: str
    caller: str
    attempt: str
    accepted_at: float
    ended_at: float | None


def most_at_once(calls: Iterable[SeenCall], key: Callable[[SeenCall], str]) -> dict[str, int]:
    """The most calls under way at any moment, by key. A call that ends at the moment another begins makes way for it."""
    moves: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for call in calls:
        moves[key(call)].append((call.accepted_at, 1))
        if call.ended_at is not None:
            moves[key(call)].append((call.ended_at, -1))
    highest = {}
    for name, steps in moves.items():
        under_way = most = 0
        for _, step in sorted(steps):
            under_way += step
            most = max(most, under_way)
        highest[name] = most
    return highest


def slot_seconds(calls: Iterable[SeenCall], begin: float, end: float) -> dict[str, float]:
    """Seconds of calls under way between two moments, by line."""
    busy: dict[str, float] = defaultdict(float)
    for call in calls:
        until = end if call.ended_at is None else min(call.ended_at, end)
        busy[call.line] += max(0.0, until - max(call.accepted_at, begin))
    return busy


def shares(calls: Iterable[SeenCall], begin: float, end: float, of: Callable[[str], str]) -> Counter[str]:
    """Calls begun between two moments, by whose number they came from."""
    return Counter(of(call.caller) for call in calls if begin <= call.accepted_at < end)


def spread(counts: Mapping[str, int], among: Sequence[str]) -> tuple[float, float]:
    """The least and the most served of some, as multiples of their mean."""
    served = [counts.get(name, 0) for name in among]
    mean = sum(served) / len(served)
    return (min(served) / mean, max(served) / mean) if mean else (0.0, 0.0)
