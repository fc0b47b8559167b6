"""An event loop whose time jumps to the next timer when nothing is ready, and processes in it that can be stopped.

Every callback belongs to the process in whose context it was made. A stopped process takes no step: its callbacks are
held until it goes on (SIGCONT) or for ever (SIGKILL: not even a `finally` runs). Everything is in one thread and goes
by the order of the loop, so a run is the same whenever its random numbers are the same.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any

STEPS_AT_ONE_MOMENT = 20_000
"""More callbacks than that without time going on are a hot loop."""


class HotLoop(BaseException):
    """Somebody goes round without waiting for anything. Not an `Exception`: no guard of the code may swallow it."""


class Process:
    """One replica's operating system process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopped = False
        self.dead = False
        self.held: list[asyncio.Handle] = []
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run it as a part of this process."""
        return asyncio.get_running_loop().create_task(coroutine, context=self.context.copy())


PROCESS: ContextVar[Process | None] = ContextVar("simulated_process", default=None)


class VirtualLoop(asyncio.BaseEventLoop):
    """Time in seconds since the beginning of the run."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._steps = 0
        self.set_exception_handler(self._notice)
        self.unhandled: list[str] = []

    def time(self) -> float:
        """Virtual."""
        return self._now

    def go_on(self, process: Process) -> None:
        """SIGCONT: what was held runs next."""
        process.stopped = False
        self._ready.extend(process.held)
        process.held.clear()

    def _notice(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.unhandled.append(f"{context.get('message')}: {type(error).__name__}: {error}")

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)
        if not ready and scheduled:
            self._move_to(scheduled[0].when())
        while scheduled and scheduled[0].when() <= self._now:
            ready.append(heapq.heappop(scheduled))
        self._steps += len(ready)
        if self._steps > STEPS_AT_ONE_MOMENT:
            raise HotLoop(f"at {self._now:.3f} s")
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            process = handle._context.get(PROCESS)  # type: ignore[attr-defined]  # 3.12 offers get_context()
            if process is not None and process.stopped:
                process.held.append(handle)
            else:
                handle._run()

    def _move_to(self, when: float) -> None:
        if when > self._now:
            self._now, self._steps = when, 0

    def _process_events(self, _: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is no other thread."""
