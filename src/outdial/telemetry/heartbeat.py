"""The event loop's heartbeat: how late it wakes up, and whether it wakes up at all."""

from __future__ import annotations

from outdial.clock import Clock
from outdial.telemetry.metrics import Metrics

BEAT_S = 1.0
"""Seconds between two beats: `background.every("heartbeat", BEAT_S, heartbeat.beat)`."""


class Heartbeat:
    """Beats while the loop runs; what liveness is judged by."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock, self._metrics = clock, metrics
        self._last: float | None = None

    async def beat(self) -> None:
        """Note that the loop runs, and how much later than a beat ago plus `BEAT_S`."""
        now = self._clock.monotonic()
        if self._last is not None:
            self._metrics.event_loop_lag_seconds.observe(max(0.0, now - self._last - BEAT_S))
        self._last = now

    def age_s(self) -> float:
        """Seconds since the last beat; 0 before the first."""
        return 0.0 if self._last is None else self._clock.monotonic() - self._last
