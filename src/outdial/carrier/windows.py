"""Counting starts in sliding windows of real time: for the tally's judgement, and for the queue above the start rate."""

from __future__ import annotations

import math
from collections import deque

SECOND = 1.0


def allowance_of(rate: float) -> tuple[int, float]:
    """What a promise of `rate` starts per second allows: so many starts in a half-open window of so many seconds.

    Whole rates: that many in one second. Below 1: one in 1/rate seconds. Broken ones above 1: rounded up, as even
    pacing puts up to that many into some second.
    """
    if rate < 1.0:
        return 1, 1.0 / rate
    return math.ceil(rate - 1e-9), SECOND


class HighestRate:
    """The most starts ever seen in any half-open window of one second."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.highest = 0

    def add(self, now: float) -> None:
        """Count a start. `now` never falls."""
        times = self._times
        times.append(now)
        while times[0] <= now - SECOND:
            times.popleft()
        self.highest = max(self.highest, len(times))


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
