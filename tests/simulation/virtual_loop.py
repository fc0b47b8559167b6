"""An event loop whose time jumps to the next timer when nothing is ready, and processes in it that can be stopped.

Every callback belongs to the process in whose context it was made. A stopped process takes no step: its callbacks are
held until it goes on (SIGCONT) or for ever (SIGKILL: not even a `finally` runs). Everything is in one thread and goes
by the order of the loop, so a run is the same whenever its random numbers are the same.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVarTuple

STEPS_AT_ONE_MOMENT = 20_000
"""More callbacks than that without time going on are a hot loop."""


_Ts = TypeVarTuple("_Ts")


class HotLoop(BaseException):
    """Somebody goes round without waiting for anything. Not an `Exception`: no guard of the code may swallow it."""


class Process:
    """One replica's operating system process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stopped = False
        self.dead = False
        self.held: list[Step] = []
        self.context: Context = copy_context()
        self.context.run(PROCESS.set, self)

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run it as a part of this process."""
        return asyncio.get_running_loop().create_task(coroutine, context=self.context.copy())


PROCESS: ContextVar[Process | None] = ContextVar("simulated_process", default=None)


class Step(asyncio.TimerHandle):
    """What asyncio calls a handle, made cheaply: nothing of the base is used but its name. Runs make thousands each."""

    __slots__ = ("arguments", "callback", "context")

    def __init__(self, callback: Callable[..., object] | None, arguments: tuple[Any, ...], context: Context) -> None:
        self.callback, self.arguments, self.context = callback, arguments, context

    def cancel(self) -> None:
        """It will not be called."""
        self.callback, self.arguments = None, ()


class VirtualLoop(asyncio.BaseEventLoop):
    """Time in seconds since the beginning of the run."""

    _stopping: bool
    _ready: deque[Step]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._steps = 0
        self._timers: list[tuple[float, int, Step]] = []
        self._timers_made = 0
        self.set_exception_handler(self._notice)
        self.unhandled: list[str] = []

    def time(self) -> float:
        """Virtual."""
        return self._now

    def call_soon(self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None) -> Step:
        """See asyncio."""
        step = Step(callback, args, context if context is not None else copy_context())
        self._ready.append(step)
        return step

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> Step:
        """See asyncio."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> Step:
        """See asyncio. Timers of one moment fire in the order in which they were set."""
        step = Step(callback, args, context if context is not None else copy_context())
        self._timers_made += 1
        heapq.heappush(self._timers, (when, self._timers_made, step))
        return step

    def go_on(self, process: Process) -> None:
        """SIGCONT: what was held runs next."""
        process.stopped = False
        self._ready.extend(process.held)
        process.held.clear()

    def _notice(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.unhandled.append(f"{context.get('message')}: {type(error).__name__}: {error}")

    def _run_once(self) -> None:
        """All of it at once: asyncio's own loop over this asks for nothing that is needed here."""
        while not self._stopping:
            self._go_round()

    def _go_round(self) -> None:
        ready, timers = self._ready, self._timers
        while timers and timers[0][2].callback is None:
            heapq.heappop(timers)
        if not ready and timers and timers[0][0] > self._now:
            self._now, self._steps = timers[0][0], 0
        while timers and timers[0][0] <= self._now:
            ready.append(heapq.heappop(timers)[2])
        self._steps += len(ready)
        if self._steps > STEPS_AT_ONE_MOMENT:
            raise HotLoop(f"at {self._now:.3f} s")
        for _ in range(len(ready)):
            step = ready.popleft()
            if step.callback is None:
                continue
            process = step.context.get(PROCESS)
            if process is not None and process.stopped:
                process.held.append(step)
            else:
                self._take(step)

    def _take(self, step: Step) -> None:
        assert step.callback is not None
        try:
            step.context.run(step.callback, *step.arguments)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self.call_exception_handler({"message": "a callback failed", "exception": error})

    def _process_events(self, _: Any) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is no other thread."""


async def pass_time(seconds: float) -> None:
    """Let virtual time go by. Raises `RuntimeError` on any other loop, where a model beside its real twin takes no time:
    nothing here may wait for the clock on the wall."""
    if seconds > 0 and not isinstance(asyncio.get_running_loop(), VirtualLoop):
        raise RuntimeError("this is a model: it runs in virtual time only")
    await asyncio.sleep(seconds)
