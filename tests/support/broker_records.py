"""What the broker itself knows: every event that was ever published, and what its queues still hold."""

from __future__ import annotations

import json
from typing import Any

import aiormq

from outdial.rabbitmq import topology
from outdial.rules.attempt_queues import QueueNames


class BrokerRecords:
    """A queue beside outdial's own that gets a copy of every event; made before the first worker starts."""

    def __init__(self, url: str, names: QueueNames) -> None:
        self.names = names
        self._url, self._copies = url, f"{names.prefix}.copies"
        self.events: list[dict[str, Any]] = []

    async def open(self) -> None:
        """Declare everything, so that nothing that is published can get lost for want of a queue."""
        async with await aiormq.connect(self._url) as connection:
            channel = await connection.channel()
            await topology.declare(channel, self.names)
            await channel.queue_declare(self._copies, durable=True, arguments={"x-queue-type": "quorum"})
            await channel.queue_bind(self._copies, self.names.events, "#")

    async def read(self) -> list[dict[str, Any]]:
        """All events up to now, repetitions included, in the order in which the broker took them."""
        async with await aiormq.connect(self._url) as connection:
            channel = await connection.channel()
            while (got := await channel.basic_get(self._copies, no_ack=True)).body:
                self.events.append(json.loads(got.body))
        return self.events

    async def left(self) -> dict[str, int]:
        """Attempts and dead letters that lie in queues, by queue; what a consumer holds unacked is not among them."""
        async with await aiormq.connect(self._url) as connection:
            channel = await connection.channel()
            counts = {
                queue.name: (await channel.queue_declare(queue.name, passive=True)).message_count or 0
                for queue in topology.queues(self.names)
            }
        return {name: count for name, count in counts.items() if count}

    async def remove(self) -> None:
        """Take all of it away."""
        async with await aiormq.connect(self._url) as connection:
            channel = await connection.channel()
            for queue in (*topology.queues(self.names), topology.Queue(self._copies, None, {})):
                await channel.queue_delete(queue.name)
            for exchange in topology.exchanges(self.names):
                await channel.exchange_delete(exchange.name)
