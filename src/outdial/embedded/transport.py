"""The in-process transport of the demo: RabbitMQ's semantics that matter, without RabbitMQ. Nothing survives the process.

At-least-once with the redelivered flag, a delivery limit with dead letters, prefetch and pausing per queue, routing by
tenant with an alternate queue, confirms, and a connection that can be lost. One contract suite holds it and the real
one to the same behaviour.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from outdial.ports.messages import Delivery, OutgoingEvent, WhyBad
from outdial.rules.attempt_queues import DELIVERY_LIMIT, QueueNames
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.rules.ids import TenantId

NAMES = QueueNames()


@dataclass(slots=True)
class _Queue:
    """`ready` and `unacked` hold deliveries with the number of times they came back."""

    name: str
    ready: deque[tuple[Delivery, int]] = field(default_factory=deque)
    unacked: dict[int, tuple[Delivery, int]] = field(default_factory=dict)
    paused: bool = False


class InProcessBroker:
    """Queues in memory, as one consumer and any number of publishers see them."""

    def __init__(self, names: QueueNames = NAMES, *, prefetch: int = 200) -> None:
        self._names, self._prefetch = names, prefetch
        self._queues = {name: _Queue(name) for name in (*names.numbered, names.unrouted, names.dead)}
        self._turns = deque(self._queues.values())
        self._bound: dict[str, str] = {}
        self._tag = 0
        self._some = asyncio.Event()
        self._stopped = False
        self.listeners: list[Callable[[OutgoingEvent], None]] = []
        """Called with every event that is published."""

    def bind(self, bindings: Mapping[TenantId, str]) -> None:
        """Tenants and their queues; those that are left out are bound no more."""
        self._bound = {str(tenant): queue for tenant, queue in bindings.items()}
        for name in self._bound.values():
            if name not in self._queues:
                self._queues[name] = _Queue(name)
                self._turns.append(self._queues[name])

    def depth(self) -> int:
        """Messages not yet acked."""
        return sum(len(queue.ready) + len(queue.unacked) for queue in self._queues.values())

    # -- ports.AttemptPublisher and ports.EventPublisher

    async def publish_attempt(
        self,
        tenant: str,
        body: bytes,
        *,
        message_id: str | None = None,
        type_: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        """See the port."""
        name = self._bound.get(tenant, self._names.unrouted)
        self._queues[name].ready.append(
            (Delivery(name, tenant, body, message_id, type_, dict(headers or {}), redelivered=False), 0)
        )
        self._some.set()

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        """See the port."""
        for event in events:
            for listener in self.listeners:
                listener(event)
        return events

    # -- ports.Inbox

    async def receive(self, at_most: int) -> Sequence[Delivery]:
        """See the port."""
        while not self._stopped:
            batch = self._take(at_most)
            if batch:
                return batch
            self._some.clear()
            await self._some.wait()
        return []

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See the port. A receipt from before a connection loss is worth nothing."""
        for delivery in deliveries:
            if isinstance(delivery.receipt, int):
                self._queues[delivery.queue].unacked.pop(delivery.receipt, None)
        self._some.set()

    async def pause(self, queue: str) -> None:
        """See the port."""
        if queue in self._queues:
            self._queues[queue].paused = True

    async def resume(self, queue: str) -> None:
        """See the port."""
        if queue in self._queues:
            self._queues[queue].paused = False
            self._some.set()

    # -- what can happen to it

    def stop(self) -> None:
        """No more deliveries; acks still count."""
        self._stopped = True
        self._some.set()

    def lose_connection(self) -> None:
        """What is unacked comes again, flagged; what came back too often is dead-lettered with its routing key."""
        for queue in self._queues.values():
            for delivery, returns in reversed(queue.unacked.values()):
                limited = queue.name != self._names.dead
                if limited and returns >= DELIVERY_LIMIT:
                    self._bury(delivery)
                else:
                    queue.ready.appendleft((replace(delivery, redelivered=True, receipt=None), returns + 1))
            queue.unacked.clear()
        self._some.set()

    def _bury(self, delivery: Delivery) -> None:
        dead = replace(
            delivery, queue=self._names.dead, redelivered=False, receipt=None, dead_because=WhyBad.DELIVERY_LIMIT
        )
        self._queues[self._names.dead].ready.append((dead, 0))

    def _take(self, at_most: int) -> list[Delivery]:
        """Queues take turns, so that a flooded one keeps no other waiting."""
        batch: list[Delivery] = []
        open_queues = [queue for queue in self._turns if not queue.paused]
        while open_queues and len(batch) < at_most:
            open_queues = [queue for queue in open_queues if queue.ready and len(queue.unacked) < self._prefetch]
            for queue in open_queues[: at_most - len(batch)]:
                delivery, returns = queue.ready.popleft()
                self._tag += 1
                queue.unacked[self._tag] = (delivery, returns)
                batch.append(replace(delivery, receipt=self._tag))
        self._turns.rotate(-1)
        return batch


class InProcessTransport:
    """`app.Transport`: inbox and publisher are both ends of one broker in this process."""

    def __init__(self, names: QueueNames = NAMES, *, prefetch: int = 200) -> None:
        self.names = names
        self.broker = InProcessBroker(names, prefetch=prefetch)
        self.inbox = self.broker
        self.publisher = self.broker

    async def start(self, rows: CatalogueRows) -> None:
        """Bind the tenants."""
        await self.catalogue_changed(rows)

    async def catalogue_changed(self, rows: CatalogueRows) -> None:
        """Bind new tenants and those that moved."""
        self.broker.bind(self.names.assign(rows.tenants))

    async def stop_consuming(self) -> None:
        """No new deliveries; acks still count."""
        self.broker.stop()

    async def close(self) -> None:
        """Nothing to close."""

    def not_consumed(self) -> list[str]:
        """Never any but those that are paused."""
        return []

    def is_ready(self) -> bool:
        """Always."""
        return True
