"""Background tasks that nobody loses sight of: each has a name, an owner, and a guard that notices its death.

A loop that fails is logged, counted and begun again after a growing pause; stopping is by event, then deadline, then
cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from outdial.errors import Retryable
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0


class Background:
    """The tasks of one replica. `stopping` is set when they should come to an end by themselves."""

    def __init__(self, metrics: Metrics) -> None:
        self.stopping = asyncio.Event()
        self._metrics = metrics
        self._tasks: set[asyncio.Task[Any]] = set()

    def loop(self, name: str, turn: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        """Run `turn` again and again until stopping; a failing turn is repeated after a pause."""
        return self.start(name, self._loop(name, turn))

    def every(self, name: str, seconds: float, tick: Callable[[], Awaitable[object]]) -> asyncio.Task[None]:
        """Run `tick` every so many seconds until stopping."""

        async def turn() -> None:
            await tick()
            await self.pause(seconds)

        return self.loop(name, turn)

    def start(self, name: str, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Own a task; its unexpected death is logged and counted."""
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the moment of stopping."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            pass

    async def stop(self, within_s: float) -> None:
        """Ask all to end, wait, then cancel what is left."""
        self.stopping.set()
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _loop(self, name: str, turn: Callable[[], Awaitable[object]]) -> None:
        pause = FIRST_PAUSE_S
        while not self.stopping.is_set():
            try:
                await turn()
                pause = FIRST_PAUSE_S
            except Retryable as error:
                log.warning("task.retry", task=name, error_type=type(error).__name__, error_message=str(error))
            except Exception:
                self._metrics.task_failures.labels(task=name).inc()
                log.exception("task.failed", task=name)
            else:
                continue
            await self.pause(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._metrics.task_failures.labels(task=task.get_name()).inc()
            log.error("task.died", task=task.get_name(), exc_info=task.exception())
