"""The light carrier as a process beside a run, and throughput over HTTP: creates, signed callbacks and all."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
from bench.ground import Ground
from bench.throughput import LOOK_S, WARM_UP, Run, replica
from bench.world import World

from outdial.embedded.rabbitmq import free_port


class LightCarrier:
    """Its address and its count."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def tally(self) -> Any:
        """What it saw until now."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/tally") as answer:
            return await answer.json()

    async def is_over(self) -> None:
        """Wait until every call has ended and told so: events that are no outcomes may let a run seem complete before."""
        async with asyncio.timeout(30):
            while (await self.tally())["under_way"]:  # noqa: ASYNC110  another process, which signals nothing
                await asyncio.sleep(LOOK_S)

    async def violations(self) -> float:
        """Of limits; callbacks that were not taken count too."""
        tally = await self.tally()
        return float(sum(line["violations"] for line in tally["lines"].values()) + tally["failed_callbacks"])


@asynccontextmanager
async def light_carrier(callbacks: str, call_s: float, limit: int) -> AsyncIterator[LightCarrier]:
    """Start it, end it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.light_carrier", "--callbacks", callbacks, "--call-ms", str(1000 * call_s),
        "--limit", str(limit), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            address = json.loads(await process.stdout.readline())["url"]
        yield LightCarrier(address)
    finally:
        process.terminate()
        await process.wait()


async def throughput_over_http(ground: Ground, world: World, attempts: int, callbacks: str) -> dict[str, float]:
    """Attempts a second and what each cost."""
    async with light_carrier(callbacks, 0.0, world.limit) as carrier:
        async with ground.site(replace(world, carrier_url=carrier.url)) as site:
            port = free_port()
            run = await Run.start(site, replica, None, public_url=f"http://127.0.0.1:{port}", port=port)
            try:
                await run.through(range(attempts, attempts + WARM_UP))
                figures = await run.through(range(attempts))
                await carrier.is_over()
            finally:
                await run.stop()
        return figures | {"violations": await carrier.violations()}
