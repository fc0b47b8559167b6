"""When a contact may be called (SPEC 6): the campaign's windows must hold in every plausible zone of the contact.

No zone known and no fallback = closed. The next opening is found by walking over the window edges of every zone,
so gaps and overlaps of daylight saving come out right because each candidate moment is tested itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from outdial.rules.policy import CallingWindow
from outdial.rules.time_zones import zone

SEARCH_DAYS = 15
"""Windows repeat weekly; two weeks and a day find an opening in any set of zones that has one."""
_MIDNIGHT = time(0)


@dataclass(frozen=True, slots=True)
class Open:
    """It may be called now."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Not now. `next_opening` in Unix seconds; None = never, as things stand."""

    next_opening: float | None


def check(
    zones: Sequence[str], windows: Sequence[CallingWindow], fallback_zone: str | None, now: float
) -> Open | Closed:
    """Whether the contact may be called now. `fallback_zone` is used only when no zone of the contact is known."""
    if _always(windows):
        return Open()
    known = [found for name in zones if (found := zone(name)) is not None]
    if not known and fallback_zone is not None and (found := zone(fallback_zone)) is not None:
        known = [found]
    if not known or not windows:
        return Closed(None)
    if _open_everywhere(known, windows, now):
        return Open()
    return Closed(_next_opening(known, windows, now))


def _always(windows: Sequence[CallingWindow]) -> bool:
    """All day, every day: open whatever the zone, even when none is known."""
    whole = [w for w in windows if w.start == _MIDNIGHT and w.end == _MIDNIGHT]
    return frozenset().union(*(w.days for w in whole)) == frozenset(range(7)) if whole else False


def _open_everywhere(zones: Sequence[ZoneInfo], windows: Sequence[CallingWindow], now: float) -> bool:
    return all(_is_open(datetime.fromtimestamp(now, UTC).astimezone(one), windows) for one in zones)


def _is_open(local: datetime, windows: Sequence[CallingWindow]) -> bool:
    clock, today = local.time(), local.weekday()
    return any(_holds(window, clock, today) for window in windows)


def _holds(window: CallingWindow, clock: time, today: int) -> bool:
    if window.end == _MIDNIGHT or window.start < window.end:
        return today in window.days and window.start <= clock and (window.end == _MIDNIGHT or clock < window.end)
    yesterday = (today - 1) % 7  # a window over midnight belongs to the day on which it begins
    return (today in window.days and clock >= window.start) or (yesterday in window.days and clock < window.end)


def _next_opening(zones: Sequence[ZoneInfo], windows: Sequence[CallingWindow], now: float) -> float | None:
    """The earliest moment after `now` when every zone is inside a window.

    All zones are open from the moment the last of them opens: that is a window's start in some zone, or a moment at
    which its clock jumped into a window, so starts and the hours after midnight changes are the only candidates.
    """
    candidates: set[float] = set()
    for one in zones:
        first = datetime.fromtimestamp(now, UTC).astimezone(one).date() - timedelta(days=1)
        for day in (first + timedelta(days=n) for n in range(SEARCH_DAYS + 1)):
            for start in {window.start for window in windows}:
                candidates |= _moments(datetime.combine(day, start), one)
            candidates |= _jumps(datetime.combine(day, _MIDNIGHT), one)
    for moment in sorted(candidate for candidate in candidates if candidate > now):
        if _open_everywhere(zones, windows, moment):
            return moment
    return None


def _moments(local: datetime, one: ZoneInfo) -> set[float]:
    """The moment(s) at which that wall-clock time is: two when a clock is put back over it."""
    return {local.replace(tzinfo=one, fold=fold).timestamp() for fold in (0, 1)}


def _jumps(midnight: datetime, one: ZoneInfo) -> set[float]:
    """The moment on that day at which the zone's offset changes, to the second; empty on ordinary days."""
    low = midnight.replace(tzinfo=one).timestamp()
    high = (midnight + timedelta(days=1)).replace(tzinfo=one).timestamp()
    before, after = _offset(low, one), _offset(high, one)
    if before == after:
        return set()
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, one) == before:
            low = middle
        else:
            high = middle
    return {high}


def _offset(moment: float, one: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(moment, UTC).astimezone(one).utcoffset()
