"""Publishing with confirms: the outbox's events, and, for producers' tools, call attempts.

Every publish has our own time limit, because the client's waits for a reconnect outside its own. A publish that was
not confirmed may have arrived all the same; whoever publishes again repeats the same message id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import aio_pika
import structlog
from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractRobustChannel, AbstractRobustConnection

from outdial.errors import BrokerUnavailable, Permanent
from outdial.ports.messages import OutgoingEvent
from outdial.rabbitmq.plain_topology import Names, RabbitOptions

log = structlog.get_logger(__name__)


class Unroutable(Permanent):
    """No queue takes the message: the topology is not declared, or the exchange has another name."""

    code = "unroutable"


class RabbitPublisher:
    """`ports.EventPublisher`, and `publish_attempt` for producers' tools. One channel, bounded publishes at once."""

    def __init__(self, connection: AbstractRobustConnection, options: RabbitOptions) -> None:
        self._connection, self._options = connection, options
        self._names = Names(options.prefix, options.queues)
        self._channel: AbstractRobustChannel | None = None
        self._gate = asyncio.Semaphore(options.publish_at_once)

    async def start(self) -> None:
        """Open the channel."""
        self._channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)

    def is_ready(self) -> bool:
        """Whether a publish could be confirmed just now."""
        return self._connection.connected.is_set() and self._channel is not None and not self._channel.is_closed

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """See the port. Not mandatory: an event that nobody subscribed to is published all the same."""
        done = await asyncio.gather(*(self._publish_event(event) for event in events))
        return [event for event, confirmed in zip(events, done, strict=True) if confirmed]

    async def publish_attempt(
        self, tenant: str, body: bytes, *, message_id: str | None = None, type_: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Publish with confirm; mandatory. Raises `Unroutable`, `BrokerUnavailable` (it may have arrived)."""
        message = Message(
            body,
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=message_id,
            type=type_,
            headers=dict(headers or {}),
        )
        try:
            await self._send(self._names.attempts, message, tenant, mandatory=True)
        except aio_pika.exceptions.PublishError as error:
            raise Unroutable(f"exchange {self._names.attempts}: no queue takes the message") from error
        except (TimeoutError, aio_pika.exceptions.AMQPError, ConnectionError, RuntimeError) as error:
            raise BrokerUnavailable(f"RabbitMQ did not confirm: {type(error).__name__}") from error

    async def _publish_event(self, event: OutgoingEvent) -> bool:
        envelope = json.loads(event.body)
        headers = {"traceparent": envelope["traceparent"]} if "traceparent" in envelope else {}
        message = Message(
            event.body.encode(),
            content_type="application/cloudevents+json",
            content_encoding="utf-8",
            delivery_mode=DeliveryMode.PERSISTENT,
            message_id=event.event_id,
            type=envelope["type"],
            headers=dict(headers),
        )
        try:
            await self._send(self._names.events, message, event.routing_key, mandatory=False)
        except Exception as error:  # whatever it is, it is not confirmed and comes again
            log.info("event.unconfirmed", error_type=type(error).__name__)
            return False
        return True

    async def _send(self, exchange: str, message: Message, routing_key: str, *, mandatory: bool) -> None:
        if self._channel is None:
            raise BrokerUnavailable("the publisher was not started")
        async with self._gate, asyncio.timeout(self._options.publish_timeout_s):
            target = await self._channel.get_exchange(exchange, ensure=False)
            await target.publish(message, routing_key, mandatory=mandatory)
