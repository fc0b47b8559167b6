"""Several replicas as processes behind one callback address, on a real broker and database, with the carrier as a process.

Everything a verdict needs is asked of the carrier. Limits can be changed live: the carrier is told of a higher limit
first and of a lower one last, since calls that were begun before may still arrive.
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Self

import aiohttp
import asyncpg

from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded.rabbitmq import free_port
from outdial.postgres.pool import connect
from outdial.rabbitmq.publisher import RabbitPublisher
from outdial.rabbitmq.transport import RabbitOptions, attempt_publisher
from tests.support.crowd import TENANTS, Crowd, job
from tests.support.daemon import OUTDIAL, Daemon, pause
from tests.support.verdict import SeenCall

QUEUES = 2
PLACING = "select placement from calls where connection = $1 and state = 'placing'"
STILL_PLACING = "select exists (select from calls where placement = any ($1::uuid[]) and state = 'placing')"
WAITING = "select campaign, count(*) from waiting group by campaign"
PUBLISHED_AT_ONCE = 100


class CarrierProcess:
    """The simulated carrier as a process; `url` once it listens."""

    def __init__(self, scenario: dict[str, Any], folder: Path) -> None:
        self._file = folder / "scenario.json"
        self._file.write_text(json.dumps(scenario), encoding="utf-8")

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            OUTDIAL, "carrier", "--port", "0", "--scenario", str(self._file), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            self.url = json.loads(await self._process.stdout.readline())["url"]
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()
        self._process.terminate()
        await self._process.wait()

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """GET, or POST with a body, below /_carrier/."""
        method = "GET" if body is None else "POST"
        async with self._session.request(method, f"{self.url}/_carrier/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def calls(self) -> list[SeenCall]:
        """Every call it ever accepted."""
        shown = (await self.ask("calls?at_most=1000000"))["calls"]
        return [SeenCall(c["account"], c["from"], c["attempt"], c["accepted_at"], c["ended_at"]) for c in shown]


class Balancer:
    """One address for several ports: each new connection goes to the next port that answers."""

    def __init__(self) -> None:
        self.port = free_port()
        self.behind: list[int] = []
        self._next = 0
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.create_task(self._serve(reader, writer))
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)
        serving.add_done_callback(lambda _: writer.close())  # also if it is cancelled before it began

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in self.behind:
            self._next += 1
            try:
                there = await asyncio.open_connection("127.0.0.1", self.behind[self._next % len(self.behind)])
            except OSError:
                continue
            await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))
            return


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


class Fleet:
    """The replicas and what stands around them."""

    def __init__(
        self, crowd: Crowd, carrier: CarrierProcess, pool: asyncpg.Pool, broker: RabbitOptions,
        new_replica: Callable[[], Daemon],
    ) -> None:  # fmt: skip
        self.crowd, self.carrier, self.pool, self.broker = crowd, carrier, pool, broker
        self.replicas: list[Daemon] = []
        self._contacts, self._new_replica = 0, new_replica

    async def start(self, replicas: int) -> None:
        """Start so many more replicas; all are ready then."""
        added = [self._new_replica() for _ in range(replicas)]
        self.replicas += added
        await asyncio.gather(*(replica.start() for replica in added))

    async def publish(
        self, jobs: Sequence[tuple[int, str]], at_once: int | None = None, per_s: float = float("inf")
    ) -> list[str]:
        """Publish one job per (tenant, campaign), in that order; returns the attempt ids. What comes after the first
        `at_once` (None = all of them) comes at `per_s`."""
        publisher = attempt_publisher(self.broker)
        publisher.connection.start()
        await publisher.connection.wait_until_ready(20)
        ids = await self._publish(publisher, jobs[:at_once])
        began, first = time.monotonic(), len(ids)
        while len(ids) < len(jobs):
            if time.monotonic() < began + (len(ids) - first) / per_s:
                await pause()
            else:
                ids += await self._publish(publisher, jobs[len(ids) :][:TENANTS])
        await publisher.connection.close()
        return ids

    async def _publish(self, publisher: RabbitPublisher, jobs: Sequence[tuple[int, str]]) -> list[str]:
        ids, sent = [], []
        for tenant, campaign in jobs:
            attempt_id, body = job(tenant, campaign, self._contacts)
            self._contacts += 1
            ids.append(attempt_id)
            sent.append(
                publisher.publish_attempt(f"t{tenant}", body, message_id=attempt_id, type_="call_attempt.requested.v1")
            )
            if len(sent) == PUBLISHED_AT_ONCE:
                await asyncio.gather(*sent)
                sent = []
        await asyncio.gather(*sent)
        return ids

    async def change_limit(self, line: int, limit: int) -> None:
        """Change a connection's limit while calls are under way, and the promise to the carrier with it."""
        raised = limit > self.crowd.limits[line]
        self.crowd.limits[line] = limit
        if raised:
            await self.carrier.ask(f"accounts/line{line}", {"limit": limit})
        await apply(self.pool, read_catalogue(self.crowd.limits_file(), "fleet"), who="fleet")
        if not raised:
            await self._arrived(f"line{line}")
            await self.carrier.ask(f"accounts/line{line}", {"limit": limit})

    async def _arrived(self, connection: str) -> None:
        """Wait until the intents that were committed under the old limit are calls, or will never be."""
        placing = [row["placement"] for row in await self.pool.fetch(PLACING, connection)]
        async with asyncio.timeout(30):
            while await self.pool.fetchval(STILL_PLACING, placing):
                await pause()

    async def least_waiting(self) -> int:
        """How many attempts wait of the campaign that has fewest; the smallest over all."""
        counts: dict[str, int] = {row["campaign"]: row["count"] for row in await self.pool.fetch(WAITING)}
        return min(counts.get(c, 0) for t in range(TENANTS) for c in self.crowd.campaigns(t))

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop all replicas that still run."""
        await asyncio.gather(*(replica.end(number) for replica in self.replicas if replica.runs))


@asynccontextmanager
async def fleet(
    database_url: str, amqp_url: str, prefix: str, crowd: Crowd, replicas: int = 3, *, high_water_mark: int = 100_000
) -> AsyncIterator[Fleet]:
    """Start carrier, catalogue and replicas; whatever still runs at the end is killed."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        carrier = await stack.enter_async_context(CarrierProcess(crowd.scenario(), folder))
        balancer = await stack.enter_async_context(Balancer())
        pool = await connect(database_url)
        stack.push_async_callback(pool.close)
        await apply(pool, read_catalogue(crowd.catalogue(carrier.url), "fleet"), who="fleet")
        environment = {"OUTDIAL_RABBITMQ__HIGH_WATER_MARK": str(high_water_mark), "OUTDIAL_LOGGING__LEVEL": "warning"}

        def new_replica() -> Daemon:
            port = free_port()
            balancer.behind.append(port)
            new = Daemon(database_url, amqp_url, prefix, port, public_port=balancer.port, environment=environment)
            stack.push_async_exit(new)  # before it is started, so that none is left when another one fails to start
            return new

        one = Fleet(crowd, carrier, pool, RabbitOptions(amqp_url, prefix, queues=QUEUES), new_replica)
        await one.start(replicas)
        yield one
