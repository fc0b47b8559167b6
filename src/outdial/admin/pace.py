"""How often one caller may ask: so many requests a second on average, a burst of them at once."""

from __future__ import annotations

from collections.abc import Callable


class Pace:
    """A bucket per caller. `clock`: seconds, monotonic."""

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float]) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._full_at: dict[str, float] = {}

    def take(self, caller: str) -> float:
        """0 = go on; else the seconds to wait, and nothing is taken."""
        now = self._clock()
        full_at = max(now, self._full_at.get(caller, now))
        wait_s = full_at + 1 / self._per_s - now - self._burst / self._per_s
        if wait_s > 0:
            return wait_s
        self._full_at[caller] = full_at + 1 / self._per_s
        return 0.0
