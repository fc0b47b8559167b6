"""The in-process transport of the demo: RabbitMQ's semantics that matter, without RabbitMQ. Nothing survives the process.

At-least-once with the redelivered flag, a delivery limit with dead letters, prefetch, pausing per queue, routing by
tenant with an alternate queue, and confirms. One contract suite runs on this and on the real one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from outdial.ports.messages import Delivery, OutgoingEvent
from outdial.rules.catalogue_rows import CatalogueRows

DELIVERY_LIMIT = 10


@dataclass(slots=True)
class _Queue:
    name: str
    ready: deque[tuple[Delivery, int]] = field(default_factory=deque)
    unacked: dict[int, tuple[Delivery, int]] = field(default_factory=dict)
    paused: bool = False


class InProcessBroker:
    """Queues in memory. `queue_of` says which queue a tenant's messages go to, None = no tenant of that name."""

    def __init__(self, queue_of: Callable[[str], str | None], queues: Sequence[str], *, prefetch: int = 200) -> None:
        self._queue_of, self._prefetch = queue_of, prefetch
        self._unrouted, self._dead = "unrouted", "dead"
        self._queues = {name: _Queue(name) for name in (*queues, self._unrouted, self._dead)}
        self._tag = 0
        self._some = asyncio.Event()
        self._closed = False
        self.listeners: list[Callable[[OutgoingEvent], None]] = []

    # -- the producer's side

    async def publish_attempt(
        self, tenant: str, body: bytes, *, message_id: str | None = None, type_: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """Publish with confirm."""
        name = self._queue_of(tenant) or self._unrouted
        delivery = Delivery(name, tenant, body, message_id, type_, dict(headers or {}), redelivered=False)
        self._queues[name].ready.append((delivery, 0))
        self._some.set()

    def depth(self) -> int:
        """Messages not yet acked."""
        return sum(len(q.ready) + len(q.unacked) for q in self._queues.values())

    # -- ports.Inbox

    async def receive(self, at_most: int) -> Sequence[Delivery]:
        """See the port."""
        while not self._closed:
            batch = self._take(at_most)
            if batch:
                return batch
            self._some.clear()
            await self._some.wait()
        return []

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See the port. A receipt from before a connection loss is worth nothing."""
        for delivery in deliveries:
            self._queues[delivery.queue].unacked.pop(delivery.receipt, None)  # type: ignore[call-overload]  # our own int
        self._some.set()

    async def pause(self, queue: str) -> None:
        """See the port."""
        self._queues[queue].paused = True

    async def resume(self, queue: str) -> None:
        """See the port."""
        self._queues[queue].paused = False
        self._some.set()

    async def close(self) -> None:
        """No more deliveries."""
        self._closed = True
        self._some.set()

    def lose_connection(self) -> None:
        """What is unacked comes again, flagged; past the limit it is dead-lettered."""
        for queue in self._queues.values():
            for delivery, count in reversed(queue.unacked.values()):
                again = replace(delivery, redelivered=True, receipt=None)
                if count + 1 >= DELIVERY_LIMIT:
                    self._queues[self._dead].ready.append((replace(again, queue=self._dead), 0))
                else:
                    queue.ready.appendleft((again, count + 1))
            queue.unacked.clear()
        self._some.set()

    def _take(self, at_most: int) -> list[Delivery]:
        batch: list[Delivery] = []
        for queue in self._queues.values():
            while queue.ready and not queue.paused and len(batch) < at_most and len(queue.unacked) < self._prefetch:
                delivery, count = queue.ready.popleft()
                self._tag += 1
                queue.unacked[self._tag] = (delivery, count)
                batch.append(replace(delivery, receipt=self._tag))
        return batch

    # -- ports.EventPublisher

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """See the port."""
        for event in events:
            for listener in self.listeners:
                listener(event)
        return events


class InProcessTransport:
    """The in-process broker as the daemon wants its broker: every tenant of the catalogue has a queue, by its name."""

    def __init__(self, queues: int = 8) -> None:
        self._names = [f"attempts.{n}" for n in range(queues)]
        self._tenants: set[str] = set()
        self.broker = InProcessBroker(self._queue_of, self._names)
        self.inbox = self.broker
        self.publisher = self.broker

    def _queue_of(self, tenant: str) -> str | None:
        return self._names[sum(tenant.encode()) % len(self._names)] if tenant in self._tenants else None

    async def start(self, rows: CatalogueRows) -> None:
        """Know the tenants."""
        await self.catalogue_changed(rows)

    async def catalogue_changed(self, rows: CatalogueRows) -> None:
        """Know new tenants."""
        self._tenants = set(rows.tenants)

    async def stop_consuming(self) -> None:
        """No new deliveries."""
        await self.broker.close()

    async def close(self) -> None:
        """Nothing to close."""

    def is_ready(self) -> bool:
        """Always."""
        return True
