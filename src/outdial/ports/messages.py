"""Messages in and out: what the story needs of a broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from outdial.errors import BadInput
from outdial.rules.attempt import Request


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """One message as it came. `receipt` is the transport's own; give the delivery back to `Inbox.ack`, nothing else."""

    queue: str
    routing_key: str
    body: bytes
    message_id: str | None
    type: str | None
    headers: Mapping[str, Any]
    redelivered: bool
    receipt: object = None


class Inbox(Protocol):
    """Deliveries from the attempt queues. Consumer callbacks only hand over into it."""

    async def receive(self, at_most: int) -> Sequence[Delivery]:
        """Wait for at least one delivery, then return what is there, `at_most`. Empty = the inbox was closed."""

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries whose content is durably ours. A dead channel is counted, never raised: they come again."""

    async def pause(self, queue: str) -> None:
        """Stop consuming one queue (its high-water mark); the backlog stays at the broker, other queues go on."""

    async def resume(self, queue: str) -> None:
        """Consume the queue again."""


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """An event as it lies in the outbox: `body` is the CloudEvent (structured JSON)."""

    event_id: str
    routing_key: str
    body: str


class EventPublisher(Protocol):
    """Publishes events with confirms."""

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """Return those that were confirmed; the others may or may not have arrived and will be published again."""


class BadMessage(BadInput):
    """A message that cannot be understood: it goes to the dead letters with reason and field path. `reason` is published."""

    code = "bad_message"

    def __init__(self, reason: str, field: str, problem: str, cure: str = "") -> None:
        super().__init__(field, problem, cure)
        self.reason = reason


class Decoder(Protocol):
    """Reads the body of a delivery."""

    def __call__(self, delivery: Delivery) -> tuple[Request, Sequence[str]]:
        """The request, and the names of unknown fields (ignored, counted). Raises `BadMessage`."""
