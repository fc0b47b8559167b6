"""Time: the monotonic clock plus the measured offset to the database's clock, so that all replicas agree.

Nothing else in outdial asks for the time. Statements take it as a parameter; rules take `now`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the story needs of time. All values in seconds."""

    def now(self) -> float:
        """Unix seconds by the database's clock."""

    def monotonic(self) -> float:
        """Seconds since some moment; never jumps. It runs on while the process is stopped."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The real one. `measure` is fed with round trips to the database by upkeep."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()
        self._best_round_trip = float("inf")

    def now(self) -> float:
        """See the protocol."""
        return time.monotonic() + self._offset

    def monotonic(self) -> float:
        """See the protocol."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See the protocol."""
        await asyncio.sleep(max(0.0, seconds))

    def measure(self, sent: float, database_time: float, received: float) -> None:
        """Take in one answer of the database's clock; `sent`, `received`: monotonic times around the question.

        The shortest round trip tells best. An old best ages by a tenth a measurement, so that a drift is followed.
        """
        round_trip = received - sent
        self._best_round_trip *= 1.1
        if round_trip <= self._best_round_trip:
            self._best_round_trip = round_trip
            self._offset = database_time + round_trip / 2 - received
