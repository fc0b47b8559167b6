"""Background tasks that nobody loses sight of: each has a name, an owner, and a guard that notices its death.

A loop that fails is logged, counted and begun again after a growing pause. A task that must not die at all is started
as `fatal`: its death makes `failed()` return and the daemon stops, because a replica that has silently lost a part
is worse than none. Stopping goes by event, then deadline, then cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from outdial.clock import Clock, SystemClock
from outdial.errors import Retryable
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Between two turns of a loop that fails; pauses double from the first to the longest, and begin anew when a turn works."""
CANCEL_GRACE_S = 2.0
"""How long cancelled tasks may take to clean up."""


@dataclass(frozen=True, slots=True)
class Death:
    """A fatal task that ended unasked. `error` None = it simply returned."""

    name: str
    error: BaseException | None


class Background:
    """The tasks of one replica. `stopping` is set when they should come to an end by themselves."""

    def __init__(self, metrics: Metrics, clock: Clock | None = None) -> None:
        self.stopping = asyncio.Event()
        self._metrics = metrics
        self._clock = clock or SystemClock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._fatal: set[asyncio.Task[Any]] = set()
        self._death: Death | None = None
        self._died = asyncio.Event()

    def loop(self, name: str, turn: Callable[[], Awaitable[object]]) -> None:
        """Run `turn` again and again until stopping; a failing turn is repeated after a pause."""
        _ = self.start(name, self._loop(name, turn), fatal=True)

    def every(self, name: str, seconds: float, tick: Callable[[], Awaitable[object]]) -> None:
        """Run `tick` at once, then so many seconds after the end of the tick before, until stopping."""

        async def turn() -> None:
            await tick()
            await self.pause(seconds)

        self.loop(name, turn)

    def start(self, name: str, coroutine: Coroutine[Any, Any, None], *, fatal: bool = False) -> asyncio.Task[None]:
        """Own a task; an error that ends it is logged and counted. `fatal`: it may not even return before stopping."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        if fatal:
            self._fatal.add(task)
        task.add_done_callback(self._ended)
        return task

    def alive(self) -> list[str]:
        """Names of the tasks that have not ended, for health and for tests."""
        return sorted(task.get_name() for task in self._tasks)

    async def failed(self) -> Death:
        """Wait for the first death of a fatal task. Never returns while all is well."""
        await self._died.wait()
        assert self._death is not None
        return self._death

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the moment of stopping."""
        await self._first_of(self._clock.sleep(seconds), self.stopping.wait())

    async def stop(self, within_s: float) -> list[str]:
        """Ask all to end, wait, then cancel what is left. Returns the names of those that had to be cancelled."""
        self.stopping.set()
        late = await self._wait_for_end(within_s)
        names = sorted(task.get_name() for task in late)
        if late:
            log.warning("task.cancelled", tasks=names, waited_s=within_s)
        for task in late:
            task.cancel()
        if stuck := await self._wait_for_end(CANCEL_GRACE_S):
            log.error("task.stuck", tasks=sorted(task.get_name() for task in stuck))
        return names

    async def _loop(self, name: str, turn: Callable[[], Awaitable[object]]) -> None:
        pause = FIRST_PAUSE_S
        while not self.stopping.is_set():
            try:
                await turn()
                await asyncio.sleep(0)  # a turn that never waits must not stop everybody else
                pause = FIRST_PAUSE_S
                continue
            except Retryable as error:
                log.warning("task.retry", task=name, error_type=type(error).__name__, error_message=str(error))
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise
                self._note_failed_turn(name)  # something that the turn awaited was cancelled, not the loop
            except Exception:
                self._note_failed_turn(name)
            await self.pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _note_failed_turn(self, name: str) -> None:
        self._metrics.task_failures.labels(task=name).inc()
        log.exception("task.failed", task=name)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        fatal = task in self._fatal
        self._fatal.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None or (fatal and not self.stopping.is_set()):
            self._metrics.task_failures.labels(task=task.get_name()).inc()
            log.error("task.died", task=task.get_name(), fatal=fatal, exc_info=error)
            if fatal and self._death is None:
                self._death = Death(task.get_name(), error)
                self._died.set()

    async def _wait_for_end(self, within_s: float) -> set[asyncio.Task[Any]]:
        running = set(self._tasks)
        if running:
            await self._first_of(self._clock.sleep(within_s), asyncio.wait(running))
        return {task for task in running if not task.done()}

    @staticmethod
    async def _first_of(*waits: Coroutine[Any, Any, object]) -> None:
        """Wait for the first; the others are cancelled and awaited, so that nothing is left to the garbage collector."""
        tasks = [asyncio.ensure_future(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
