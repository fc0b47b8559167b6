"""A `Clock` that stands still until a test moves it, and wakes sleepers in the order of their times."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Generator

_TURNS = 60
"""How often everything that can run is let run after a sleeper woke: chains of awaits are shorter than that."""


class _OneTurn:
    def __await__(self) -> Generator[None, None, None]:
        yield


async def let_others_run(turns: int = _TURNS) -> None:
    """Give every task that is ready its turn, `turns` times. No real time passes."""
    for _ in range(turns):
        await _OneTurn()


class FakeClock:
    """`now()` and `monotonic()` move together, by `advance` only.

    `advance` stops at each sleeper's time on the way, wakes it, and lets everything run before it goes on; so a loop
    of ten-second ticks ticks six times in `advance(60)`, each at its exact time.
    """

    def __init__(self, now: float = 1_800_000_000.0, monotonic: float = 1_000.0) -> None:
        self._now = now
        self._monotonic = monotonic
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._changed = asyncio.Event()

    def now(self) -> float:
        """Unix seconds, as the test set them."""
        return self._now

    def monotonic(self) -> float:
        """Moves with `now`."""
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        """Sleep until the test has advanced that far."""
        if seconds <= 0:
            await _OneTurn()
            return
        await self._wait(self._monotonic + seconds)

    async def sleep_until(self, when: float) -> None:
        """Sleep until the test has advanced to `when`."""
        if when > self._now:
            await self._wait(self._monotonic + (when - self._now))

    async def advance(self, seconds: float) -> None:
        """Let everything run, then move the time on, waking sleepers one by one on the way."""
        await let_others_run()
        end = self._monotonic + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, sleeper = heapq.heappop(self._sleepers)
            self._move_to(due)
            if not sleeper.done():
                sleeper.set_result(None)
                await let_others_run()
        self._move_to(end)
        await let_others_run()

    def jump(self, seconds: float) -> None:
        """Move the time without waking anybody yet; the next `advance` does."""
        self._move_to(self._monotonic + seconds)

    async def sleeping(self, count: int = 1) -> None:
        """Return as soon as at least `count` tasks sleep on this clock."""
        while self.sleepers() < count:
            self._changed.clear()
            await self._changed.wait()

    def sleepers(self) -> int:
        """How many tasks sleep on this clock."""
        return sum(not sleeper.done() for _, _, sleeper in self._sleepers)

    async def _wait(self, due: float) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (due, next(self._order), sleeper))
        self._changed.set()
        await sleeper

    def _move_to(self, monotonic: float) -> None:
        if monotonic > self._monotonic:
            self._now += monotonic - self._monotonic
            self._monotonic = monotonic
