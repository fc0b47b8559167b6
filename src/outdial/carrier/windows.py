"""Counting starts in sliding windows of real time: for the tally's judgement, and for the queue above the start rate."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import deque

SECOND = 1.0
ROUNDING = 1e-6
"""Sums of Unix seconds are exact to a quarter of this."""


def allowance_of(rate: float) -> tuple[int, float]:
    """What a promise of `rate` starts per second allows: so many starts in a half-open window of so many seconds.

    Whole rates: that many in one second. Below 1: one in 1/rate seconds. Broken ones above 1: rounded up, as even
    pacing puts up to that many into some second.
    """
    if rate < 1.0:
        return 1, 1.0 / rate
    return math.ceil(rate - 1e-9), SECOND


class Starts:
    """The starts of an account, judged in every window that holds them.

    They are told in the order in which the carrier came to them; when they arrived need not be in that order.
    """

    def __init__(self, rate: float, jitter_s: float) -> None:
        """`rate` 0 = no promise. `jitter_s`: by how much a window may be shorter than promised."""
        self.rate = rate
        self._allowed, window = allowance_of(rate) if rate else (0, 0.0)
        self._window = max(window - jitter_s, 0.0)
        self._kept_s = 2.0 * max(window, SECOND)
        self._times: list[float] = []
        self.highest = 0
        """The most starts ever seen in any half-open window of one second, nothing forgiven."""

    def add(self, at: float) -> bool:
        """Count a start; True = with it the promise is broken."""
        times = self._times
        place = bisect_right(times, at)
        times.insert(place, at)
        self.highest = max(self.highest, self._most_around(place))
        broken = self._is_broken_around(place)
        if times[0] < times[-1] - 2.0 * self._kept_s:
            del times[: bisect_left(times, times[-1] - self._kept_s)]
        return broken

    def _most_around(self, place: int) -> int:
        times = self._times
        first = bisect_right(times, times[place] - SECOND)
        if place == len(times) - 1:
            return place - first + 1
        return max(bisect_left(times, times[n] + SECOND) - n for n in range(first, place + 1))

    def _is_broken_around(self, place: int) -> bool:
        times, more = self._times, self._allowed
        if not self.rate:
            return False
        ends = range(max(place, more), min(place + more, len(times) - 1) + 1)
        return any(times[end] - times[end - more] < self._window - ROUNDING for end in ends)


class Pace:
    """The last starts, as many as the promise allows in its window: when may the next one be?"""

    def __init__(self, rate: float, jitter_s: float) -> None:
        self.rate = rate
        allowed, window = allowance_of(rate) if rate else (1, 0.0)
        self._window = max(window - jitter_s, 0.0)
        self._last: deque[float] = deque(maxlen=allowed)

    def wait(self, now: float) -> float:
        """Seconds until a start would keep the promise, the jitter forgiven; 0 = now."""
        if not self.rate or len(self._last) < (self._last.maxlen or 1):
            return 0.0
        return max(0.0, self._last[0] + self._window - now)

    def add(self, at: float) -> None:
        """Count a start."""
        self._last.append(at)
