"""The floor: what the broker and its plain client allow. Consume and ack each message, publish its events with confirms.

Nothing is decoded and nothing stored. As many messages are under way at once as the prefetch allows.
"""

from __future__ import annotations

import asyncio
import time

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from bench.ground import Ground
from bench.world import World

EVENT_BYTES = 700
"""About the size of an `ended` event."""
PREFETCH = 200


async def floor(ground: Ground, world: World, attempts: int) -> dict[str, float]:
    """Attempts a second. Every fourth message has two events, as every fourth contact answers (`world.is_answered`)."""
    async with ground.site(world) as site:
        await site.publish(range(attempts))
        connection = await aio_pika.connect(site.broker.url)
        consuming, publishing = await connection.channel(), await connection.channel()
        await consuming.set_qos(prefetch_count=PREFETCH)
        exchange = await publishing.get_exchange(site.broker.names.events)
        begun_messages, ended_messages, done = 0, 0, asyncio.Event()

        async def handle(message: AbstractIncomingMessage) -> None:
            nonlocal begun_messages, ended_messages
            begun_messages += 1
            for n in range(2 if begun_messages % 4 == 0 else 1):
                await exchange.publish(_event(f"{message.message_id}-{n}"), "t0.c0.call_attempt.ended")
            await message.ack()
            ended_messages += 1
            if ended_messages == attempts:
                done.set()

        begun, cpu = time.perf_counter(), time.process_time()
        for name in site.broker.names.numbered:
            queue = await consuming.get_queue(name)
            await queue.consume(handle)
        async with asyncio.timeout(300):
            await done.wait()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
        await connection.close()
    return {"per_s": attempts / seconds, "own_cpu_us_per_attempt": 1e6 * cpu / attempts}


def _event(message_id: str) -> aio_pika.Message:
    return aio_pika.Message(b"x" * EVENT_BYTES, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, message_id=message_id)
