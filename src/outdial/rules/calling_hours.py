"""When a contact may be called (SPEC 6): the campaign's windows must hold in every plausible zone of the contact.

No zone known and no fallback = closed. A window that ends at or before its start goes on to the next day and belongs
to the day on which it begins, so 00:00 to 00:00 is the whole day. A moment is open if every clock on the wall shows a
time inside a window: where a clock jumps over an opening, it opens with the jump; where an hour comes twice, both count.

Worked out per UTC day as spans of Unix time and kept, so that asking again costs a look-up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import time
from functools import lru_cache

from outdial.rules.policy import CallingWindow
from outdial.rules.time_zones import QUARTER_S, offset_s, zone

_DAY_S = 86_400
_WEEK_DAYS = 7
_EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday (Monday = 0)."""
_SEARCH_DAYS = 366
"""Windows repeat weekly and clocks change within the year: what does not open within a year never does."""

Span = tuple[float, float]
"""From, to (exclusive), in Unix seconds."""


@dataclass(frozen=True, slots=True)
class Open:
    """It may be called now."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Not now. `next_opening` in Unix seconds; None = never, as things stand."""

    next_opening: float | None


_OPEN = Open()


def check(
    zones: Sequence[str], windows: Sequence[CallingWindow], fallback_zone: str | None, now: float
) -> Open | Closed:
    """Whether the contact may be called now. `fallback_zone` is used only when no zone of the contact is known."""
    holds = tuple(windows)
    if _is_always(holds):
        return _OPEN
    known = tuple(name for name in zones if zone(name) is not None)
    if not known and fallback_zone is not None and zone(fallback_zone) is not None:
        known = (fallback_zone,)
    if not known or not holds:
        return Closed(None)
    today = int(now // _DAY_S)
    for start, end in _open_spans(known, holds, today):
        if now < start:
            return Closed(start)
        if now < end:
            return _OPEN
    return Closed(_first_opening(known, holds, today + 1))


@lru_cache(maxsize=1024)
def _is_always(windows: tuple[CallingWindow, ...]) -> bool:
    """Whether the windows leave no moment of the week out: then the zone does not matter, even when none is known."""
    covered = 0.0
    for start, end in sorted(_local_spans(windows, -1, _WEEK_DAYS)):
        if start > covered:
            return False
        covered = max(covered, end)
    return covered >= _WEEK_DAYS * _DAY_S


@lru_cache(maxsize=16_384)
def _first_opening(zones: tuple[str, ...], windows: tuple[CallingWindow, ...], day: int) -> float | None:
    """The first moment, on that UTC day or later, when all zones are inside a window."""
    for one in _days_worth_asking(zones, day):
        if spans := _open_spans(zones, windows, one):
            return spans[0][0]
    return None


def _days_worth_asking(zones: tuple[str, ...], first: int) -> Iterator[int]:
    """A week from `first`, and a week from each day on which one of the clocks is changed: others only repeat these."""
    until = first + _WEEK_DAYS
    before = [offset_s(name, first * _DAY_S) for name in zones]
    for day in range(first, first + _SEARCH_DAYS):
        after = [offset_s(name, (day + 1) * _DAY_S) for name in zones]
        if after != before:
            before, until = after, day + 1 + _WEEK_DAYS
        if day <= until:
            yield day


@lru_cache(maxsize=16_384)
def _open_spans(zones: tuple[str, ...], windows: tuple[CallingWindow, ...], day: int) -> tuple[Span, ...]:
    """When all zones are inside a window on that UTC day, in order."""
    spans = _open_in(zones[0], windows, day)
    for name in zones[1:]:
        spans = _both(spans, _open_in(name, windows, day))
    return tuple(spans)


@lru_cache(maxsize=16_384)
def _open_in(name: str, windows: tuple[CallingWindow, ...], day: int) -> list[Span]:
    """When that zone is inside a window on that UTC day, in order and without overlaps."""
    found: list[Span] = []
    for start, end, offset in _stretches(name, day * _DAY_S):
        first, last = int((start + offset) // _DAY_S), int((end - 1 + offset) // _DAY_S)
        for opens, closes in sorted(_local_spans(windows, first - 1, last + 1)):
            here = (max(start, opens - offset), min(end, closes - offset))
            if here[0] >= here[1]:
                continue
            if found and here[0] <= found[-1][1]:
                begun, until = found.pop()
                here = (begun, max(until, here[1]))
            found.append(here)
    return found


def _stretches(name: str, start: int) -> Iterator[tuple[int, int, float]]:
    """The UTC day cut where the zone's offset changes: from, to (Unix seconds), offset (seconds)."""
    end = start + _DAY_S
    before, after = offset_s(name, start) or 0.0, offset_s(name, end - 1) or 0.0
    if before == after:
        yield start, end, before
        return
    low, high = start, end  # the offset is the first one at `low`, the second one at `high`
    while high - low > QUARTER_S:
        middle = low + (high - low) // (2 * QUARTER_S) * QUARTER_S
        low, high = (middle, high) if offset_s(name, middle) == before else (low, middle)
    yield start, high, before
    yield high, end, after


def _local_spans(windows: Sequence[CallingWindow], first: int, end: int) -> Iterator[Span]:
    """The windows that begin on the local days [first, end), as seconds of a clock that is never changed."""
    for day in range(first, end):
        for window in windows:
            if (day + _EPOCH_WEEKDAY) % _WEEK_DAYS in window.days:
                opens, closes = _seconds(window.start), _seconds(window.end)
                yield day * _DAY_S + opens, day * _DAY_S + (closes if closes > opens else closes + _DAY_S)


def _seconds(clock: time) -> float:
    return clock.hour * 3600 + clock.minute * 60 + clock.second + clock.microsecond / 1e6


def _both(left: Sequence[Span], right: Sequence[Span]) -> list[Span]:
    found = ((max(a[0], b[0]), min(a[1], b[1])) for a in left for b in right)
    return sorted(span for span in found if span[0] < span[1])
