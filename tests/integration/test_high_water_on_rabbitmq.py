"""The high-water mark on a real RabbitMQ: a flooded queue is left to the broker, whoever else has work goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aio_pika

from outdial.rules.ids import TenantId
from outdial.upkeep.high_water import HighWater
from tests.contract.transports import PREFETCH, OnRabbit, on_rabbit, receive

MARK = 10
FLOOD, SINGLES = 30, 8


class Room:
    """As many wait of each tenant as were taken in."""

    def __init__(self) -> None:
        self.waiting = {"acme": 0, "bolt": 0}

    async def waiting_by_tenant(self) -> Mapping[str, int]:
        """See the protocol."""
        return self.waiting


async def taken_in(harness: OnRabbit, room: Room, count: int) -> list[bytes]:
    """Take so many in, as the intake does: they wait, and the broker forgets them."""
    bodies = []
    for _ in range(count):  # one by one: no more than the prefetch is handed out unacked
        (delivery,) = await receive(harness.inbox, 1)
        room.waiting[delivery.routing_key] += 1
        await harness.inbox.ack([delivery])
        bodies.append(delivery.body)
    return bodies


async def left(amqp_url: str, queue: str) -> int:
    """Messages that nobody was handed."""
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count or 0


async def test_a_flooded_queue_is_left_to_the_broker_and_the_other_goes_on(amqp_url: str, amqp_prefix: str) -> None:
    room = Room()
    async with on_rabbit(amqp_url, amqp_prefix, {"acme": 0, "bolt": 1}) as one:
        flooded = one.names.numbered[0]
        queues = {TenantId("acme"): flooded, TenantId("bolt"): one.names.numbered[1]}
        water = HighWater(one.inbox, room, lambda: queues, one.rabbit.not_consumed, one.metrics, MARK)
        for n in range(FLOOD):
            await one.attempts.publish_attempt("acme", b"flood %d" % n)
        await taken_in(one, room, MARK)
        await water.look()
        assert water.above() == [flooded]
        for _ in range(SINGLES):
            await one.attempts.publish_attempt("bolt", b"single")
        got: list[bytes] = []
        while got.count(b"single") < SINGLES:
            got += await taken_in(one, room, 1)
        assert len(got) <= SINGLES + PREFETCH, "queues take turns: of a consumed one there would be as many"
        await water.look()
        async with asyncio.timeout(10):
            while await left(amqp_url, flooded) < FLOOD - MARK - PREFETCH:
                await water.look()
        room.waiting["acme"] = 0
        await water.look()
        assert water.above() == []
        assert (await taken_in(one, room, 1))[0].startswith(b"flood")
