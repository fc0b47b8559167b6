"""Where measurements happen: a private RabbitMQ and a private PostgreSQL with its default durability, fresh for each run."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import asyncpg
from bench import events
from bench.world import TOKEN, TOKEN_VARIABLE, World
from tests.support.services import UNPACKED, Databases

from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded.install import ensure_postgres, ensure_rabbitmq
from outdial.embedded.postgres import LocalPostgres
from outdial.postgres.pool import connect
from outdial.rabbitmq.transport import RabbitOptions, attempt_publisher

PUBLISHED_AT_ONCE = 200
QUEUES = 4


@dataclass(frozen=True, slots=True)
class Ground:
    """What all scenarios stand on."""

    databases: Databases
    amqp_url: str

    @asynccontextmanager
    async def site(self, world: World) -> AsyncIterator[Site]:
        """A fresh database with the world's catalogue, and names of its own at the broker."""
        url = await self.databases.fresh()
        pool = await connect(url)
        broker = RabbitOptions(self.amqp_url, f"b{uuid.uuid4().hex[:8]}", queues=QUEUES)
        try:
            await apply(pool, read_catalogue(world.catalogue(), "bench"), who="bench")
            await events.lay_out(broker, world.tenants)
            yield Site(world, url, broker, pool)
        finally:
            await pool.close()
            await events.remove(broker)
            await self.databases.drop(url)


@dataclass(frozen=True, slots=True)
class Site:
    """One run's place. `pool`: for preparing and looking, not for what is measured."""

    world: World
    database_url: str
    broker: RabbitOptions
    pool: asyncpg.Pool

    async def publish(self, numbers: Sequence[int]) -> None:
        """These jobs, confirmed."""
        publisher = attempt_publisher(self.broker)
        publisher.connection.start()
        await publisher.connection.wait_until_ready(30)
        for start in range(0, len(numbers), PUBLISHED_AT_ONCE):
            jobs = [self.world.job(n) for n in numbers[start : start + PUBLISHED_AT_ONCE]]
            await asyncio.gather(
                *(
                    publisher.publish_attempt(tenant, body, message_id=attempt_id, type_="call_attempt.requested.v1")
                    for tenant, attempt_id, body in jobs
                )
            )
        await publisher.connection.close()


@asynccontextmanager
async def private_ground() -> AsyncIterator[Ground]:
    """Start both, stop both."""
    os.environ[TOKEN_VARIABLE] = TOKEN
    counted = ("shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=top")
    with LocalPostgres(ensure_postgres(UNPACKED), settings=counted) as server, ensure_rabbitmq(UNPACKED) as broker:
        databases = Databases(server.url)
        try:
            yield Ground(databases, broker.url)
        finally:
            await databases.clean()


async def machine(ground: Ground) -> dict[str, str]:
    """What it was measured on."""
    url = await ground.databases.fresh()
    connection = await asyncpg.connect(url)
    server = await connection.fetchval("show server_version")
    durable = await connection.fetchval(
        "select current_setting('fsync') || ' ' || current_setting('synchronous_commit')"
    )
    await connection.close()
    await ground.databases.drop(url)
    return {
        "cpu": f"{os.cpu_count()} x {_cpu()}",
        "load_before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "python": platform.python_version(),
        "postgresql": f"{server}, fsync and synchronous_commit {durable}",
        "rabbitmq": _rabbitmq(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in ("asyncpg", "aio-pika", "aiormq", "aiohttp")),
        "commit": _commit(),
    }


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _rabbitmq() -> str:
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*")) or sorted(
        UNPACKED.glob("usr/lib/rabbitmq/lib/rabbitmq_server-*")
    )
    return found[-1].name.removeprefix("rabbitmq_server-") if found else "unknown"


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, check=False)
    return done.stdout.decode().strip() or "unknown"
