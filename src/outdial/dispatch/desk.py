"""The desk between the loops of one replica: reports about calls, cancels and wake-ups wait here for the next turn.

Everything that changes a call goes through the turn, so that one writer per replica works in batches and the batch
grows by itself while the previous turn is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile

from outdial.clock import Clock
from outdial.errors import Retryable
from outdial.ports.store import CallIdentity
from outdial.rules.call_fate import HasNews, IsOverdue, Report, WasAccepted, WasDeferred, WasNotSent, WasRefused
from outdial.rules.call_progress import Progress
from outdial.rules.capacity import Slots
from outdial.rules.ids import AttemptKey, Placement

LINGER_S = 0.02
"""How long news that frees no slot waits at least. A call that is over by then is written once."""
PATIENCE_S = 0.05
"""How long such news waits at most for a turn that is taken anyway: a turn of its own costs nearly as much as one of many
calls. Longer, and carriers that call back on few connections wait for their answers."""
TICK_S = 0.001
"""The shortest wait: a moment that is missed by a rounding error must not be waited for in ever smaller steps."""
LEAST_SHARE = 16
"""Calls that a turn takes at least, or that are worth a turn. Below that its round trips cost more than its rows."""

Reported = tuple[CallIdentity, Report, asyncio.Future[bool]]
"""A report, with the promise that tells whether its call was still open, kept after the commit."""


class NoMoreTurns(Retryable):
    """This replica ends. Carriers call back again, messages come again: another one takes it."""

    code = "no_more_turns"


@dataclass(slots=True)
class Work:
    """What the next turn finds on the desk."""

    reports: list[Reported] = field(default_factory=list)
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

    def halves(self) -> list[Work]:
        """In parts, by kind first; none if there is but one thing to do."""
        kinds = [Work(self.reports), Work(canceled=self.canceled), Work(sweep=self.sweep)]
        parts = [one for one in kinds if not one.is_empty]
        if len(parts) > 1:
            return parts
        middle = max(len(self.reports), len(self.canceled)) // 2
        first, second = (
            Work(self.reports[:middle], self.canceled[:middle]),
            Work(self.reports[middle:], self.canceled[middle:]),
        )
        return [first, second] if middle else []

    def fail(self, error: BaseException) -> None:
        """The turn was undone: whoever waits must know."""
        for *_, promise in self.reports:
            if not promise.done():
                promise.set_exception(error)
        for _, cancel in self.canceled:
            if not cancel.done():
                cancel.set_exception(error)


@dataclass(slots=True)
class _Pile:
    """One call's reports in their order. `since`: when the first of them came, by the monotonic clock."""

    since: float
    reports: list[Reported] = field(default_factory=list)


class Desk:
    """Where work waits for a turn.

    News that frees no slot is patient: it waits `LINGER_S` for the end of its call, so that a turn which gives slots on is
    short, and up to `PATIENCE_S` for a turn to ride with, so that few calls need few turns. Of much urgent work a turn
    gets a third: calls that began together would otherwise end together and wait for one long turn, for ever; taken in
    parts they spread by themselves.
    """

    def __init__(self, at_most: int, clock: Clock) -> None:
        """`at_most`: calls per turn."""
        self._at_most, self._clock = at_most, clock
        self._urgent: dict[Placement, _Pile] = {}
        self._patient: dict[Placement, _Pile] = {}
        self._rest, self._taken = Work(), Work()
        self._awake = asyncio.Event()
        self._is_closed = False

    def report(self, identity: CallIdentity, report: Report) -> asyncio.Future[bool]:
        """Lay a report on the desk. The promise is kept once it is committed: True = its call was open, False = over."""
        promise: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        placement = identity.placement
        pile = self._urgent.get(placement)
        if pile is None and _is_patient(report):
            pile = self._patient.setdefault(placement, self._new_pile())
            if len(self._patient) in (1, LEAST_SHARE):
                self._awake.set()  # whoever waits must learn until when
        elif pile is None:
            known = placement in self._patient
            pile = self._urgent[placement] = self._patient.pop(placement) if known else self._new_pile()
            self._awake.set()
        pile.reports.append((identity, report, promise))
        if self._is_closed:
            self.close()
        return promise

    def _new_pile(self) -> _Pile:
        return _Pile(self._clock.monotonic())

    def cancel(self, keys: Sequence[AttemptKey]) -> list[asyncio.Future[None]]:
        """Cancels, each with the promise of its commit."""
        loop = asyncio.get_running_loop()
        promises = [(key, loop.create_future()) for key in keys]
        self._rest.canceled += promises
        self._awake.set()
        if self._is_closed:
            self.close()
        return [promise for _, promise in promises]

    def sweep(self) -> None:
        """Let the next turn look at attempts whose time has come."""
        self._rest.sweep = True
        self._awake.set()

    def wake(self) -> None:
        """There may be work in the waiting room."""
        self._awake.set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for a turn."""
        return not self._urgent and not self._patient and self._rest.is_empty

    def take(self, *, anyway: bool = False, hurry: bool = False) -> Work:
        """What the next turn should do; the rest stays. `anyway`: it is taken for another reason, too. `hurry`: nothing
        waits for company any more."""
        self._awake.clear()
        anyway = anyway or bool(self._urgent) or not self._rest.is_empty
        share = max(LEAST_SHARE, -(-len(self._urgent) // 3))
        piles = _first(self._urgent, min(share, self._at_most))
        piles += _first(self._patient, min(self._ripe(anyway, hurry), self._at_most - len(piles)))
        rest, self._rest = self._rest, Work(canceled=self._rest.canceled[self._at_most :])
        if self._urgent or not self._rest.is_empty:
            self._awake.set()
        reports = [report for pile in piles for report in pile.reports]
        self._taken = Work(reports, rest.canceled[: self._at_most], rest.sweep)
        return self._taken

    def _ripe(self, anyway: bool, hurry: bool) -> int:
        """How many calls' patient news should go with the next turn, or be its reason."""
        if hurry:
            return len(self._patient)
        now = self._clock.monotonic()
        if not anyway and now < self._patient_until():
            return 0
        return sum(1 for _ in takewhile(lambda pile: pile.since + LINGER_S <= now, self._patient.values()))

    def _patient_until(self) -> float:
        """When patient news asks for a turn of its own: the oldest has waited long, or there is much of it."""
        first = next(iter(self._patient.values()), None)
        if first is None:
            return float("inf")
        much = next(islice(self._patient.values(), LEAST_SHARE - 1, None), None)
        return min(first.since + PATIENCE_S, float("inf") if much is None else much.since + LINGER_S)

    def close(self) -> None:
        """No turn comes any more: promises that were not kept end with `NoMoreTurns`, those made from now on at once."""
        self._is_closed = True
        self._taken.fail(NoMoreTurns("this replica ends"))
        while not self.is_empty:
            self.take(hurry=True).fail(NoMoreTurns("this replica ends"))

    async def wait(self, within_s: float) -> None:
        """Wait for work, at most so long."""
        within_s = min(within_s, max(TICK_S, self._patient_until() - self._clock.monotonic()))
        try:
            async with asyncio.timeout(within_s):
                await self._awake.wait()
        except TimeoutError:
            pass
        self._awake.clear()


def _is_patient(report: Report) -> bool:
    """Whether nobody waits for it: the carrier has the call, or it rings, or it was answered. By whom may end a call."""
    match report:
        case WasAccepted():
            return True
        case HasNews(news=news):
            return news.progress is not Progress.FINAL and news.answered_by is None
        case _:
            return False


def _first(piles: dict[Placement, _Pile], count: int) -> list[_Pile]:
    """Take the oldest off."""
    return [piles.pop(placement) for placement in list(islice(piles, count))]
