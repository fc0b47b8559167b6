"""Times on the command line: how they are written by people (`2h`, a date, RFC 3339), and how they are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from outdial.errors import BadInput

_AGO = re.compile(r"(\d{1,6})\s*(s|m|h|d)(?: ago)?")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_CURE = 'write "2h" (ago), a date like "2026-11-21", or a time like "2026-11-21T09:30:00Z"'


def read_time(text: str, now: float, *, field: str) -> float:
    """Unix seconds. A time without a zone is UTC. Raises `BadInput`."""
    if match := _AGO.fullmatch(text.strip()):
        return now - int(match[1]) * _SECONDS[match[2]]
    try:
        read = datetime.fromisoformat(text.strip())
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise BadInput(field, f'"{text}" is not a time', _CURE) from None


def moment(at: float | None) -> str:
    """A time for people, to the second, in UTC; nothing for none."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at is not None else ""


def span(seconds: float) -> str:
    """A duration for people: `45 s`, `12 min`, `3.5 h`, `8 d`."""
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.3g} h" if seconds < 172_800 else f"{seconds / 86_400:,.0f} d"
