"""A producer as a process of its own: it publishes jobs evenly, and says when the first one was due.

What it costs must not be paid by the replica that is measured. `time.perf_counter` counts alike in all processes of a
machine, so the replica's process can tell how long after its due moment a job was dialled.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from bench.ground import Site
from bench.world import World

from outdial.rabbitmq.transport import RabbitOptions, attempt_publisher
from outdial.telemetry.loop import run_fast

LEAD_S = 0.2
"""Between the word about the first due moment and that moment."""


@asynccontextmanager
async def trickling(site: Site, numbers: range, per_s: float) -> AsyncIterator[float]:
    """Publish evenly beside the block; yields when the first job is due, by `time.perf_counter`."""
    broker = {"url": site.broker.url, "prefix": site.broker.prefix, "queues": site.broker.queues}
    order = {"broker": broker, "tenants": site.world.tenants, "first": numbers.start, "stop": numbers.stop}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.producer", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({**order, "per_s": per_s}).encode())
    process.stdin.close()
    try:
        async with asyncio.timeout(60):
            begins = json.loads(await process.stdout.readline())["begins"]
        yield begins
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _publish(broker: RabbitOptions, world: World, numbers: range, per_s: float) -> None:
    publisher = attempt_publisher(broker)
    publisher.connection.start()
    await publisher.connection.wait_until_ready(30)
    begins = time.perf_counter() + LEAD_S
    print(json.dumps({"begins": begins}), flush=True)
    sent = []
    for position, n in enumerate(numbers):
        await asyncio.sleep(max(0.0, begins + position / per_s - time.perf_counter()))
        tenant, attempt_id, body = world.job(n)
        publish = publisher.publish_attempt(tenant, body, message_id=attempt_id, type_="call_attempt.requested.v1")
        sent.append(asyncio.ensure_future(publish))
    await asyncio.gather(*sent)
    await publisher.connection.close()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # it writes where we do
    told = json.load(sys.stdin)
    jobs = range(told["first"], told["stop"])
    run_fast(_publish(RabbitOptions(**told["broker"]), World(tenants=told["tenants"]), jobs, told["per_s"]))
