"""When the next create request of a connection may start (SPEC 6, start rate).

Starts are spaced by (1 + 0.05) / rate, so that 50 ms of network jitter never puts more than `rate` of them into one
second as the carrier sees it. An intent is committed only if its start is due within `ahead_s`.
"""

from __future__ import annotations

from typing import NamedTuple

JITTER_S = 0.05
"""How much later than we sent it a carrier may see a request without seeing too many in one second."""


class Start(NamedTuple):
    """`place_at`: when this request may start; `next_start_at`: the earliest start of the one after it."""

    place_at: float
    next_start_at: float | None


def next_start(next_start_at: float | None, calls_per_second: float | None, now: float, ahead_s: float) -> Start | None:
    """The next start of a connection, or None when it is not due within `ahead_s`. None as rate = unpaced."""
    if calls_per_second is None:
        return Start(now, None)
    place_at = max(now, next_start_at or now)
    if place_at > now + ahead_s:
        return None
    return Start(place_at, place_at + spacing_s(calls_per_second))


def spacing_s(calls_per_second: float) -> float:
    """Seconds between two starts. 1.5 a second means at most 1 in any one second, so fractions above 1 are cut off."""
    whole = int(calls_per_second)
    return (1 + JITTER_S) / (whole or calls_per_second)


def starts_within(next_start_at: float | None, calls_per_second: float | None, now: float, ahead_s: float) -> float:
    """How many starts are due within `ahead_s`; infinite when unpaced."""
    if calls_per_second is None:
        return float("inf")
    first = max(now, next_start_at or now)
    horizon = now + ahead_s - first
    return 0 if horizon < 0 else 1 + int(horizon / spacing_s(calls_per_second))
