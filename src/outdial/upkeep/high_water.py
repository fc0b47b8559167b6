"""Overload: intake stops queue by queue at the high-water mark, and goes on below a lower one.

What is not consumed stays at the broker, the other queues go on, and the waiting room stays bounded: by the mark, what
the replicas have prefetched, and what comes in between two looks. The replica stays ready all the while: it dials, and
the carriers' callbacks must reach it, or the backlog would never shrink.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import structlog

from outdial.ports.messages import Inbox
from outdial.rules.high_water import is_above
from outdial.rules.ids import TenantId
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class WaitingRoom(Protocol):
    """What is asked of the database."""

    async def waiting_by_tenant(self) -> Mapping[str, int]:
        """How many attempts of each tenant wait; cheap, however many they are."""


class HighWater:
    """Pauses and resumes the queues of one replica. Each replica decides for itself, from the same counts."""

    def __init__(
        self,
        inbox: Inbox,
        room: WaitingRoom,
        queues: Callable[[], Mapping[TenantId, str]],
        not_consumed: Callable[[], Sequence[str]],
        metrics: Metrics,
        mark: int,
    ) -> None:
        """`queues`: each tenant's queue; `not_consumed`: queues that the broker does not let us consume just now."""
        self._inbox, self._room, self._queues, self._not_consumed = inbox, room, queues, not_consumed
        self._metrics, self._mark = metrics, mark
        self._above: set[str] = set()

    def above(self) -> list[str]:
        """The queues that are not consumed because they are above the mark."""
        return sorted(self._above)

    async def look(self) -> None:
        """One look at all queues."""
        waiting = await self._room.waiting_by_tenant()
        by_queue: dict[str, int] = {}
        for tenant, queue in self._queues().items():
            by_queue[queue] = by_queue.get(queue, 0) + waiting.get(tenant, 0)
        above = {name for name, count in by_queue.items() if is_above(count, self._mark, name in self._above)}
        for name in sorted(above):
            await self._inbox.pause(name)  # each time: a queue that was declared anew is consumed at first
        for name in sorted(self._above - above):
            await self._inbox.resume(name)
            log.info("queue.resumed", queue=name, waiting=by_queue.get(name, 0))
        for name in sorted(above - self._above):
            log.warning("queue.paused", queue=name, waiting=by_queue[name], high_water_mark=self._mark)
        self._above = above
        self._metrics.queues_not_consumed.labels(why="high_water").set(len(above))
        self._metrics.queues_not_consumed.labels(why="broker").set(len(self._not_consumed()))
