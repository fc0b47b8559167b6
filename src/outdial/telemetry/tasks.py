"""Background tasks with a name, a guard and an owner who notices their death.

A task gets the `stopping` event and ends by itself soon after it is set. One that ends earlier is either started
anew after a growing pause, or declared fatal: then `failed()` returns and the daemon stops, because a replica that
has silently lost one of its loops is worse than none. Stopping goes by event, then deadline, then cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog

from outdial.clock import Clock

log = structlog.get_logger(__name__)

Run = Callable[[asyncio.Event], Awaitable[None]]
"""What a background task does until `stopping` is set."""

_LONGEST_PAUSE_S = 30.0
"""Between two starts of a task that keeps dying; pauses double from 0.5 s up to this."""
_HEALTHY_AFTER_S = 60.0
"""A task that ran this long had recovered: the pauses begin anew."""
_CANCEL_GRACE_S = 2.0
"""How long a cancelled task may take to clean up."""


class OnDeath(StrEnum):
    """What the owner does when a task ends although nobody asked it to."""

    FATAL = "fatal"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Death:
    """A task that ended unasked. `error` None = it simply returned."""

    name: str
    error: BaseException | None


class Background:
    """Owns background tasks. `on_death` is told of each death (for metrics) before anything else is done about it."""

    def __init__(self, clock: Clock, on_death: Callable[[Death], None] = lambda death: None) -> None:
        self.stopping = asyncio.Event()
        self._clock = clock
        self._on_death = on_death
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._fatal: asyncio.Future[Death] | None = None

    def start(self, name: str, run: Run, *, on_death: OnDeath = OnDeath.FATAL) -> None:
        """Start `run` under `name` (unique among the living)."""
        if name in self._tasks and not self._tasks[name].done():
            raise ValueError(f"a background task {name!r} is running already")
        self._tasks[name] = asyncio.create_task(self._guard(name, run, on_death), name=name)

    def alive(self) -> list[str]:
        """Names of the tasks that have not ended, for health and for tests."""
        return sorted(name for name, task in self._tasks.items() if not task.done())

    async def failed(self) -> Death:
        """Wait for the first fatal death. Never returns while all is well."""
        return await asyncio.shield(self._fatal_future())

    async def stop(self, within_s: float) -> list[str]:
        """Ask all to end, wait up to `within_s`, cancel the rest. Returns the names of those that had to be cancelled."""
        self.stopping.set()
        late = await self._wait_for_end(within_s)
        for name in late:
            log.warning("task.cancelled", task=name, waited_s=within_s)
            self._tasks[name].cancel()
        if stuck := await self._wait_for_end(_CANCEL_GRACE_S):
            log.error("task.stuck", tasks=stuck)
        return late

    async def _guard(self, name: str, run: Run, on_death: OnDeath) -> None:
        pause = 0.5
        while True:
            began = self._clock.monotonic()
            error = await self._run_once(run)
            if self.stopping.is_set() and error is None:
                return
            self._note(Death(name, error), on_death)
            if on_death is OnDeath.FATAL or self.stopping.is_set():
                return
            if self._clock.monotonic() - began >= _HEALTHY_AFTER_S:
                pause = 0.5
            if await stopped_within(self.stopping, self._clock, pause):
                return
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    async def _run_once(self, run: Run) -> BaseException | None:
        try:
            await run(self.stopping)
        except asyncio.CancelledError as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            return error  # something that it awaited was cancelled, not itself
        except Exception as error:
            return error
        return None

    def _note(self, death: Death, on_death: OnDeath) -> None:
        log.error("task.died", task=death.name, then=str(on_death), exc_info=death.error)
        self._on_death(death)
        if on_death is OnDeath.FATAL and not self._fatal_future().done():
            self._fatal_future().set_result(death)

    def _fatal_future(self) -> asyncio.Future[Death]:
        if self._fatal is None:
            self._fatal = asyncio.get_running_loop().create_future()
        return self._fatal

    async def _wait_for_end(self, within_s: float) -> list[str]:
        running = {name: task for name, task in self._tasks.items() if not task.done()}
        if running:
            alarm = asyncio.ensure_future(self._clock.sleep(within_s))
            everyone = asyncio.ensure_future(asyncio.wait(running.values()))
            try:
                await asyncio.wait({alarm, everyone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await _drop(alarm, everyone)
        return [name for name, task in running.items() if not task.done()]


async def stopped_within(stopping: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Sleep, but not longer than until `stopping` is set. Whether it is set."""
    if stopping.is_set():
        return True
    alarm = asyncio.ensure_future(clock.sleep(seconds))
    signal = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({alarm, signal}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _drop(alarm, signal)
    return stopping.is_set()


def ticking(step: Callable[[], Awaitable[object]], every_s: float, clock: Clock, *, name: str) -> Run:
    """A task that does `step` at once and then every `every_s` seconds (counted from the end of the step before).

    A step that raises is logged and tried again at its next time: upkeep outlives an absent database.
    """

    async def run(stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await step()
            except Exception:
                log.warning("task.step_failed", task=name, next_in_s=every_s, exc_info=True)
            await stopped_within(stopping, clock, every_s)

    return run


async def _drop(*futures: asyncio.Future[Any]) -> None:
    """Cancel what is still pending and wait until it is gone, so that nothing is left to the garbage collector."""
    for future in futures:
        future.cancel()
    await asyncio.gather(*futures, return_exceptions=True)
