"""Replicas as processes, as they are deployed: for what one process cannot show, like memory and several replicas."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.ground import QUEUES, Ground, Site
from bench.over_http import LightCarrier, light_carrier
from bench.throughput import NO_MARK
from bench.world import World
from tests.support.daemon import Daemon

from outdial.embedded.rabbitmq import free_port

QUIET = {
    "OUTDIAL_RABBITMQ__QUEUES": str(QUEUES),
    "OUTDIAL_RABBITMQ__HIGH_WATER_MARK": str(NO_MARK),
    "OUTDIAL_LOGGING__LEVEL": "error",  # at the end carriers call back a little longer than there is anybody
}
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Daemons:
    """On one site, with one light carrier."""

    site: Site
    carrier: LightCarrier
    replicas: Sequence[Daemon]
    to_ready_s: float

    async def through(self, numbers: Sequence[int]) -> float:
        """Let these jobs go through, published while the replicas work already; attempts a second from first to last."""
        since = await self.site.pool.fetchval("select now()")
        begun = time.perf_counter()
        await self.site.publish(numbers)
        async with asyncio.timeout(600):
            while await self._ended(since) < len(numbers):  # noqa: ASYNC110  another process
                await asyncio.sleep(LOOK_S)
        return len(numbers) / (time.perf_counter() - begun)

    async def _ended(self, since: float) -> int:
        ended = "select count(*) from outcomes where placement is not null and ended_at >= $1"
        return int(await self.site.pool.fetchval(ended, since))

    def resident_mib(self, of: str = "VmRSS") -> float:
        """Of the first replica. `VmHWM`: the most it ever had."""
        process = self.replicas[0]._process
        assert process is not None
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(of)) / 1024


@asynccontextmanager
async def daemons(ground: Ground, world: World, count: int, prepare: Sequence[str] = ()) -> AsyncIterator[Daemons]:
    """Start them; `prepare`: SQL before that."""
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(light_carrier("one", 0.0, world.limit))
        site = await stack.enter_async_context(ground.site(replace(world, carrier_url=carrier.url)))
        async with site.pool.acquire() as connection:
            for statement in prepare:
                await connection.execute(statement, timeout=1_200)
        replicas = []
        for _ in range(count):
            one = Daemon(site.database_url, site.broker.url, site.broker.prefix, free_port(), environment=QUIET)
            stack.push_async_exit(one)
            replicas.append(one)
        begun = time.perf_counter()
        await asyncio.gather(*(one.start() for one in replicas))
        yield Daemons(site, carrier, replicas, time.perf_counter() - begun)
