"""Messages in and out: what the story needs of a broker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from outdial.errors import BadInput, Permanent
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
    dead_because: str | None = None
    """Why the broker gave the message up, when it comes from the queue of dead letters; None = an ordinary delivery."""


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


class AttemptPublisher(Protocol):
    """The producer's side: puts messages on the attempt exchange, with confirms."""

    async def publish_attempt(
        self,
        tenant: str,
        body: bytes,
        *,
        message_id: str | None = None,
        type_: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        """Returns once the broker has the message for good. Raises `Unroutable` when no queue takes it, and
        `BrokerUnavailable` when no confirm came in time: it may have arrived all the same."""


class Unroutable(Permanent):
    """No queue takes the message: exchange and queues are not declared as they should be."""

    code = "unroutable"


class WhyBad(StrEnum):
    """Why a message went to the dead letters. Published: dead letters are listed and counted by it."""

    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    UNSTORABLE_TEXT = "unstorable_text"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VERSION = "unknown_version"
    TENANT_MISMATCH = "tenant_mismatch"
    WRONG_MESSAGE_ID = "wrong_message_id"
    DELIVERY_LIMIT = "delivery_limit"
    """The broker gave it up: its reader died with it in hand again and again."""
    DEAD_LETTERED = "dead_lettered"
    """The broker gave it up for another reason."""


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
