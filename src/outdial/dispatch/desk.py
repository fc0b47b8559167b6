"""The desk between the loops of one replica: reports about calls, cancels and wake-ups wait here for the next turn.

Everything that changes a call goes through the turn, so that one writer per replica works in batches and the batch
grows by itself while the previous turn is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from outdial.ports.store import CallIdentity
from outdial.rules.call_fate import HasNews, IsOverdue, Report, WasDeferred, WasNotSent, WasRefused
from outdial.rules.call_progress import Progress
from outdial.rules.capacity import Slots
from outdial.rules.ids import AttemptKey


@dataclass(slots=True)
class Work:
    """What the next turn finds on the desk."""

    reports: list[tuple[CallIdentity, Report, asyncio.Future[bool]]] = field(default_factory=list)
    """With each report, the promise that tells whether its call was still open, kept after the commit."""
    canceled: list[tuple[AttemptKey, asyncio.Future[None]]] = field(default_factory=list)
    sweep: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.reports or self.canceled or self.sweep)

    def frees(self) -> Iterator[Slots]:
        """The slots that these reports will probably give back; a hint, each call counted once."""
        ending = {}
        for identity, report, _ in self.reports:
            is_final = isinstance(report, HasNews) and report.news.progress is Progress.FINAL
            if is_final or isinstance(report, WasRefused | WasDeferred | WasNotSent | IsOverdue):
                ending[identity.placement] = identity.slots
        yield from ending.values()

    def fail(self, error: BaseException) -> None:
        """The turn was undone: whoever waits must know."""
        for *_, promise in self.reports:
            if not promise.done():
                promise.set_exception(error)
        for _, cancel in self.canceled:
            if not cancel.done():
                cancel.set_exception(error)


class Desk:
    """Where work waits for a turn."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._work = Work()
        self._awake = asyncio.Event()

    def report(self, identity: CallIdentity, report: Report) -> asyncio.Future[bool]:
        """Lay a report on the desk. The promise is kept once it is committed: True = its call was open, False = over."""
        promise: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._work.reports.append((identity, report, promise))
        self._awake.set()
        return promise

    def cancel(self, keys: Sequence[AttemptKey]) -> list[asyncio.Future[None]]:
        """Cancels, each with the promise of its commit."""
        loop = asyncio.get_running_loop()
        promises = [(key, loop.create_future()) for key in keys]
        self._work.canceled += promises
        self._awake.set()
        return [promise for _, promise in promises]

    def sweep(self) -> None:
        """Let the next turn look at attempts whose time has come."""
        self._work.sweep = True
        self._awake.set()

    def wake(self) -> None:
        """There may be work in the waiting room."""
        self._awake.set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for a turn."""
        return self._work.is_empty

    def take(self) -> Work:
        """What waits now, in order, bounded; the rest stays for the turn after."""
        self._awake.clear()
        work = self._work
        self._work = Work(reports=work.reports[self._at_most :], canceled=work.canceled[self._at_most :])
        if not self.is_empty:
            self._awake.set()
        return Work(work.reports[: self._at_most], work.canceled[: self._at_most], work.sweep)

    async def wait(self, within_s: float) -> None:
        """Wait for work, at most so long."""
        try:
            async with asyncio.timeout(within_s):
                await self._awake.wait()
        except TimeoutError:
            pass
        self._awake.clear()
