"""The model of the carriers: they keep their own tally and know nothing of what the dispatcher believes.

A call's whole life is drawn when it is created; hanging up shortens it. Answers get lost, come late or broken, the
list of calls lags, callbacks are lost, repeated, early, late and out of order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from outdial.errors import Retryable
from outdial.ports.carriers import (
    Accepted,
    Ambiguous,
    CallOrder,
    NotSent,
    PlaceResult,
    Refused,
    RefusedForNow,
    SearchQuery,
    StartTooLate,
)
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.ids import E164, ConnectionId, Placement
from outdial.rules.outcome import Outcome
from tests.simulation.recorder import Recorder
from tests.simulation.virtual_loop import pass_time
from tests.simulation.weather import Weather

REQUEST_S = 3.0
"""How long a client waits for the answer to a create request."""
EPOCH = 1_800_000_000.0 + 10 * 3_600
"""The Unix time at which a run begins: Friday, 13:00 in New York and 10:00 in Los Angeles."""
OUTSIDE = Context()
"""What carriers do is done in nobody's process."""
_ENDS = (Outcome.NO_ANSWER, Outcome.BUSY, Outcome.CARRIER_FAILED, Outcome.SPAM_BLOCKED, Outcome.REJECTED)


@dataclass(slots=True, eq=False)
class Call:
    """One call as its carrier has it. Times in seconds of the run."""

    id: str
    connection: ConnectionId
    placement: Placement
    to: E164
    created_at: float
    listed_at: float
    ringing_at: float
    answered_at: float | None
    ends_at: float
    outcome: Outcome
    answered_by: AnsweredBy | None = None

    def progress(self, now: float) -> Progress:
        """Where it stands."""
        if now >= self.ends_at:
            return Progress.FINAL
        if self.answered_at is not None and now >= self.answered_at:
            return Progress.ANSWERED
        return Progress.RINGING if now >= self.ringing_at else Progress.INITIATED

    def news(self, progress: Progress) -> CallNews:
        """What the carrier says of it at that stage."""
        is_final = progress is Progress.FINAL
        answered = self.answered_at is not None and progress >= Progress.ANSWERED
        at = {Progress.FINAL: self.ends_at, Progress.RINGING: self.ringing_at, Progress.INITIATED: self.created_at}
        return CallNews(
            progress,
            self.id,
            at=EPOCH + at.get(progress, self.answered_at or self.created_at),
            outcome=self.outcome if is_final else None,
            answered_by=self.answered_by if progress is Progress.MACHINE_RESULT else None,
            was_answered=is_final and answered,
            provider_status=progress.name.lower(),
            duration_s=self.ends_at - self.answered_at if is_final and self.answered_at is not None else None,
        )


@dataclass(slots=True)
class Create:
    """A create request as it reached the carrier, and what the carrier made of it, whether the answer arrives or not."""

    at: float
    connection: ConnectionId
    placement: Placement
    call: Call | None
    result: PlaceResult
    from_number: E164
    to: E164

    @property
    def proven(self) -> bool:
        """The answer proves that no call came of it."""
        return isinstance(self.result, Refused | RefusedForNow)


Deliver = Callable[[ConnectionId, Placement, Sequence[CallNews]], Coroutine[Any, Any, None]]


@dataclass(slots=True)
class Exchange:
    """All carriers together: what reached them, and the calls there are."""

    book: Recorder
    weather: Weather
    rng: Random
    deliver: Deliver
    creates: list[Create] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    on_create: list[Callable[[Create], None]] = field(default_factory=list)
    on_hang_up: list[Callable[[Call], None]] = field(default_factory=list)
    pending: set[asyncio.Task[None]] = field(default_factory=set)
    callbacks_due: int = 0
    unsearchable: set[ConnectionId] = field(default_factory=set)

    def start(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it at the carrier, in nobody's process."""
        task = asyncio.get_running_loop().create_task(coroutine, context=OUTSIDE.copy())
        self.pending.add(task)
        task.add_done_callback(self.pending.discard, context=OUTSIDE.copy())

    def later(self, when: float, call: Call, progress: Progress) -> None:
        """Tell of the stage once it is reached, unless the call ended otherwise."""
        self.callbacks_due += 1
        asyncio.get_running_loop().call_at(when, self._tell, call, progress, when, context=OUTSIDE.copy())

    def _tell(self, call: Call, progress: Progress, when: float) -> None:
        self.callbacks_due -= 1
        if progress is Progress.FINAL and call.ends_at != when:
            return
        if progress is not Progress.FINAL and when > call.ends_at:
            return
        for _ in range(1 + (self.rng.random() < self.weather.callback_twice)):
            self.start(self._call_back(call, progress))

    async def _call_back(self, call: Call, progress: Progress) -> None:
        rng, weather = self.rng, self.weather
        if rng.random() < weather.callback_lost:
            return
        late = rng.random() < weather.callback_late
        await pass_time(rng.uniform(5.0, 150.0) if late else rng.random() * (2.0 if rng.random() < 0.2 else 0.05))
        news = [call.news(progress)]
        if progress is Progress.FINAL and rng.random() < 0.2:  # some carriers tell several stages at once
            news.insert(rng.randint(0, 1), call.news(Progress.RINGING))
        await self.deliver(call.connection, call.placement, news)


class Line:
    """`ports.Carrier` for one connection."""

    settle_time_s = 20.0

    def __init__(self, exchange: Exchange, name: ConnectionId, *, searchable: bool = True) -> None:
        self._exchange, self._name, self.searchable = exchange, name, searchable
        if not searchable:
            exchange.unsearchable.add(name)

    async def place(self, order: CallOrder) -> PlaceResult:
        """See the port."""
        exchange, weather, rng = self._exchange, self._exchange.weather, self._exchange.rng
        await pass_time(rng.random() * weather.longest_delay)
        if rng.random() < weather.not_connected:
            return NotSent("connect")
        try:
            order.check_start()
        except StartTooLate:
            exchange.book.reach("late_start_given_back")
            return NotSent("too_late")
        answer: asyncio.Future[PlaceResult] = asyncio.get_running_loop().create_future()
        exchange.book.note(f"create request {order.placement}")
        exchange.start(self._handle(order, answer))
        try:
            async with asyncio.timeout(REQUEST_S):
                return await answer
        except TimeoutError:
            return Ambiguous("timeout")

    async def _handle(self, order: CallOrder, answer: asyncio.Future[PlaceResult]) -> None:
        weather, rng = self._exchange.weather, self._exchange.rng
        await pass_time(rng.random() * weather.longest_delay)
        result = self._result(order)
        if rng.random() < weather.slow_answer:
            await pass_time(rng.uniform(1.0, 2 * REQUEST_S))
        elif rng.random() < weather.callback_early:
            await pass_time(rng.uniform(0.1, 2.5))
        else:
            await pass_time(rng.random() * 0.05)
        if not answer.done():
            answer.set_result(result)

    def _result(self, order: CallOrder) -> PlaceResult:
        weather, rng = self._exchange.weather, self._exchange.rng
        if rng.random() < weather.refused_for_now:
            return self._note(order, None, RefusedForNow("429", rng.choice([None, 1.0, 4.0])))
        if rng.random() < weather.refused:
            outcome = rng.choice([Outcome.CALLER_ID_REJECTED, Outcome.CALLER_ID_REJECTED, Outcome.INVALID_NUMBER])
            return self._note(order, None, Refused(outcome, "failed", "21212"))
        if rng.random() < weather.no_answer_without_call:
            return self._note(order, None, Ambiguous("http_500"))
        call = self._create(order)
        tells = rng.random() >= weather.no_answer_with_call
        return self._note(order, call, Accepted(call.id, "queued") if tells else Ambiguous("reset"))

    def _note(self, order: CallOrder, call: Call | None, result: PlaceResult) -> PlaceResult:
        exchange = self._exchange
        create = Create(
            exchange.book.now(), self._name, order.placement, call, result, order.from_number, order.to
        )  # fmt: skip
        exchange.creates.append(create)
        for listener in exchange.on_create:
            listener(create)
        return result

    def _create(self, order: CallOrder) -> Call:
        exchange, rng, now = self._exchange, self._exchange.rng, self._exchange.book.now()
        rings = now + rng.uniform(0.05, 1.0)
        is_answered = rng.random() < 0.5
        answered = rings + rng.uniform(0.2, order.ring_timeout_s) if is_answered else None
        ends = (answered if answered is not None else rings) + rng.uniform(0.2, order.ring_timeout_s)
        if self.searchable and rng.random() < exchange.weather.carrier_hangs:  # else its limits are all that ends it
            ends = now + 60.0
        by = rng.choice([None, AnsweredBy.HUMAN, AnsweredBy.MACHINE]) if order.detect_machine and is_answered else None
        call = Call(
            f"call-{len(exchange.calls)}", self._name, order.placement, order.to, now, now + rng.choice([0.0, 20.0 * rng.random(), 20.0]), rings,
            answered, ends, Outcome.ANSWERED_UNKNOWN if is_answered else rng.choice(_ENDS), by,
        )  # fmt: skip
        exchange.calls[call.id] = call
        exchange.book.note(f"call {call.id} for {call.placement} until {ends:.3f}: {call.outcome}")
        exchange.later(now, call, Progress.INITIATED)
        exchange.later(rings, call, Progress.RINGING)
        if answered is not None:
            exchange.later(answered, call, Progress.ANSWERED)
        if by is not None and answered is not None:
            exchange.later(answered + rng.uniform(0.1, 3.0), call, Progress.MACHINE_RESULT)
        exchange.later(ends, call, Progress.FINAL)
        return call

    async def _ask(self) -> None:
        exchange = self._exchange
        await pass_time(exchange.rng.random() * 0.05)
        if exchange.rng.random() < exchange.weather.cannot_ask:
            raise Retryable("the simulated carrier cannot be asked")

    async def look_up(self, carrier_call_id: str) -> CallNews | None:
        """See the port."""
        await self._ask()
        call, rng = self._exchange.calls.get(carrier_call_id), self._exchange.rng
        if call is not None and call.listed_at > self._exchange.book.now() and rng.random() < 0.5:
            return None  # what shows calls lags behind what makes them
        return None if call is None else call.news(call.progress(self._exchange.book.now()))

    async def search(self, query: SearchQuery) -> Sequence[CallNews]:
        """See the port. The list lags, at most by the settle time; some carriers have none."""
        await self._ask()
        if not self.searchable:
            return []
        now = self._exchange.book.now()
        found = [c for c in self._exchange.calls.values() if c.placement == query.placement and c.listed_at <= now]
        return [replace(c.news(c.progress(now)), to=c.to) for c in found]

    async def hang_up(self, carrier_call_id: str) -> None:
        """See the port."""
        await self._ask()
        exchange, now = self._exchange, self._exchange.book.now()
        call = exchange.calls.get(carrier_call_id)
        if call is None or now >= call.ends_at:
            return
        for listener in exchange.on_hang_up:
            listener(call)
        takes = exchange.rng.uniform(0.2, 1.0) if exchange.rng.random() < exchange.weather.slow_hang_up else 0.0
        if call.answered_at is None or now + takes < call.answered_at:
            call.answered_at, call.outcome = None, Outcome.CANCELED
        call.ends_at = min(call.ends_at, now + takes)
        exchange.later(call.ends_at, call, Progress.FINAL)


@dataclass(slots=True)
class Lines:
    """`ports.Carriers`."""

    lines: dict[ConnectionId, Line]

    def of(self, connection: ConnectionId) -> Line:
        """See the port."""
        return self.lines[connection]
