"""A carrier inside the process: it accepts at once, its calls last exactly as long as asked, and it keeps its own count.

For measuring what the dispatcher itself costs: no HTTP, no ringing. Its tally is taken where a carrier would take it,
so a limit that is broken shows, whatever the dispatcher's own rows say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from outdial.errors import Retryable
from outdial.ports.carriers import Accepted, CallOrder, NotSent, PlaceResult, SearchQuery, StartTooLate
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.ids import ConnectionId, Placement
from outdial.rules.outcome import Outcome

Deliver = Callable[[ConnectionId, Placement, Sequence[CallNews]], Awaitable[object]]


@dataclass(slots=True)
class Line:
    """One connection as its carrier sees it. `limit` 0 = none. Busy time is slot-seconds of calls under way."""

    name: ConnectionId
    limit: int
    open: int = 0
    highest: int = 0
    violations: int = 0
    started: int = 0
    late: int = 0
    busy_s: float = 0.0
    by_number: Counter[str] = field(default_factory=Counter)
    _at: float = 0.0

    def move(self, by: int) -> None:
        """A call begins or ends now."""
        now = asyncio.get_running_loop().time()
        self.busy_s += self.open * (now - self._at)
        self._at = now
        self.open += by
        self.highest = max(self.highest, self.open)
        if by > 0:
            self.started += 1
            self.violations += bool(self.limit) and self.open > self.limit


class InstantCarrier:
    """`ports.Carrier` for one line. `call_s`: how long each call lasts; 0 = it ends as soon as it was accepted."""

    settle_time_s = 1.0
    searchable = False

    def __init__(self, line: Line, call_s: float, deliver: Deliver, answers: Callable[[str], bool]) -> None:
        self._line, self._call_s, self._deliver, self._answers = line, call_s, deliver, answers
        self._calls: set[asyncio.Task[None]] = set()

    async def place(self, order: CallOrder) -> PlaceResult:
        """See the port."""
        try:
            order.check_start()
        except StartTooLate:
            self._line.late += 1
            return NotSent("too_late")
        self._line.move(+1)
        self._line.by_number[order.from_number] += 1
        call = asyncio.create_task(self._end(order.placement, self._answers(order.to)))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)
        return Accepted(f"call-{order.placement}")

    async def _end(self, placement: Placement, answers: bool) -> None:
        await asyncio.sleep(self._call_s)
        self._line.move(-1)
        outcome = Outcome.ANSWERED_UNKNOWN if answers else Outcome.NO_ANSWER
        news = CallNews(Progress.FINAL, f"call-{placement}", outcome=outcome, was_answered=answers)
        with suppress(Retryable):  # the replica has ended
            await self._deliver(self._line.name, placement, [news])

    async def look_up(self, carrier_call_id: str) -> CallNews | None:
        """Not needed: every call's end is told."""
        return None

    async def search(self, query: SearchQuery) -> Sequence[CallNews]:
        """Not needed: no answer is ever lost."""
        return []

    async def hang_up(self, carrier_call_id: str) -> None:
        """Calls end by themselves."""


class InstantCarriers:
    """`ports.Carriers`: one carrier per line. `answers`: whether a contact will, asked as its create request begins."""

    def __init__(self, lines: Sequence[Line], call_s: float, answers: Callable[[str], bool] = lambda _: True) -> None:
        self.lines = {line.name: line for line in lines}
        self._carriers = {line.name: InstantCarrier(line, call_s, self._tell, answers) for line in lines}
        self.deliver: Deliver | None = None
        """Where news goes; set once the replica is built."""

    async def _tell(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> None:
        assert self.deliver is not None
        await self.deliver(connection, placement, news)

    def of(self, connection: ConnectionId) -> InstantCarrier:
        """See the port."""
        return self._carriers[connection]
