"""Calling hours as an operator writes them: `"always"`, one window, or a list of windows.

A window is `{days = "mon-fri", start = "09:00", end = "20:00"}`; without `days` it holds every day. `end` `00:00` or
`24:00` is midnight; a window over midnight is written as two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import time

from outdial.rules.policy import CallingWindow

ALWAYS = "always"
EVERY_DAY = "every day"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"^([01]\d|2[0-3]):[0-5]\d\Z")
_MIDNIGHT = time(0)


class BadHours(ValueError):
    """Says what is wrong and how to write it."""


def normalise(written: object) -> str | list[dict[str, str]]:
    """What is stored for what was written: `"always"`, or windows with day names and `HH:MM`. Raises `BadHours`."""
    if written == ALWAYS:
        return ALWAYS
    windows = [written] if isinstance(written, Mapping) else written
    if not isinstance(windows, Sequence) or isinstance(windows, str):
        raise BadHours(
            'must be "always", a window like {days = "mon-fri", start = "09:00", end = "20:00"}, or a list of such'
        )
    if not windows:
        raise BadHours("an empty list would never let a call start: pause the campaign instead")
    return [_normalise_window(window) for window in windows]


def _normalise_window(window: object) -> dict[str, str]:
    if not isinstance(window, Mapping):
        raise BadHours('each window must look like {days = "mon-fri", start = "09:00", end = "20:00"}')
    if unknown := set(window) - {"days", "start", "end"}:
        raise BadHours(f"a window has days, start and end, not {', '.join(sorted(map(repr, unknown)))}")
    days, start, end = window.get("days", EVERY_DAY), _clock(window, "start"), _clock(window, "end")
    _days(days)
    if end != "00:00" and end <= start:
        raise BadHours(
            f"the window ends at {end}, before it starts at {start}: write two windows, up to 24:00 and from 00:00"
        )
    return {"days": str(days), "start": start, "end": end}


def _clock(window: Mapping[str, object], key: str) -> str:
    """`HH:MM`; TOML's own local time is taken too."""
    value = window.get(key)
    if isinstance(value, time):
        value = value.strftime("%H:%M")
    if value is None:
        raise BadHours(f"{key} is missing")
    if value == "24:00" and key == "end":
        return "00:00"
    if not isinstance(value, str) or not _CLOCK.match(value):
        raise BadHours(f'{key} must be a time of day like "09:00", not {value!r}')
    return value


def _days(written: object) -> frozenset[int]:
    if not isinstance(written, str):
        raise BadHours(f'days must be text like "mon-fri" or "sat,sun", not {written!r}')
    if written == EVERY_DAY:
        return frozenset(range(7))
    days: set[int] = set()
    for part in written.replace(" ", "").lower().split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            raise BadHours(f'"{part}" is no day: use {", ".join(_DAYS)}, a range like "mon-fri", or "{EVERY_DAY}"')
        start, end = _DAYS.index(first), _DAYS.index(last or first)
        days.update(day % 7 for day in range(start, end + 1 if end >= start else end + 8))
    return frozenset(days)


def windows(stored: str | Sequence[Mapping[str, str]]) -> tuple[CallingWindow, ...]:
    """The windows that the rules see, of what `normalise` returned."""
    if isinstance(stored, str):
        return (CallingWindow(frozenset(range(7)), _MIDNIGHT, _MIDNIGHT),)
    return tuple(
        CallingWindow(_days(window["days"]), time.fromisoformat(window["start"]), time.fromisoformat(window["end"]))
        for window in stored
    )
