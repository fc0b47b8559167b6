"""Are limits used to the full, and do they hold? One replica with work always waiting, judged by the carrier.

Utilisation is slot-seconds of calls under way, counted by the carrier, against the limits times the time; dead time is
what a slot stands empty between two calls. The jobs come from a broker in this process, the database is real and durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from bench.ground import Ground, Site
from bench.instant_carrier import InstantCarriers, Line
from bench.over_http import LightCarrier, light_carrier
from bench.throughput import value_of
from bench.world import TOKEN, World, is_answered, tenant_of
from pydantic import SecretStr

from outdial.app import App, AppOptions
from outdial.embedded.rabbitmq import free_port
from outdial.embedded.transport import InProcessTransport
from outdial.rules.ids import ConnectionId
from outdial.telemetry.metrics import Metrics

WARM_UP_CALLS = 3
"""Calls per slot before the measurement begins: caches, prepared statements, the first tables."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The carrier's sums over all lines; `started` and `busy_s` count on. `by_tenant`: calls begun."""

    started: int
    busy_s: float
    violations: int
    highest: int
    by_tenant: dict[int, int] = field(default_factory=dict)


FEED_S = 0.03
"""How often jobs are published. Looking costs the replica's own process half a percent at this pace."""

Look = Callable[[], Awaitable[Seen]]


async def caps(ground: Ground, world: World, call_s: float, seconds: float, *, over_http: bool) -> dict[str, float]:
    """Dial for so many seconds; returns the figures."""
    opened = _over_http(ground, world, call_s) if over_http else _in_process(ground, world, call_s)
    async with opened as (site, app, transport, look):
        feeding = asyncio.create_task(_feed(site.world, transport, app.metrics))
        slots = world.lines * world.limit
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(120):
            while (await look()).started < slots * WARM_UP_CALLS:  # noqa: ASYNC110  a carrier that signals nothing
                await asyncio.sleep(0.02)
        before, begun = await look(), loop.time()
        await asyncio.sleep(seconds)
        after, elapsed = await look(), loop.time() - begun
        feeding.cancel()
        await site.pool.execute("truncate waiting")
    started, busy = after.started - before.started, after.busy_s - before.busy_s
    shares = [after.by_tenant.get(t, 0) - before.by_tenant.get(t, 0) for t in range(world.tenants)]
    fair = {} if over_http else {"least_served": min(shares) * world.tenants / max(started, 1)}
    return {
        "per_s": started / elapsed,
        "possible_per_s": slots / call_s,
        "utilisation": busy / (slots * elapsed),
        "dead_ms": 1000 * max(0.0, slots * elapsed - busy) / max(started, 1),
        "violations": float(after.violations),
        "highest": float(after.highest),
        **fair,
    }


@asynccontextmanager
async def _in_process(
    ground: Ground, world: World, call_s: float
) -> AsyncIterator[tuple[Site, App, InProcessTransport, Look]]:
    lines = [Line(ConnectionId(f"line{n}"), world.limit) for n in range(world.lines)]
    carriers = InstantCarriers(lines, call_s, is_answered)

    async def look() -> Seen:
        by_tenant: dict[int, int] = {}
        for line in lines:
            line.move(0)
            for number, dials in line.by_number.items():
                by_tenant[tenant_of(number)] = by_tenant.get(tenant_of(number), 0) + dials
        return Seen(
            sum(line.started for line in lines), sum(line.busy_s for line in lines),
            sum(line.violations for line in lines), max(line.highest for line in lines), by_tenant,
        )  # fmt: skip

    async with ground.site(world) as site:
        transport = InProcessTransport()
        options = AppOptions(
            database_url=site.database_url, public_url="http://127.0.0.1:1", callbacks_port=0, drain_s=5.0
        )
        app = App(options, transport, lambda _reference: SecretStr(TOKEN), Metrics(), carriers)
        await app.start()
        carriers.deliver = app.dispatcher.follower.deliver
        try:
            yield site, app, transport, look
        finally:
            await app.stop()


@asynccontextmanager
async def _over_http(
    ground: Ground, world: World, call_s: float
) -> AsyncIterator[tuple[Site, App, InProcessTransport, Look]]:
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(light_carrier("one", call_s, world.limit))
        site = await stack.enter_async_context(ground.site(replace(world, carrier_url=carrier.url)))
        transport, port = InProcessTransport(), free_port()
        options = AppOptions(
            database_url=site.database_url, public_url=f"http://127.0.0.1:{port}", callbacks_port=port, drain_s=5.0
        )
        app = App(options, transport, lambda _reference: SecretStr(TOKEN), Metrics())
        await app.start()
        stack.push_async_callback(app.stop)
        yield site, app, transport, lambda: _tally(carrier)


async def _tally(carrier: LightCarrier) -> Seen:
    lines = (await carrier.tally())["lines"].values()
    return Seen(
        sum(line["started"] for line in lines), sum(line["busy_s"] for line in lines),
        sum(line["violations"] for line in lines), max((line["highest"] for line in lines), default=0),
    )  # fmt: skip


async def _feed(world: World, transport: InProcessTransport, metrics: Metrics) -> None:
    """Publish as fast as calls end, so many attempts before them: intake costs what it costs in steady state."""
    published, ahead = 0, 10 * world.lines * world.limit
    while True:
        while published < ahead + value_of(metrics.intake_to_start_seconds):
            tenant, attempt_id, body = world.job(published)
            await transport.broker.publish_attempt(
                tenant, body, message_id=attempt_id, type_="call_attempt.requested.v1"
            )
            published += 1
        await asyncio.sleep(FEED_S)
