"""One suite on both transports: what the story relies on must hold in the process as on RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from outdial.ports.messages import OutgoingEvent
from outdial.rules.attempt_queues import DELIVERY_LIMIT
from tests.contract.transports import PREFETCH, Harness, catalogue, in_process, message_id, on_rabbit, receive

TENANTS = {"acme": 0, "bolt": 1}


@pytest.fixture(params=["in-process", "rabbitmq"])
async def harness(request: pytest.FixtureRequest, amqp_prefix: str) -> AsyncIterator[Harness]:
    """Each transport, started with two tenants on a queue each."""
    if request.param == "in-process":
        async with in_process(amqp_prefix, TENANTS) as started:
            yield started
    else:
        async with on_rabbit(request.getfixturevalue("amqp_url"), amqp_prefix, TENANTS) as started_too:
            yield started_too


async def test_a_message_arrives_as_it_was_published(harness: Harness) -> None:
    name = message_id()
    await harness.attempts.publish_attempt(
        "acme", b'{"a": 1}', message_id=name, type_="call_attempt.requested.v1", headers={"traceparent": "00-1"}
    )
    (delivery,) = await receive(harness.inbox, 1)
    assert (delivery.queue, delivery.routing_key, delivery.body) == (harness.names.numbered[0], "acme", b'{"a": 1}')
    assert (delivery.message_id, delivery.type) == (name, "call_attempt.requested.v1")
    assert delivery.headers["traceparent"] == "00-1"
    assert not delivery.redelivered
    assert delivery.dead_because is None


async def test_each_tenant_has_its_queue_and_unknown_ones_share_another(harness: Harness) -> None:
    for tenant in ("acme", "bolt", "nobody"):
        await harness.attempts.publish_attempt(tenant, b"{}")
    got = {d.routing_key: d.queue for d in await receive(harness.inbox, 3)}
    one, two = harness.names.numbered
    assert got == {"acme": one, "bolt": two, "nobody": harness.names.unrouted}


async def test_messages_of_one_queue_keep_their_order(harness: Harness) -> None:
    for n in range(PREFETCH * 3):
        await harness.attempts.publish_attempt("acme", str(n).encode())
    got = []
    for _ in range(PREFETCH * 3):
        (delivery,) = await receive(harness.inbox, 1)
        got.append(int(delivery.body))
        await harness.inbox.ack([delivery])
    assert got == list(range(PREFETCH * 3))


async def test_no_more_than_the_prefetch_is_handed_out_unacked(harness: Harness) -> None:
    for n in range(PREFETCH + 1):
        await harness.attempts.publish_attempt("acme", str(n).encode())
    held = await receive(harness.inbox, PREFETCH)
    await harness.attempts.publish_attempt("bolt", b"other")
    assert [d.body for d in await receive(harness.inbox, 1)] == [b"other"], "a full queue holds no other up"
    await harness.inbox.ack(held[:1])
    assert [d.body for d in await receive(harness.inbox, 1)] == [str(PREFETCH).encode()]


async def test_acks_in_any_order_settle_exactly_what_they_name(harness: Harness) -> None:
    for n in range(PREFETCH):
        await harness.attempts.publish_attempt("acme", str(n).encode())
    held = await receive(harness.inbox, PREFETCH)
    await harness.inbox.ack([held[4], held[1]])
    await harness.inbox.ack([held[0]])
    await harness.lose_connection()
    again = await receive(harness.inbox, 2)
    assert sorted(d.body for d in again) == [b"2", b"3"]


async def test_what_is_unacked_comes_again_and_says_so(harness: Harness) -> None:
    await harness.attempts.publish_attempt("acme", b"first")
    (held,) = await receive(harness.inbox, 1)
    await harness.lose_connection()
    (again,) = await receive(harness.inbox, 1)
    assert (again.body, again.redelivered) == (b"first", True)
    await harness.inbox.ack([held])  # late: worth nothing, and no error
    await harness.lose_connection()
    (again,) = await receive(harness.inbox, 1)
    await harness.inbox.ack([again])
    await harness.lose_connection()
    await harness.attempts.publish_attempt("acme", b"second")
    assert [d.body for d in await receive(harness.inbox, 1)] == [b"second"]


async def test_what_comes_back_too_often_is_a_dead_letter_with_its_tenant(harness: Harness) -> None:
    await harness.attempts.publish_attempt("acme", b"poison", message_id=message_id())
    for _ in range(DELIVERY_LIMIT + 1):
        (delivery,) = await receive(harness.inbox, 1)
        assert delivery.queue == harness.names.numbered[0]
        await harness.lose_connection()
    (dead,) = await receive(harness.inbox, 1)
    assert (dead.queue, dead.routing_key, dead.body) == (harness.names.dead, "acme", b"poison")
    assert dead.dead_because == "delivery_limit"
    await harness.inbox.ack([dead])


async def test_a_paused_queue_waits_while_the_others_go_on(harness: Harness) -> None:
    one = harness.names.numbered[0]
    await harness.attempts.publish_attempt("acme", b"before")
    await receive(harness.inbox, 1)
    await harness.inbox.pause(one)
    await harness.inbox.pause(one)
    await harness.lose_connection()  # also over a new connection
    await harness.attempts.publish_attempt("acme", b"held back")
    await harness.attempts.publish_attempt("bolt", b"other")
    assert [d.body for d in await receive(harness.inbox, 1)] == [b"other"]
    await harness.inbox.resume(one)
    assert {d.body for d in await receive(harness.inbox, 2)} == {b"before", b"held back"}


async def test_a_tenant_that_moves_is_heard_on_its_new_queue(harness: Harness) -> None:
    await harness.transport.catalogue_changed(catalogue({"acme": 1, "bolt": 1, "new": None}))
    await harness.attempts.publish_attempt("acme", b"{}")
    await harness.attempts.publish_attempt("new", b"{}")
    got = {d.routing_key: d.queue for d in await receive(harness.inbox, 2)}
    assert got == {"acme": harness.names.numbered[1], "new": harness.names.of("new")}  # type: ignore[arg-type]  # a name


async def test_events_are_confirmed_and_reach_subscribers(harness: Harness) -> None:
    body = '{"type": "call_attempt.ended.v1", "subject": "x", "traceparent": "00-1"}'
    events = [OutgoingEvent(message_id(), "acme.spring.call_attempt.ended", body) for _ in range(20)]
    assert list(await harness.events.publish(events)) == events
    async with asyncio.timeout(10):
        got = [await harness.next_event() for _ in events]
    assert sorted(e.event_id for e in got) == sorted(e.event_id for e in events)
    assert {(e.routing_key, e.body) for e in got} == {("acme.spring.call_attempt.ended", body)}


async def test_after_the_end_nothing_is_received_and_acks_still_count(harness: Harness) -> None:
    await harness.attempts.publish_attempt("acme", b"{}")
    held = await receive(harness.inbox, 1)
    waiting = asyncio.ensure_future(harness.inbox.receive(10))
    _, pending = await asyncio.wait({waiting}, timeout=0)
    assert pending
    await harness.transport.stop_consuming()
    assert list(await waiting) == []
    assert list(await harness.inbox.receive(10)) == []
    await harness.inbox.ack(held)
