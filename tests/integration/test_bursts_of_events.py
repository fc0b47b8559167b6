"""Events in bursts: confirmed is what the broker has, whatever it refuses in between and however large an event is."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractQueue

from outdial.ports.messages import OutgoingEvent
from outdial.rabbitmq.transport import RabbitOptions, RabbitTransport
from outdial.telemetry.metrics import Metrics
from tests.contract.transports import catalogue, remove

FRAME = 131_072
"""What RabbitMQ offers as the largest frame; 8 bytes of it are not the body's."""


@pytest.fixture
async def transport(amqp_url: str, amqp_prefix: str) -> AsyncIterator[RabbitTransport]:
    """With one tenant."""
    options = RabbitOptions(amqp_url, amqp_prefix, queues=1, publish_timeout_s=10.0)
    transport = RabbitTransport(options, Metrics())
    await transport.start(catalogue({"acme": 0}))
    yield transport
    await transport.stop_consuming()
    await transport.close()
    async with await aio_pika.connect(amqp_url) as connection:
        await remove(connection, options.names)


async def subscribed(
    connection: aio_pika.abc.AbstractConnection, transport: RabbitTransport, room: int
) -> AbstractQueue:
    """A subscriber's queue that refuses what comes when it is full."""
    channel = await connection.channel()
    arguments: dict[str, Any] = {"x-max-length": room, "x-overflow": "reject-publish"}
    queue = await channel.declare_queue(exclusive=True, arguments=arguments)
    await queue.bind(transport.names.events, "#")
    return queue


async def ids_in(queue: AbstractQueue) -> dict[str, bytes]:
    """All that lies in it, by message id."""
    found = {}
    while (message := await queue.get(fail=False)) is not None:
        found[message.message_id or ""] = message.body
        await message.ack()
    return found


def event(body_bytes: int = 0) -> OutgoingEvent:
    """An event of at least that size."""
    envelope = {"type": "call_attempt.ended.v1", "subject": "s", "pad": ""}
    envelope["pad"] = "x" * max(0, body_bytes - len(json.dumps(envelope)))
    return OutgoingEvent(str(uuid.uuid4()), "acme.spring.call_attempt.ended", json.dumps(envelope))


async def test_what_the_broker_refuses_is_not_confirmed(amqp_url: str, transport: RabbitTransport) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        queue = await subscribed(connection, transport, room=30)
        first = [event() for _ in range(20)]
        assert list(await transport.publisher.publish(first)) == first
        second = [event() for _ in range(250)]
        confirmed = await transport.publisher.publish(second)
        assert 0 < len(confirmed) < len(second)
        assert {one.event_id for one in [*first, *confirmed]} == set(await ids_in(queue))
        third = [event() for _ in range(5)]
        assert list(await transport.publisher.publish(third)) == third, "refusals spoil nothing that comes later"


async def test_events_of_any_size_arrive_whole(amqp_url: str, transport: RabbitTransport) -> None:
    async with await aio_pika.connect(amqp_url) as connection:
        queue = await subscribed(connection, transport, room=100)
        sizes = [0, FRAME - 9, FRAME - 8, FRAME - 7, FRAME, 2 * (FRAME - 8), 300_000, 0]
        events = [event(size) for size in sizes]
        assert list(await transport.publisher.publish(events)) == events
        assert await ids_in(queue) == {one.event_id: one.body.encode() for one in events}
