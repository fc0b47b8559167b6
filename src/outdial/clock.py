"""Time, as the whole daemon sees it: the database's clock, read locally.

Slots, deadlines and sticky assignments are judged by every replica, so they must agree on the hour. A replica
measures how far the database's clock is from its own monotonic one (`select clock_timestamp()`, one round trip) and
adds that offset from then on: no statement asks for the time again, and a jump of this machine's wall clock changes
nothing. All code takes a `Clock`; besides this module only the stamps of log lines read the machine's clocks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_DRIFT = 100e-6
"""By how much two quartz clocks may part, in seconds a second; what an old measurement loses in worth."""
_KEPT_S = 300.0
"""How long a measurement may be used, seconds."""
_SLEW = 0.5
"""While the offset shrinks, our time runs at this share of its pace until it has caught up: slower, never backwards."""


class Clock(Protocol):
    """What the story needs of time."""

    def now(self) -> float:
        """Database time in Unix seconds. Never goes backwards."""

    def monotonic(self) -> float:
        """Seconds of a clock that only counts on; for durations and for limits within this process."""

    async def sleep(self, seconds: float) -> None:
        """Wait that long; 0 or less only lets others run."""

    async def sleep_until(self, when: float) -> None:
        """Wait until `now()` is `when` (Unix seconds); returns at once when that is over."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One look at the database's clock. `offset` = database time minus monotonic time, seconds."""

    offset: float
    round_trip_s: float
    taken_at: float

    def uncertainty(self, monotonic: float) -> float:
        """By how much it may be wrong by now: half the round trip, and what the clocks drifted since."""
        return self.round_trip_s / 2 + (monotonic - self.taken_at) * _DRIFT


class SystemClock:
    """The daemon's `Clock`. Until the first measurement it goes by this machine's wall clock."""

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._measurements: list[Measurement] = []
        self._target = wall() - monotonic()
        self._shown_offset = self._target
        self._shown_at = monotonic()

    def monotonic(self) -> float:
        """See `Clock`."""
        return self._monotonic()

    def now(self) -> float:
        """See `Clock`."""
        here = self._monotonic()
        if self._shown_offset > self._target:
            slower = (here - self._shown_at) * (1 - _SLEW)
            self._shown_offset = max(self._target, self._shown_offset - slower)
        self._shown_at = here
        return here + self._shown_offset

    async def sleep(self, seconds: float) -> None:
        """See `Clock`."""
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, when: float) -> None:
        """See `Clock`. Looks at the clock again each minute, because the offset may change meanwhile."""
        while (left := when - self.now()) > 0:  # noqa: ASYNC110  it waits for a time, not for a condition
            await asyncio.sleep(min(left, 60.0))

    def measure(self, sent: float, database_time: float, received: float) -> Measurement:
        """Take in one answer of the database's clock; `sent`, `received`: our monotonic times around the question.

        The measurement of the least uncertainty wins, so a slow round trip cannot spoil the time. Returns the
        measurement just made, for metrics.
        """
        round_trip = max(0.0, received - sent)
        latest = Measurement(database_time - (sent + round_trip / 2), round_trip, received)
        if self._measurements and self._contradicts(latest):
            self._measurements.clear()
        recent = [m for m in self._measurements if received - m.taken_at <= _KEPT_S]
        self._measurements = [*recent[-63:], latest]
        self._adopt(min(self._measurements, key=lambda m: m.uncertainty(received)).offset)
        return latest

    def offset_error(self) -> float:
        """How far the time shown is still ahead of the time measured, seconds; 0 unless the database's clock fell back."""
        self.now()
        return self._shown_offset - self._target

    def uncertainty(self) -> float | None:
        """By how much `now()` may differ from the database's time, seconds; None before the first measurement."""
        here = self._monotonic()
        return min((m.uncertainty(here) for m in self._measurements), default=None)

    def _contradicts(self, latest: Measurement) -> bool:
        """Whether the database's clock was set (or a standby took over): older measurements are void then."""
        best = min(self._measurements, key=lambda m: m.uncertainty(latest.taken_at))
        allowed = best.uncertainty(latest.taken_at) + latest.uncertainty(latest.taken_at) + 1e-3
        return abs(latest.offset - best.offset) > allowed

    def _adopt(self, offset: float) -> None:
        self.now()
        self._target = offset
        self._shown_offset = max(self._shown_offset, offset)
