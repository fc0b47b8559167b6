"""The model of the broker: at least once both ways. What is unacked comes again, publishes and confirms may be lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field, replace
from random import Random

from outdial.errors import BrokerUnavailable
from outdial.ports.messages import BadMessage, Delivery, OutgoingEvent
from outdial.rules.attempt import AttemptRequest, CancelRequest, Request
from tests.simulation.tables import Tables
from tests.simulation.virtual_loop import pass_time
from tests.simulation.weather import Weather

QUEUE = "outdial.attempts.0"


@dataclass(slots=True)
class Message:
    """A message at the broker. `request` None = nobody can read it."""

    name: str
    request: Request | None
    redelivered: bool = False


@dataclass(slots=True)
class Broker:
    """One attempt queue with any number of consumers, and the log of every event that arrived."""

    tables: Tables
    weather: Weather
    rng: Random
    ready: list[Message] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    published: Counter[str] = field(default_factory=Counter)
    """By event id."""
    bodies: dict[str, OutgoingEvent] = field(default_factory=dict)
    acked: dict[str, float] = field(default_factory=dict)
    """Message name -> when it was first acked."""
    sent: dict[str, Message] = field(default_factory=dict)
    losses_to_come: int = 0
    """So many deliveries whose connection breaks before they can be acked."""

    def send(self, message: Message) -> None:
        """A producer publishes; sometimes twice, since it too must repeat what was not confirmed."""
        self.sent[message.name] = message
        for _ in range(1 + (self.rng.random() < self.weather.duplicate_message)):
            self.ready.insert(self.rng.randint(0, len(self.ready)), message)
        self.tell()

    def tell(self) -> None:
        """There may be something to consume."""
        for link in self.links:
            link.some.set()

    def decode(self, delivery: Delivery) -> tuple[Request, Sequence[str]]:
        """`ports.Decoder`."""
        message = delivery.receipt[1] if isinstance(delivery.receipt, tuple) else None
        if not isinstance(message, Message) or message.request is None:
            raise BadMessage("not_json", "body", "the body is not JSON")
        return message.request, ()

    def ack(self, message: Message) -> None:
        """The message leaves the broker: by then what it asks must be durable."""
        tables, request = self.tables, message.request
        self.acked.setdefault(message.name, tables.book.now())
        if isinstance(request, AttemptRequest) and request.key not in tables.attempts:
            tables.book.violate(f"attempt {request.key.attempt_id} was acked before it was stored")
        if isinstance(request, CancelRequest) and not _is_noted(tables, request):
            tables.book.violate(f"the cancel of {request.key.attempt_id} was acked before it was stored")
        if request is None and not tables.dead_letters:
            tables.book.violate("an unreadable message was acked before it was kept")

    def is_idle(self) -> bool:
        """Whether every message was acked."""
        return not self.ready and all(name in self.acked for name in self.sent)


def _is_noted(tables: Tables, cancel: CancelRequest) -> bool:
    """Ended, remembered, or marked; an answered call is left alone."""
    if cancel.key in tables.outcomes or cancel.key in tables.cancellations:
        return True
    if (seat := tables.waiting.get(cancel.key)) is not None:
        return seat.attempt.canceled
    row = tables.calls.get(cancel.key)
    return row is not None and (row.call.cancel_requested or row.call.facts.answered_at is not None)


class Link:
    """One replica's connection: `ports.Inbox` and `ports.EventPublisher`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self.some = asyncio.Event()
        self._unacked: dict[int, Message] = {}
        self._tag = 0
        self._closed = False
        broker.links.append(self)

    async def _travel(self) -> None:
        await pass_time(self._broker.rng.random() * self._broker.weather.longest_delay)

    async def receive(self, at_most: int) -> Sequence[Delivery]:
        """See the port."""
        while not self._closed:
            batch = self._broker.ready[:at_most]
            if batch:
                del self._broker.ready[:at_most]
                if self._broker.losses_to_come:
                    self._broker.losses_to_come -= 1
                    asyncio.get_running_loop().call_later(
                        0.012 * self._broker.rng.random(), self.lose_connection, context=Context()
                    )
                return [self._deliver(message) for message in batch]
            self.some.clear()
            await self.some.wait()
        return []

    def _deliver(self, message: Message) -> Delivery:
        self._tag += 1
        self._unacked[self._tag] = message
        key = getattr(message.request, "key", None)
        if message.redelivered:
            self._broker.tables.book.reach("redelivered")
        return Delivery(
            QUEUE, key.tenant if key else "", b"", message.name, None, {}, message.redelivered, (self._tag, message)
        )

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See the port. Receipts of a lost connection are worth nothing."""
        await self._travel()
        for delivery in deliveries:
            assert isinstance(delivery.receipt, tuple)
            if (message := self._unacked.pop(delivery.receipt[0], None)) is not None:
                self._broker.ack(message)
            else:
                self._broker.tables.book.reach("ack_on_a_lost_connection")

    async def pause(self, queue: str) -> None:
        """See the port."""

    async def resume(self, queue: str) -> None:
        """See the port."""

    def lose_connection(self) -> None:
        """What is unacked goes back, flagged."""
        back = [replace(message, redelivered=True) for message in self._unacked.values()]
        self._unacked.clear()
        self._broker.ready[:0] = back
        self._broker.tell()

    def close(self) -> None:
        """No more deliveries."""
        self._closed = True
        self.some.set()

    def die(self) -> None:
        """The process is gone."""
        self._closed = True
        self.lose_connection()
        self._broker.links.remove(self)

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """See the port."""
        broker = self._broker
        await self._travel()
        if broker.rng.random() < broker.weather.broker_error:
            raise BrokerUnavailable("the simulated broker is away")
        confirmed = []
        for event in events:
            if broker.rng.random() < broker.weather.publish_lost:
                broker.tables.book.reach("publish_lost")
                continue
            self._arrive(event)
            if broker.rng.random() >= broker.weather.confirm_lost:
                confirmed.append(event)
        await self._travel()
        return confirmed

    def _arrive(self, event: OutgoingEvent) -> None:
        broker = self._broker
        if event.event_id not in broker.tables.outbox_ever:
            broker.tables.book.violate(f"event {event.routing_key} was published before its commit")
        broker.published[event.event_id] += 1
        known = broker.bodies.setdefault(event.event_id, event)
        if broker.published[event.event_id] > 1:
            broker.tables.book.reach("event_published_again")
            if known.body != event.body and ".call_attempt." in event.routing_key:
                broker.tables.book.violate(f"event {event.routing_key} says two things under one id")
