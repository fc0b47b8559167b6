"""The inbox on RabbitMQ: one consumer per queue, whose callbacks only hand over into a bounded buffer of ours.

A delivery is acked on the channel it came by, or not at all: after a reconnect its tag is worthless and the message
comes again, which intake turns into a no-op.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import aio_pika
import structlog
from aio_pika.abc import AbstractIncomingMessage, AbstractRobustChannel, AbstractRobustConnection, AbstractRobustQueue

from outdial.ports.messages import Delivery
from outdial.rabbitmq.plain_topology import Names, RabbitOptions

log = structlog.get_logger(__name__)
CLOSE_TIMEOUT_S = 5.0


class RabbitInbox:
    """`ports.Inbox`. `on_ack_failure` is called once per ack that a dead channel swallowed."""

    def __init__(
        self, connection: AbstractRobustConnection, options: RabbitOptions, on_ack_failure: Callable[[], None]
    ) -> None:
        self._connection, self._options = connection, options
        self._names = Names(options.prefix, options.queues)
        self._on_ack_failure = on_ack_failure
        self._buffer: deque[Delivery] = deque()
        self._some = asyncio.Event()
        self._closed = False
        self._consumers: dict[str, tuple[AbstractRobustChannel, AbstractRobustQueue, str]] = {}

    async def start(self) -> None:
        """Begin to consume every queue."""
        for name in self._names.all_queues():
            await self._consume(name)

    async def receive(self, at_most: int) -> Sequence[Delivery]:
        """See the port."""
        while not self._buffer:
            if self._closed:
                return []
            self._some.clear()
            await self._some.wait()
        return [self._buffer.popleft() for _ in range(min(at_most, len(self._buffer)))]

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See the port."""
        for delivery in deliveries:
            message = delivery.receipt
            assert isinstance(message, aio_pika.IncomingMessage)
            try:
                await message.ack()
            except Exception as error:  # whatever a dying channel raises, the message comes again
                self._on_ack_failure()
                log.info("delivery.ack_lost", queue=delivery.queue, error_type=type(error).__name__)

    async def pause(self, queue: str) -> None:
        """See the port. What was delivered already stays with us."""
        consumer = self._consumers.pop(queue, None)
        if consumer is not None:
            _, declared, tag = consumer
            await declared.cancel(tag)

    async def resume(self, queue: str) -> None:
        """See the port."""
        if queue not in self._consumers and not self._closed:
            await self._consume(queue)

    async def stop(self) -> None:
        """No new deliveries. What lies in the buffer unacked comes again elsewhere; `receive` returns empty."""
        self._closed = True
        for queue in list(self._consumers):
            await self.pause(queue)
        self._buffer.clear()
        self._some.set()

    def is_ready(self) -> bool:
        """Whether the connection is there and every queue that is not paused is consumed."""
        channels = [channel for channel, _, _ in self._consumers.values()]
        return self._connection.connected.is_set() and all(not channel.is_closed for channel in channels)

    async def _consume(self, name: str) -> None:
        channel = await self._connection.channel(publisher_confirms=False)
        await channel.set_qos(prefetch_count=self._options.prefetch)
        queue = await channel.get_queue(name, ensure=False)

        async def hand_over(message: AbstractIncomingMessage) -> None:
            """Nothing else happens here: this task dies with its channel."""
            if not self._closed:
                self._buffer.append(_delivery(name, message))
                self._some.set()

        tag = await queue.consume(hand_over, no_ack=False)
        self._consumers[name] = (channel, queue, tag)  # type: ignore[assignment]  # robust connections give robust parts


def _delivery(queue: str, message: AbstractIncomingMessage) -> Delivery:
    headers: dict[str, Any] = dict(message.headers or {})
    return Delivery(
        queue=queue,
        routing_key=message.routing_key or "",
        body=message.body,
        message_id=message.message_id,
        type=message.type,
        headers=headers,
        redelivered=bool(message.redelivered),
        receipt=message,
    )
