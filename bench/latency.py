"""From a job's publish to the start of its create request, at shares of the throughput that was just measured."""

from __future__ import annotations

import asyncio
import time

from bench.ground import Ground, Site
from bench.instant_carrier import InstantCarriers, Line
from bench.producer import trickling
from bench.throughput import WARM_UP, Run, replica
from bench.world import World, is_answered

from outdial.rules.ids import ConnectionId

SHARES = (10, 50, 80)
LOOK_S = 0.1
"""How often it is looked whether all were dialled."""


async def latency(ground: Ground, world: World, per_s: float, seconds: float) -> dict[str, float]:
    """Milliseconds by share of `per_s`, in percent: `p50_ms_at_50` and so on. The broker's own time is within."""
    figures: dict[str, float] = {}
    async with ground.site(world) as site:
        begun: dict[str, float] = {}

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
                delays = await _trickle(site, numbers, per_s * share / 100, begun)
                for name, part in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
                    figures[f"{name}_ms_at_{share}"] = 1000 * delays[min(len(delays) - 1, int(len(delays) * part))]
        finally:
            await run.stop()
    return figures


async def _trickle(site: Site, numbers: range, per_s: float, begun: dict[str, float]) -> list[float]:
    """Publish evenly, wait until all were dialled; sorted delays in seconds, from the moment each was due."""
    contacts = {site.world.contact(n): position / per_s for position, n in enumerate(numbers)}
    async with trickling(site, numbers, per_s) as begins, asyncio.timeout(60 + len(numbers) / per_s):
        while not contacts.keys() <= begun.keys():  # noqa: ASYNC110  a carrier that signals nothing
            await asyncio.sleep(LOOK_S)
    return sorted(begun[contact] - begins - due for contact, due in contacts.items())
