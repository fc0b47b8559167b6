"""Deliveries in: one consumer, channel and prefetch per queue; their callbacks only hand over into buffers of our own.

A callback runs in a task of aiormq that is cancelled when its channel closes, so nothing else may happen in it. A
delivery can be acked only on the channel that brought it; when that channel is gone the broker delivers again, which
intake recognises by the attempt's id. Nothing is ever requeued or rejected by us.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from aiormq.abc import DeliveredMessage
from aiormq.exceptions import ChannelNotFoundEntity

from outdial.errors import BrokerUnavailable
from outdial.ports.messages import Delivery
from outdial.rabbitmq.deliveries import OpenChannel, Receipt
from outdial.rabbitmq.kept_connection import Session, broker_errors
from outdial.rules.attempt_queues import QueueNames
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

RPC_WITHIN_S = 10.0
"""Limit for a channel and its consumer. A queue without a leader answers nothing; the others go on meanwhile."""
AGAIN_AFTER_S = 1.0
"""Pause before a queue is consumed again."""
STOP_WITHIN_S = 3.0


@dataclass(slots=True, eq=False)
class _Queue:
    """`wanted`: should be consumed; `consuming`: is. `changed` wakes its keeper."""

    name: str
    wanted: bool = True
    consuming: bool = False
    cancelled: bool = False
    """By the broker: its queue was deleted or lost its leader."""
    closed: bool = True
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    buffer: deque[Delivery] = field(default_factory=deque)


class RabbitInbox:
    """`ports.Inbox` on RabbitMQ. `follow` makes it consume on a new connection; `stop` ends it."""

    def __init__(self, names: QueueNames, prefetch: int, metrics: Metrics) -> None:
        self._names, self._prefetch, self._metrics = names, prefetch, metrics
        self._queues: dict[str, _Queue] = {}
        self._turns: deque[_Queue] = deque()
        self._some = asyncio.Event()
        self._begun_or_ended = asyncio.Event()
        self._stopping = False
        self._session: Session | None = None
        self._keepers: set[asyncio.Task[None]] = set()
        self.add((*names.numbered, names.unrouted, names.dead))

    # -- ports.Inbox

    async def receive(self, at_most: int) -> Sequence[Delivery]:
        """See the port. Queues take turns, so that a flooded one keeps no other waiting."""
        while True:
            batch = self._take(at_most)
            if batch or self._stopping:
                return batch
            self._some.clear()
            await self._some.wait()

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """See the port."""
        by_channel: dict[OpenChannel, set[int]] = {}
        for delivery in deliveries:
            if isinstance(delivery.receipt, Receipt):
                by_channel.setdefault(delivery.receipt.channel, set()).add(delivery.receipt.tag)
        for channel, tags in by_channel.items():
            try:
                with broker_errors("ack"):
                    await channel.ack(tags)
            except BrokerUnavailable as error:
                self._metrics.ack_failures.inc(len(tags))
                log.info("delivery.ack_failed", deliveries=len(tags), error_message=str(error))

    async def pause(self, queue: str) -> None:
        """See the port."""
        self._want(queue, False)

    async def resume(self, queue: str) -> None:
        """See the port."""
        self._want(queue, True)

    def _want(self, name: str, wanted: bool) -> None:
        queue = self._queues.get(name)  # a tenant's own queue may not be declared yet
        if queue is not None and queue.wanted != wanted:
            queue.wanted = wanted
            queue.changed.set()
            self._begun_or_ended.set()

    # -- what is consumed

    def add(self, queues: Iterable[str]) -> None:
        """Consume these too, by their full names."""
        for name in queues:
            if name not in self._queues:
                queue = self._queues[name] = _Queue(name)
                self._turns.append(queue)
                if self._session is not None and not self._session.lost.is_set():
                    self._keep(queue, self._session)

    def not_consumed(self) -> list[str]:
        """Queues that should be consumed and are not just now."""
        return [queue.name for queue in self._queues.values() if queue.wanted and not queue.consuming]

    def consumes_nothing(self) -> bool:
        """Whether queues should be consumed and none is."""
        wanted = [queue.consuming for queue in self._queues.values() if queue.wanted]
        return bool(wanted) and not any(wanted)

    async def follow(self, session: Session) -> None:
        """Consume all queues on a new connection; what the old one brought and nobody has received comes again.

        Returns once the first queue is consumed, or none should be, or the connection is lost: a queue without a leader
        keeps no others waiting.
        """
        await self._end_keepers(within_s=0)
        for queue in self._turns:
            queue.buffer.clear()
            queue.consuming = False
        self._session = session
        for queue in self._turns:
            self._keep(queue, session)
        while self.consumes_nothing() and not (session.lost.is_set() or self._stopping):
            self._begun_or_ended.clear()
            await self._begun_or_ended.wait()

    async def stop(self) -> None:
        """Cancel the consumers. What is in hand can still be received and acked; then `receive` returns nothing."""
        self._stopping = True
        for queue in self._turns:
            queue.changed.set()
        await self._end_keepers(STOP_WITHIN_S)
        self._some.set()

    # -- inside

    def _take(self, at_most: int) -> list[Delivery]:
        batch: list[Delivery] = []
        filled = [queue for queue in self._turns if queue.buffer]
        while filled and len(batch) < at_most:
            share = max(1, (at_most - len(batch)) // len(filled))
            for queue in filled:
                count = min(share, len(queue.buffer), at_most - len(batch))
                batch += [queue.buffer.popleft() for _ in range(count)]
            filled = [queue for queue in filled if queue.buffer]
        self._turns.rotate(-1)
        return batch

    def _keep(self, queue: _Queue, session: Session) -> None:
        task = asyncio.create_task(self._keep_consuming(queue, session), name=f"consume {queue.name}")
        self._keepers.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, keeper: asyncio.Task[None]) -> None:
        self._keepers.discard(keeper)
        self._begun_or_ended.set()

    async def _end_keepers(self, within_s: float) -> None:
        keepers = set(self._keepers)
        if keepers and within_s:
            _, keepers = await asyncio.wait(keepers, timeout=within_s)
        for task in keepers:
            task.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep_consuming(self, queue: _Queue, session: Session) -> None:
        """As long as the connection lives; channels may come and go."""
        while not (session.lost.is_set() or self._stopping):
            try:
                with broker_errors("consuming"):
                    await self._one_channel(queue, session)
            except BrokerUnavailable as error:
                log.warning("queue.not_consumed", queue=queue.name, error_message=str(error))
                if isinstance(error.__cause__, ChannelNotFoundEntity):
                    session.drop()  # somebody deleted the queue: declare and bind everything anew
            queue.consuming = False
            if not self._stopping:
                queue.buffer.clear()
                await _wait_within(session.lost, AGAIN_AFTER_S)

    async def _one_channel(self, queue: _Queue, session: Session) -> None:
        """Consume through one channel until it closes or the inbox stops."""
        queue.closed = queue.cancelled = False
        async with asyncio.timeout(RPC_WITHIN_S):
            channel = OpenChannel(await session.open_channel())
            channel.channel.closing.add_done_callback(lambda _: _note(queue, closed=True))
            channel.channel.on_consumer_cancel_callbacks.add(lambda _: _note(queue, cancelled=True))
            await channel.channel.basic_qos(prefetch_count=self._prefetch)
        while not queue.closed:
            queue.changed.clear()
            if queue.cancelled:
                log.warning("queue.not_consumed", queue=queue.name, error_message="the broker cancelled the consumer")
                await _wait_within(session.lost, AGAIN_AFTER_S)
                queue.consuming = queue.cancelled = False
            wanted = queue.wanted and not self._stopping
            if wanted != queue.consuming:
                async with asyncio.timeout(RPC_WITHIN_S):
                    await (self._begin(queue, channel) if wanted else channel.channel.basic_cancel(queue.name))
                queue.consuming = wanted
                self._begun_or_ended.set()
            if self._stopping:
                return
            await queue.changed.wait()

    async def _begin(self, queue: _Queue, channel: OpenChannel) -> None:
        async def hand_over(message: DeliveredMessage) -> None:
            delivery = channel.take(message, queue.name, dead=queue.name == self._names.dead)
            if delivery.redelivered:
                self._metrics.redeliveries.labels(queue=queue.name).inc()
            queue.buffer.append(delivery)
            self._some.set()

        await channel.channel.basic_consume(queue.name, hand_over, consumer_tag=queue.name)


def _note(queue: _Queue, *, closed: bool = False, cancelled: bool = False) -> None:
    queue.closed = queue.closed or closed
    queue.cancelled = queue.cancelled or cancelled
    queue.changed.set()


async def _wait_within(event: asyncio.Event, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await event.wait()
    except TimeoutError:
        return
