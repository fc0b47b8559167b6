"""Publishing with confirms: the outbox's events, and call attempts for the tools of producers.

A publish that was not confirmed in time may have arrived all the same. So it counts as not confirmed, and whoever
publishes it again repeats its id: consumers of events know it by that, intake knows attempts by theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiormq.channel import Channel
from aiormq.exceptions import PublishError
from pamqp.commands import Basic
from pydantic_core import from_json

from outdial.errors import BrokerUnavailable
from outdial.ports.messages import OutgoingEvent, Unroutable
from outdial.rabbitmq.burst import Confirmation, Message, write_burst
from outdial.rabbitmq.kept_connection import ConnectionOptions, KeptConnection, Session, broker_errors
from outdial.rules.attempt_queues import QueueNames

log = structlog.get_logger(__name__)

PERSISTENT = 2


class RabbitPublisher:
    """`ports.EventPublisher` and `ports.AttemptPublisher` over a connection of its own: an alarm at the broker stops
    connections that publish, and must not stop acks.

    `timeout_s` covers waiting for the connection, too. `at_once`: publishes in one burst, and of single ones under way.
    """

    def __init__(self, options: ConnectionOptions, names: QueueNames, *, timeout_s: float, at_once: int) -> None:
        self._names, self._timeout_s = names, timeout_s
        self._at_once, self._gate = at_once, asyncio.Semaphore(at_once)
        self._channel: Channel | None = None
        self.connection = KeptConnection(options, "publish", self._set_up)

    # -- ports.EventPublisher

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """See the port. Not mandatory: nobody needs to subscribe to a tenant's events, so no queue is no failure."""
        confirmed: list[OutgoingEvent] = []
        try:
            for begin in range(0, len(events), self._at_once):
                confirmed += await self._publish_burst(events[begin : begin + self._at_once])
        except BrokerUnavailable as error:
            log.warning("event.unconfirmed", events=len(events) - len(confirmed), error_message=str(error))
        return confirmed

    async def _publish_burst(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """Those that the broker has for good. Raises `BrokerUnavailable` when it confirms none of them in time."""
        confirmations: list[Confirmation] = []
        try:
            with broker_errors("publishing"):
                async with asyncio.timeout(self._timeout_s):
                    channel = await self._ready_channel()
                    confirmations = [channel.create_future() for _ in events]
                    await write_burst(channel, self._names.events, [_message(e) for e in events], confirmations)
                    await asyncio.wait(confirmations)
        except BrokerUnavailable:
            if not any(_is_ack(one) for one in confirmations):
                raise
        finally:
            for confirmation in confirmations:
                confirmation.cancel()  # no effect on those that are done
        acked = [event for event, one in zip(events, confirmations, strict=True) if _is_ack(one)]
        if len(acked) < len(events):
            log.warning("event.unconfirmed", events=len(events) - len(acked), error_message="refused, or not in time")
        return acked

    # -- ports.AttemptPublisher

    async def publish_attempt(
        self,
        tenant: str,
        body: bytes,
        *,
        message_id: str | None = None,
        type_: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        """See the port. Do not repeat a message id while its first publish is under way."""
        properties = Basic.Properties(
            content_type="application/json",
            content_encoding="utf-8",
            delivery_mode=PERSISTENT,
            message_id=message_id,
            message_type=type_,
            headers=dict(headers) if headers else None,
        )
        await self._send(self._names.exchange, tenant, body, properties, mandatory=True)

    # -- inside

    async def _send(
        self, exchange: str, routing_key: str, body: bytes, properties: Basic.Properties, *, mandatory: bool
    ) -> None:
        with broker_errors("publishing"):
            try:
                async with asyncio.timeout(self._timeout_s), self._gate:
                    channel = await self._ready_channel()
                    await channel.basic_publish(
                        body,
                        exchange=exchange,
                        routing_key=routing_key,
                        properties=properties,
                        mandatory=mandatory,
                    )
            except PublishError:
                raise Unroutable(f"exchange {exchange}: no queue takes the message (declare the topology)") from None

    async def _ready_channel(self) -> Channel:
        """Waits for a new connection if the channel at hand is closed, also when nobody was told of that yet: publishes
        that fail without ever waiting would keep the loop from telling."""
        if self._channel is not None and self._channel.is_closed:
            self._channel = None
            self.connection.drop()
        await self.connection.wait_until_ready(self._timeout_s)
        assert self._channel is not None, "set up before it counts as ready"
        return self._channel

    async def _set_up(self, session: Session) -> None:
        channel = await session.open_channel(confirms=True, raise_returns=True)
        assert isinstance(channel, Channel), "aio-pika's own"
        channel.closing.add_done_callback(lambda _: session.drop())
        self._channel = channel


def _message(event: OutgoingEvent) -> Message:
    envelope = from_json(event.body)
    trace = envelope.get("traceparent")
    properties = Basic.Properties(
        content_type="application/cloudevents+json",
        content_encoding="utf-8",
        delivery_mode=PERSISTENT,
        message_id=event.event_id,
        message_type=envelope["type"],
        correlation_id=envelope.get("subject"),
        headers={"traceparent": trace} if trace else None,
    )
    return Message(event.routing_key, event.body.encode(), properties)


def _is_ack(confirmation: Confirmation) -> bool:
    return confirmation.done() and not confirmation.cancelled() and confirmation.exception() is None
