"""Broken lines, frozen brokers, dying channels, deleted queues: nothing is lost, nothing hangs, all comes back."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest

from outdial.errors import BrokerUnavailable
from outdial.ports.messages import Delivery, OutgoingEvent
from outdial.rabbitmq.deliveries import OpenChannel, Receipt
from outdial.rabbitmq.transport import RabbitOptions, RabbitTransport, attempt_publisher
from outdial.telemetry.metrics import Metrics
from tests.contract.transports import catalogue, receive, remove
from tests.support.daemon import pause
from tests.support.proxy import Proxy

TENANTS = {"acme": 0, "bolt": 1}


@pytest.fixture
async def proxy(amqp_url: str) -> AsyncIterator[Proxy]:
    """Between outdial and the broker."""
    async with Proxy(amqp_url) as proxy:
        yield proxy


@pytest.fixture
async def transport(amqp_url: str, proxy: Proxy, amqp_prefix: str) -> AsyncIterator[RabbitTransport]:
    """Through the proxy, with two tenants on a queue each; short limits."""
    options = RabbitOptions(
        proxy.url, amqp_prefix, queues=2, prefetch=10, reconnect_s=0.05, ready_within_s=2.0, publish_timeout_s=0.5
    )
    transport = RabbitTransport(options, Metrics())
    await transport.start(catalogue(TENANTS))
    yield transport
    proxy.thaw()
    await transport.stop_consuming()
    await transport.close()
    async with await aio_pika.connect(amqp_url) as connection:
        await remove(connection, options.names)


def event(n: int = 0) -> OutgoingEvent:
    """An event of the outbox."""
    body = json.dumps({"type": "call_attempt.ended.v1", "subject": str(n)})
    return OutgoingEvent(str(uuid.uuid4()), "acme.spring.call_attempt.ended", body)


async def ready(transport: RabbitTransport) -> None:
    """Both connections are up again."""
    await transport.consuming.wait_until_ready(10)
    await transport.publisher.connection.wait_until_ready(10)


async def publish(transport: RabbitTransport, tenant: str, body: bytes) -> None:
    """Until it is confirmed, as a producer would."""
    async with asyncio.timeout(15):
        while True:
            try:
                await transport.publisher.publish_attempt(tenant, body)
            except BrokerUnavailable:
                continue
            return


def channel_of(delivery: Delivery) -> OpenChannel:
    """The channel that brought it."""
    assert isinstance(delivery.receipt, Receipt)
    return delivery.receipt.channel


def count(metric: Any, **labels: str) -> float:
    """The value of a counter."""
    found = (metric.labels(**labels) if labels else metric).collect()
    return float(found[0].samples[0].value)


async def test_a_cut_line_comes_back_and_unacked_messages_come_again(proxy: Proxy, transport: RabbitTransport) -> None:
    for n in range(3):
        await publish(transport, "acme", str(n).encode())
    await receive(transport.inbox, 3)
    proxy.cut()
    await publish(transport, "acme", b"3")
    again = await receive(transport.inbox, 4)
    assert sorted((d.body, d.redelivered) for d in again) == [(b"0", True), (b"1", True), (b"2", True), (b"3", False)]


async def test_a_late_ack_is_counted_and_settles_nothing(proxy: Proxy, transport: RabbitTransport) -> None:
    await publish(transport, "acme", b"x")
    held = await receive(transport.inbox, 1)
    proxy.cut()
    again = await receive(transport.inbox, 1)
    await transport.inbox.ack(held)
    assert count(transport.metrics.ack_failures) == 1
    assert count(transport.metrics.redeliveries, queue=again[0].queue) == 1
    await transport.inbox.ack(again)


async def test_what_nobody_received_yet_is_handed_out_once(proxy: Proxy, transport: RabbitTransport) -> None:
    """Deliveries in the buffer are void with their channel: the copies that come again are the only ones."""
    await publish(transport, "acme", b"x")
    await receive(transport.inbox, 1)
    await publish(transport, "acme", b"y")
    await publish(transport, "bolt", b"z")
    await receive_until(transport, b"z")  # whatever else has come lies in the buffer now
    before = transport.inbox._session
    proxy.cut()
    await consumes_anew(transport, before)
    got = [d.body for d in await receive(transport.inbox, 3)]
    assert sorted(got) == [b"x", b"y", b"z"]


async def consumes_anew(transport: RabbitTransport, before: object) -> None:
    """On another connection than `before`: what is received until then may be in hand already, and come again."""
    async with asyncio.timeout(10):
        while transport.inbox._session is before:
            await pause()


async def receive_until(transport: RabbitTransport, body: bytes) -> None:
    """Take one delivery after the other until this one has come."""
    async with asyncio.timeout(10):
        while True:
            (delivery,) = await transport.inbox.receive(1)
            if delivery.body == body:
                return


async def test_an_outage_makes_publishing_wait_and_then_fail_in_time(proxy: Proxy, transport: RabbitTransport) -> None:
    proxy.cut(refuse=True)
    loop = asyncio.get_running_loop()
    before = loop.time()
    assert list(await transport.publisher.publish([event(n) for n in range(50)])) == []
    with pytest.raises(BrokerUnavailable):
        await transport.publisher.publish_attempt("acme", b"{}")
    assert loop.time() - before < 5
    assert not transport.is_ready()
    assert transport.trouble()
    proxy.cut(refuse=False)
    async with asyncio.timeout(20):
        while not transport.is_ready():
            await pause()
    events = [event(n) for n in range(50)]
    assert list(await transport.publisher.publish(events)) == events


async def test_a_frozen_broker_confirms_nothing_and_hangs_nobody(proxy: Proxy, transport: RabbitTransport) -> None:
    proxy.freeze()
    assert list(await transport.publisher.publish([event(n) for n in range(200)])) == []
    await transport.inbox.ack([])
    proxy.thaw()
    await ready(transport)
    one = event()
    async with asyncio.timeout(10):
        while not await transport.publisher.publish([one]):
            pass
    await publish(transport, "acme", b"x")
    assert await receive(transport.inbox, 1)


async def test_a_connection_that_does_not_get_ready_is_built_anew(proxy: Proxy, transport: RabbitTransport) -> None:
    proxy.freeze()
    transport.consuming.drop()
    with pytest.raises(BrokerUnavailable, match="RabbitMQ \\(consume\\)"):
        await transport.consuming.wait_until_ready(0.2)
    proxy.cut()
    proxy.thaw()
    await ready(transport)
    await publish(transport, "acme", b"x")
    assert await receive(transport.inbox, 1)


async def test_a_channel_that_dies_takes_no_other_with_it(transport: RabbitTransport) -> None:
    await publish(transport, "acme", b"a")
    await publish(transport, "bolt", b"b")
    held = {d.routing_key: d for d in await receive(transport.inbox, 2)}
    await channel_of(held["acme"]).channel.basic_ack(4711)  # unknown: the broker closes this channel
    (again,) = await receive(transport.inbox, 1)
    assert (again.body, again.redelivered) == (b"a", True)
    await transport.inbox.ack([held["bolt"], again])
    assert count(transport.metrics.ack_failures) == 0
    assert transport.is_ready()


async def test_a_deleted_queue_is_made_again_with_its_tenants(amqp_url: str, transport: RabbitTransport) -> None:
    queue = transport.names.numbered[0]
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        await channel.queue_delete(queue)
    got: list[Delivery] = []
    async with asyncio.timeout(20):
        while not any(d.queue == queue for d in got):  # until it is there again they go to the unrouted ones
            await publish(transport, "acme", b"x")
            got += await transport.inbox.receive(10)
            await transport.inbox.ack(got)
            got = got[-1:]


async def test_no_queue_waits_for_a_flooded_one(amqp_url: str, transport: RabbitTransport) -> None:
    for n in range(10):
        await publish(transport, "acme", str(n).encode())
    await publish(transport, "bolt", b"b")
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel, asyncio.timeout(10):
        for queue in transport.names.numbered:
            while (await channel.declare_queue(queue, passive=True)).declaration_result.message_count:
                pass  # until all of them are with us
            transport_queue = queue
    assert transport_queue == transport.names.numbered[1]
    batches = [await transport.inbox.receive(4) for _ in range(2)]
    assert b"b" in {d.body for batch in batches for d in batch}


async def test_ending_under_load_loses_nothing(amqp_url: str, transport: RabbitTransport) -> None:
    """The end: consumers are cancelled, what is in hand is acked, the connection is closed; the next one gets the rest."""
    total = 300
    taken: set[bytes] = set()

    async def take_all() -> None:
        while batch := await transport.inbox.receive(20):
            await transport.inbox.ack(batch)
            taken.update(d.body for d in batch)

    taking = asyncio.create_task(take_all())
    # A producer with time: the transport's own gives up after half a second, and what it then repeats comes twice.
    producer = attempt_publisher(RabbitOptions(amqp_url, transport.names.prefix, queues=2))
    producer.connection.start()
    await producer.connection.wait_until_ready(10)
    await asyncio.gather(*(producer.publish_attempt("acme", str(n).encode()) for n in range(total)))
    await producer.connection.close()
    await transport.stop_consuming()
    async with asyncio.timeout(10):
        await taking
    await transport.close()
    options = RabbitOptions(amqp_url, transport.names.prefix, queues=2, reconnect_s=0.05)
    after = RabbitTransport(options, Metrics())
    await after.start(catalogue(TENANTS))
    rest = {d.body for d in await receive(after.inbox, total - len(taken))}
    assert taken | rest == {str(n).encode() for n in range(total)}
    assert not taken & rest
    await after.stop_consuming()
    await after.close()


async def test_the_first_connection_fails_in_time_and_says_why(amqp_prefix: str) -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        options = RabbitOptions(f"amqp://user:hunter2@127.0.0.1:{port}/", amqp_prefix, reconnect_s=0.05)
        transport = RabbitTransport(options, Metrics())
        transport.consuming.start()
        with pytest.raises(BrokerUnavailable) as caught:
            await transport.consuming.wait_until_ready(0.5)
        assert "connecting" in str(caught.value)
        assert "hunter2" not in str(caught.value)
        await transport.close()
