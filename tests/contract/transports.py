"""Both transports behind one harness, so that one suite holds them to the same behaviour."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol

import aio_pika
from aio_pika.abc import AbstractIncomingMessage

from outdial.app import Transport
from outdial.embedded.transport import InProcessTransport
from outdial.ports.messages import AttemptPublisher, Delivery, EventPublisher, Inbox, OutgoingEvent
from outdial.rabbitmq.transport import RabbitOptions, RabbitTransport
from outdial.rules.attempt_queues import QueueNames, Wish
from outdial.rules.catalogue_rows import EMPTY_CATALOGUE, CatalogueRows, TenantRow
from outdial.rules.ids import TenantId
from outdial.telemetry.metrics import Metrics

PREFETCH = 5


def catalogue(tenants: Mapping[str, Wish]) -> CatalogueRows:
    """A catalogue of tenants with their wishes for a queue."""
    rows = {
        TenantId(name): TenantRow(TenantId(name), settings={} if wish is None else {"queue": wish})
        for name, wish in tenants.items()
    }
    return replace(EMPTY_CATALOGUE, version=1, tenants=rows)


class Harness(Protocol):
    """A started transport, and what a test does to it."""

    transport: Transport
    names: QueueNames
    inbox: Inbox
    attempts: AttemptPublisher
    events: EventPublisher

    async def lose_connection(self) -> None:
        """Cut the consuming connection and wait until it is back."""

    async def next_event(self) -> OutgoingEvent:
        """The next event that a subscriber to everything gets."""


class InProcess:
    """The harness of the in-process transport."""

    def __init__(self, names: QueueNames) -> None:
        self.names = names
        transport = InProcessTransport(names, prefetch=PREFETCH)
        self.transport: Transport = transport
        self._broker = transport.broker
        self.inbox: Inbox = transport.broker
        self.attempts: AttemptPublisher = transport.broker
        self.events: EventPublisher = transport.broker
        self._got: asyncio.Queue[OutgoingEvent] = asyncio.Queue()
        transport.broker.listeners.append(self._got.put_nowait)

    async def lose_connection(self) -> None:
        """See the protocol."""
        self._broker.lose_connection()

    async def next_event(self) -> OutgoingEvent:
        """See the protocol."""
        return await self._got.get()


class OnRabbit:
    """The harness of RabbitMQ."""

    def __init__(self, url: str, names: QueueNames, metrics: Metrics) -> None:
        self.names, self.metrics = names, metrics
        options = RabbitOptions(url, names.prefix, names.count, prefetch=PREFETCH, reconnect_s=0.05)
        self.rabbit = RabbitTransport(options, metrics)
        self.transport: Transport = self.rabbit
        self.inbox: Inbox = self.rabbit.inbox
        self.attempts: AttemptPublisher = self.rabbit.publisher
        self.events: EventPublisher = self.rabbit.publisher
        self._got: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()

    async def lose_connection(self) -> None:
        """See the protocol."""
        await cut(self.rabbit)

    async def next_event(self) -> OutgoingEvent:
        """See the protocol."""
        message = await self._got.get()
        return OutgoingEvent(message.message_id or "", message.routing_key or "", message.body.decode())

    async def subscribe(self, connection: aio_pika.abc.AbstractConnection) -> None:
        """Get every event from now on."""
        channel = await connection.channel()
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(self.names.events, "#")
        await queue.consume(self._got.put, no_ack=True)


async def cut(rabbit: RabbitTransport) -> None:
    """End the consuming connection as a broken line would, and wait until another one is ready."""
    rabbit.consuming.drop()
    await rabbit.consuming.wait_until_ready(10)


@asynccontextmanager
async def in_process(prefix: str, tenants: Mapping[str, Wish]) -> AsyncIterator[InProcess]:
    """Started with these tenants."""
    harness = InProcess(QueueNames(prefix, 2))
    await harness.transport.start(catalogue(tenants))
    yield harness
    await harness.transport.stop_consuming()
    await harness.transport.close()


@asynccontextmanager
async def on_rabbit(url: str, prefix: str, tenants: Mapping[str, Wish]) -> AsyncIterator[OnRabbit]:
    """Started with these tenants; its exchanges and queues are gone afterwards."""
    harness = OnRabbit(url, QueueNames(prefix, 2), Metrics())
    async with await aio_pika.connect(url) as connection:
        await harness.transport.start(catalogue(tenants))
        await harness.subscribe(connection)
        yield harness
        await harness.transport.stop_consuming()
        await harness.transport.close()
        await remove(connection, harness.names)


async def remove(connection: aio_pika.abc.AbstractConnection, names: QueueNames, own: Sequence[str] = ()) -> None:
    """Delete what an installation declared."""
    async with connection.channel() as channel:
        for queue in (*names.numbered, names.unrouted, names.dead, *own):
            await channel.queue_delete(queue)
        for exchange in (names.exchange, names.unrouted, names.dead, names.events):
            await channel.exchange_delete(exchange)


async def receive(inbox: Inbox, count: int, at_most: int = 100) -> list[Delivery]:
    """Exactly so many deliveries, however they are batched."""
    got: list[Delivery] = []
    async with asyncio.timeout(15):
        while len(got) < count:
            got += await inbox.receive(min(at_most, count - len(got)))
    return got


def message_id() -> str:
    """A new one."""
    return str(uuid.uuid4())
