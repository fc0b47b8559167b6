"""Time zones as offsets at the moment of dialling: daylight saving is right because zoneinfo is asked each time.

Zone names may be legacy ones (Asia/Calcutta): they are compared by offset, never by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

QUARTER_S = 900
"""Offsets change on quarter hours everywhere, so an offset holds for its quarter hour."""


@lru_cache(maxsize=1024)
def zone(name: str) -> ZoneInfo | None:
    """The zone, None when nobody knows it (Etc/Unknown)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=65_536)
def _offset_s(name: str, quarter: int) -> float | None:
    known = zone(name)
    if known is None:
        return None
    offset = datetime.fromtimestamp(quarter * QUARTER_S, UTC).astimezone(known).utcoffset()
    return offset.total_seconds() if offset is not None else None


def offset_s(name: str, now: float) -> float | None:
    """UTC offset in seconds at that moment (Unix seconds)."""
    return _offset_s(name, int(now // QUARTER_S))


def offsets_s(zones: Sequence[str], now: float) -> list[float]:
    """The offsets of all zones that are known."""
    return [offset for name in zones if (offset := offset_s(name, now)) is not None]


def near(number_zones: Sequence[str], contact_zones: Sequence[str], now: float, hours: float) -> bool:
    """Whether the smallest difference of offsets between both sets of zones is at most `hours` (SPEC 3.4)."""
    theirs = offsets_s(contact_zones, now)
    return any(abs(ours - other) <= hours * 3600 for ours in offsets_s(number_zones, now) for other in theirs)
