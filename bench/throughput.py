"""End to end, from the queue to the published outcome event: one replica in this process, a carrier that costs nothing.

The jobs lie in RabbitMQ before the clock starts, and it stops when the last event is confirmed. A first few hundred
attempts before that warm everything up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from bench.ground import Ground, Site
from bench.instant_carrier import InstantCarriers, Line
from bench.meter import Meter
from bench.world import TOKEN, World, is_answered
from prometheus_client import Counter, Histogram
from pydantic import SecretStr

from outdial.app import App, AppOptions
from outdial.ports.carriers import Carriers
from outdial.rabbitmq.transport import RabbitTransport, open_transport
from outdial.rules.ids import ConnectionId
from outdial.telemetry.metrics import Metrics

WARM_UP = 300
NO_MARK = 10_000_000
"""High-water mark: a backlog that was put into the database must not keep the jobs of the measurement out of it."""
LOOK_S = 0.005
BuildApp = Callable[[AppOptions, RabbitTransport, Metrics, Carriers | None], App]


def replica(options: AppOptions, transport: RabbitTransport, metrics: Metrics, carriers: Carriers | None) -> App:
    """The product as it is."""
    return App(options, transport, lambda _reference: SecretStr(TOKEN), metrics, carriers)


async def throughput(
    ground: Ground,
    world: World,
    attempts: int,
    build: BuildApp = replica,
    *,
    tell: bool = False,
    prepare: Sequence[str] = (),
) -> dict[str, float]:
    """Attempts a second and what each cost. `tell`: print the statements that PostgreSQL spent most time in;
    `prepare`: SQL before the start, on one connection."""
    async with ground.site(world) as site:
        async with site.pool.acquire() as connection:
            for statement in prepare:
                await connection.execute(statement, timeout=1_200)
        lines = [Line(ConnectionId(f"line{n}"), world.limit) for n in range(world.lines)]
        carriers = InstantCarriers(lines, 0.0, is_answered)
        run = await Run.start(site, build, carriers)
        carriers.deliver = run.app.dispatcher.follower.deliver
        try:
            await run.through(range(attempts, attempts + max(WARM_UP, world.tenants)))  # each pool is seen once
            figures = await run.through(range(attempts))
            if tell:
                print("\n".join(await run.meter.costly(attempts + WARM_UP)))
        finally:
            await run.stop()
        return figures | {"violations": float(sum(line.violations for line in lines))}


class Run:
    """One replica at work on a site."""

    def __init__(self, site: Site, app: App, meter: Meter) -> None:
        self.site, self.app, self.meter = site, app, meter

    @classmethod
    async def start(
        cls,
        site: Site,
        build: BuildApp,
        carriers: Carriers | None,
        *,
        public_url: str = "http://127.0.0.1:1",
        port: int = 0,
    ) -> Run:
        """A running replica that consumes nothing yet."""
        metrics = Metrics()
        transport = await open_transport(site.broker, metrics)
        options = AppOptions(
            database_url=site.database_url, public_url=public_url, callbacks_port=port, drain_s=5.0,
            high_water_mark=NO_MARK,
        )  # fmt: skip
        run = cls(site, build(options, transport, metrics, carriers), await Meter.open(site.database_url))
        await run._consume(False)
        await run.app.start()
        return run

    async def through(self, numbers: Sequence[int]) -> dict[str, float]:
        """Let these jobs go through, all published before; returns the figures."""
        await self._consume(False)
        await self.site.publish(numbers)
        goal = self.events() + len(numbers) + sum(is_answered(self.site.world.contact(n)) for n in numbers)
        before, begun = await self.meter.read(), time.perf_counter()
        await self._consume(True)
        async with asyncio.timeout(300):
            while self.events() < goal:  # noqa: ASYNC110  a counter that signals nothing
                await asyncio.sleep(LOOK_S)
        seconds = time.perf_counter() - begun
        cost = (await self.meter.read()).since(before)
        return {"per_s": len(numbers) / seconds, **cost.per_attempt(len(numbers))}

    def events(self) -> int:
        """How many were confirmed until now."""
        return int(value_of(self.app.metrics.events_published))

    async def stop(self) -> None:
        """In order."""
        await self.app.stop()
        await self.meter.close()

    async def _consume(self, wanted: bool) -> None:
        inbox, names = self.app.transport.inbox, self.site.broker.names
        for name in names.numbered:
            await (inbox.resume(name) if wanted else inbox.pause(name))


def value_of(metric: Counter | Histogram) -> float:
    """A counter without labels, or how often a histogram was told something."""
    found = [sample for family in metric.collect() for sample in family.samples]
    return next(sample.value for sample in found if sample.name.endswith(("_total", "_count")))
