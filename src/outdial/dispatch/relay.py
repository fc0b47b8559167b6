"""Step 6, relay: events of committed turns are published with confirms and then leave the outbox; at least once.

They are published from memory right after the commit. What is not confirmed stays in the outbox and is taken up again
by whichever replica looks first. What is confirmed is removed a moment later, many batches by one commit; a replica that
dies before it leaves them to be published twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from outdial.clock import Clock
from outdial.ports.messages import EventPublisher, OutgoingEvent
from outdial.ports.store import Store
from outdial.telemetry.crashpoints import crashpoint
from outdial.telemetry.metrics import Metrics

AGAIN_AFTER_S = 10.0
"""When an event that was taken up and not confirmed is due again."""
REMOVED_WITHIN_S = 0.25
"""How long confirmed events may stay in the outbox: far less than the grace after which another replica takes them up."""


class Relay:
    """Publishes one batch after the other."""

    def __init__(
        self,
        store: Store,
        publisher: EventPublisher,
        clock: Clock,
        metrics: Metrics,
        *,
        batch: int,
        at_most: int = 20_000,
    ) -> None:
        self._store, self._publisher, self._clock, self._metrics = store, publisher, clock, metrics
        self._batch, self._at_most = batch, at_most
        self._waiting: deque[OutgoingEvent] = deque()
        self._some = asyncio.Event()
        self._confirmed: list[str] = []
        self._removed_at = float("-inf")

    def offer(self, events: Iterable[OutgoingEvent]) -> None:
        """Events of a committed turn. Beyond a bound they are left to the outbox."""
        room = self._at_most - len(self._waiting)
        self._waiting.extend(event for event, _ in zip(events, range(max(0, room)), strict=False))
        if self._waiting:
            self._some.set()

    async def publish(self, within_s: float = 1.0) -> None:
        """Publish the next batch, if one comes in time; remove what is confirmed when it is time."""
        try:
            async with asyncio.timeout(REMOVED_WITHIN_S if self._confirmed else within_s):
                await self._some.wait()
        except TimeoutError:
            await self._remove()
            return
        batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        if not self._waiting:
            self._some.clear()
        await self._send(batch)

    async def take_up_leftovers(self) -> None:
        """Publish events that nobody confirmed for a while; those that were, and could not be removed, first leave."""
        await self._remove()
        now = self._clock.now()
        while leftovers := await self._store.leftover_events(now, now + AGAIN_AFTER_S, self._batch):
            await self._send(list(leftovers))
            await self._remove()

    async def flush(self) -> None:
        """Publish what waits in memory, at shutdown."""
        while self._waiting:
            await self.publish()
        await self._remove()

    async def _send(self, batch: list[OutgoingEvent]) -> None:
        confirmed = await self._publisher.publish(batch)
        self._metrics.events_published.inc(len(confirmed))
        self._metrics.events_unconfirmed.inc(len(batch) - len(confirmed))
        crashpoint("after_publish")
        self._confirmed += [event.event_id for event in confirmed]
        late = self._clock.monotonic() - self._removed_at >= REMOVED_WITHIN_S
        if late or len(self._confirmed) >= self._batch:
            await self._remove()

    async def _remove(self) -> None:
        """Take confirmed events out of the outbox. Whatever fails is tried again with the next."""
        self._removed_at = self._clock.monotonic()
        ids = self._confirmed
        if not ids:
            return
        self._confirmed = []
        try:
            await self._store.remove_events(ids)
        except BaseException:
            self._confirmed += ids
            raise
