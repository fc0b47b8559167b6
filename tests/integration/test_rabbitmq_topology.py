"""What is declared at the broker: frozen, repeatable, checked where it is not ours to declare, and tenants' bindings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection

from outdial.errors import BrokerUnavailable
from outdial.ports.messages import Unroutable
from outdial.rabbitmq import topology
from outdial.rabbitmq.consumer import RabbitInbox
from outdial.rabbitmq.transport import RabbitOptions, RabbitTransport
from outdial.rules.attempt_queues import QueueNames
from outdial.telemetry.metrics import Metrics
from tests.contract.transports import catalogue, receive, remove


@pytest.fixture
async def options(amqp_url: str, amqp_prefix: str) -> AsyncIterator[RabbitOptions]:
    """Two numbered queues; everything is gone afterwards."""
    options = RabbitOptions(amqp_url, amqp_prefix, queues=2, reconnect_s=0.05)
    yield options
    async with await aio_pika.connect(amqp_url) as connection:
        await remove(connection, options.names, [options.names.own("vip")])


@pytest.fixture
async def broker(amqp_url: str) -> AsyncIterator[AbstractConnection]:
    """A connection of the test's own."""
    async with await aio_pika.connect(amqp_url) as connection:
        yield connection


async def waiting_in(connection: AbstractConnection, queue: str) -> int:
    """Messages ready in a queue that nobody consumes."""
    async with connection.channel() as channel:
        declared = await channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0


def test_the_arguments_are_frozen() -> None:
    """A broker refuses a queue that is declared again with others: a change here is a migration of every broker."""
    names = QueueNames("p", 1)
    assert [(e.name, e.kind, dict(e.arguments)) for e in topology.exchanges(names)] == [
        ("p.attempts.dead", "fanout", {}),
        ("p.attempts.unrouted", "fanout", {}),
        ("p.attempts", "topic", {"alternate-exchange": "p.attempts.unrouted"}),
        ("p.events", "topic", {}),
    ]
    limited = {
        "x-queue-type": "quorum",
        "x-delivery-limit": 10,
        "x-dead-letter-exchange": "p.attempts.dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }
    assert [(q.name, q.exchange, dict(q.arguments)) for q in topology.queues(names)] == [
        ("p.attempts.dead", "p.attempts.dead", {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}),
        ("p.attempts.unrouted", "p.attempts.unrouted", limited),
        ("p.attempts.0", None, limited),
    ]
    assert [(q.name, dict(q.arguments)) for q in topology.own(names, ["p.x"])] == [("p.x", limited)]


async def test_declaring_again_changes_nothing(options: RabbitOptions) -> None:
    for _ in range(2):
        transport = RabbitTransport(options, Metrics())
        await transport.start(catalogue({"acme": 0}))
        assert transport.is_ready()
        await transport.stop_consuming()
        await transport.close()
        assert not transport.is_ready()


async def test_ready_means_that_something_is_consumed(options: RabbitOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """A probe that came between the end of declaring and the first consumer found a ready transport without one."""
    begin = RabbitInbox._begin

    async def begin_late(*arguments: Any) -> None:
        for _ in range(100):
            await asyncio.sleep(0)
        await begin(*arguments)

    monkeypatch.setattr(RabbitInbox, "_begin", begin_late)
    transport = RabbitTransport(options, Metrics())
    transport.consuming.start()
    await transport.consuming.wait_until_ready(30)
    assert not transport.inbox.consumes_nothing()
    await transport.close()


async def test_with_every_queue_paused_it_is_ready(options: RabbitOptions) -> None:
    transport = RabbitTransport(options, Metrics())
    for queue in (*options.names.numbered, options.names.unrouted, options.names.dead):
        await transport.inbox.pause(queue)
    await transport.start(catalogue({}))
    assert transport.is_ready()
    await transport.close()


async def test_where_operators_declare_it_is_only_checked(options: RabbitOptions, broker: AbstractConnection) -> None:
    checking = replace(options, declare=False, ready_within_s=1.0)
    transport = RabbitTransport(checking, Metrics())
    with pytest.raises(BrokerUnavailable, match=f"no exchange '{options.names.dead}'"):
        await transport.start(catalogue({"acme": 0}))
    await transport.close()
    async with broker.channel() as channel:
        await topology.declare(await channel.get_underlay_channel(), options.names)
    transport = RabbitTransport(checking, Metrics())
    await transport.start(catalogue({"acme": 0}))
    await transport.publisher.publish_attempt("acme", b"{}")
    assert await receive(transport.inbox, 1)
    await transport.close()


async def test_a_queue_that_differs_is_named(options: RabbitOptions, broker: AbstractConnection) -> None:
    async with broker.channel() as channel:
        await channel.declare_queue(options.names.numbered[1], durable=True)
    transport = RabbitTransport(replace(options, ready_within_s=1.0), Metrics())
    with pytest.raises(BrokerUnavailable, match=r"inequivalent arg '[\w-]+' for queue '\w+\.attempts\.1'"):
        await transport.start(catalogue({}))
    await transport.close()


async def test_without_any_queue_a_publish_is_unroutable(options: RabbitOptions, broker: AbstractConnection) -> None:
    transport = RabbitTransport(options, Metrics())
    await transport.start(catalogue({}))
    await transport.stop_consuming()
    async with broker.channel() as channel:
        await channel.queue_delete(options.names.unrouted)
    with pytest.raises(Unroutable):
        await transport.publisher.publish_attempt("nobody", b"{}", message_id="x")
    await transport.close()


async def test_a_tenant_may_have_a_queue_of_its_own(options: RabbitOptions, broker: AbstractConnection) -> None:
    own = options.names.own("vip")
    transport = RabbitTransport(options, Metrics())
    await transport.start(catalogue({"acme": "vip", "bolt": 0}))
    await transport.publisher.publish_attempt("acme", b"1")
    assert [d.queue for d in await receive(transport.inbox, 1)] == [own]
    await transport.catalogue_changed(catalogue({"acme": 1, "bolt": "vip"}))
    await transport.stop_consuming()
    await transport.publisher.publish_attempt("acme", b"2")
    await transport.publisher.publish_attempt("bolt", b"3")
    await transport.publisher.publish_attempt("bolt", b"4")
    assert [await waiting_in(broker, queue) for queue in (*options.names.numbered, own)] == [0, 1, 2]
    await transport.close()


async def test_bindings_of_earlier_times_are_taken_away(options: RabbitOptions, broker: AbstractConnection) -> None:
    before = RabbitTransport(options, Metrics())
    await before.start(catalogue({"acme": 0}))
    await before.stop_consuming()
    await before.close()
    after = RabbitTransport(options, Metrics())  # the catalogue was changed while no replica ran
    await after.start(catalogue({"acme": 1}))
    async with asyncio.timeout(10):
        await after.tidied()
    await after.stop_consuming()
    await after.publisher.publish_attempt("acme", b"{}")
    assert [await waiting_in(broker, queue) for queue in options.names.numbered] == [0, 1]
    await after.close()


async def test_a_catalogue_change_before_the_start_is_remembered(options: RabbitOptions) -> None:
    transport = RabbitTransport(options, Metrics())
    await transport.catalogue_changed(catalogue({"acme": 1}))
    await transport.start(catalogue({"acme": 1}))
    await transport.publisher.publish_attempt("acme", b"{}")
    assert [d.queue for d in await receive(transport.inbox, 1)] == [options.names.numbered[1]]
    await transport.close()
