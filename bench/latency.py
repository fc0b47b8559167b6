"""From a job's delivery to the start of its create request, at shares of the throughput that was just measured.

A delivery counts from when its body is read from the socket. What comes before (the producer, the broker, a loop that is
busy elsewhere) is in the figures from the moment at which the job was due to be published.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from bench.ground import Ground, Site
from bench.instant_carrier import InstantCarriers, Line
from bench.producer import trickling
from bench.throughput import WARM_UP, Run, replica
from bench.world import World, is_answered

from outdial.ports.messages import Delivery
from outdial.rabbitmq.deliveries import OpenChannel
from outdial.rules.ids import ConnectionId

SHARES = (10, 50, 80)
LOOK_S = 0.1
"""How often it is looked whether all were dialled."""


async def latency(ground: Ground, world: World, per_s: float, seconds: float) -> dict[str, float]:
    """Milliseconds by share of `per_s`, in percent: `p50_ms_at_50` from the delivery, `p50_ms_from_publish_at_50`."""
    figures: dict[str, float] = {}
    begun: dict[str, float] = {}
    delivered: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        stack.enter_context(_noting(delivered))
        site = await stack.enter_async_context(ground.site(world))

        def begin(to: str) -> bool:
            begun.setdefault(to, time.perf_counter())
            return is_answered(to)

        lines = [Line(ConnectionId(f"line{n}"), world.limit) for n in range(world.lines)]
        carriers = InstantCarriers(lines, 0.0, begin)
        run = await Run.start(site, replica, carriers)
        carriers.deliver = run.app.dispatcher.follower.deliver
        try:
            await run.through(range(WARM_UP))
            first = WARM_UP
            for share in SHARES:
                numbers = range(first, first + max(20, int(per_s * share / 100 * seconds)))
                first = numbers.stop
                due = await _trickle(site, numbers, per_s * share / 100, begun)
                figures |= _parts(f"ms_at_{share}", [begun[to] - delivered[to] for to in due])
                figures |= _parts(f"ms_from_publish_at_{share}", [begun[to] - at for to, at in due.items()])
        finally:
            await run.stop()
    return figures


def _parts(name: str, delays: list[float]) -> dict[str, float]:
    in_order = sorted(delays)
    parts = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    return {f"{p}_{name}": 1000 * in_order[min(len(in_order) - 1, int(len(in_order) * part))] for p, part in parts}


@contextmanager
def _noting(delivered: dict[str, float]) -> Iterator[None]:
    """When each contact's job was read from the socket, the first time."""
    take = OpenChannel.take

    def noted(channel: OpenChannel, message: Any, queue: str, *, dead: bool) -> Delivery:
        delivered.setdefault(json.loads(message.body)["to"], time.perf_counter())
        return take(channel, message, queue, dead=dead)

    with patch.object(OpenChannel, "take", noted):
        yield


async def _trickle(site: Site, numbers: range, per_s: float, begun: dict[str, float]) -> dict[str, float]:
    """Publish evenly, wait until all were dialled; when each contact's job was due."""
    contacts = {site.world.contact(n): position / per_s for position, n in enumerate(numbers)}
    async with trickling(site, numbers, per_s) as begins, asyncio.timeout(60 + len(numbers) / per_s):
        while not contacts.keys() <= begun.keys():  # noqa: ASYNC110  a carrier that signals nothing
            await asyncio.sleep(LOOK_S)
    return {contact: begins + due for contact, due in contacts.items()}
