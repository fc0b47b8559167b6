"""A crew of workers as processes around one database, one broker and the simulated carrier, made for breaking.

Workers may die, stop and be replaced; the carrier, the broker and the database keep their own records, and at the end
one judge looks at all of them. Whatever waits for the clock is brought forward in the database (`pass_time`): minutes
of a carrier's settle time cost nothing, and not one limit of the workers is changed for it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from outdial.carrier import Scenario, SimulatedCarrier
from outdial.embedded.rabbitmq import free_port
from outdial.errors import BrokerUnavailable
from outdial.rabbitmq.publisher import RabbitPublisher
from outdial.rabbitmq.transport import RabbitOptions, attempt_publisher
from tests.support.broker_records import BrokerRecords
from tests.support.daemon import OUTDIAL, Daemon, lay_out, pause, scenario
from tests.support.fleet import Balancer
from tests.support.invariants import Evidence, judge
from tests.support.proxy import Proxy

SHORT = {
    "OUTDIAL_DISPATCH__PLACE_WITHIN_S": "1",
    "OUTDIAL_DISPATCH__REQUEST_TIMEOUT_S": "2",
    "OUTDIAL_DISPATCH__ADOPTION_MARGIN_S": "1",
    "OUTDIAL_DISPATCH__RECOVERY_INTERVAL_S": "0.1",
    "OUTDIAL_DISPATCH__LEFTOVERS_INTERVAL_S": "0.2",
    "OUTDIAL_DISPATCH__DRAIN_S": "5",
    "OUTDIAL_LOGGING__LEVEL": "error",
}
"""Settings as they exist, short: what a dead worker left is adopted after 4 s instead of 25."""
PASS_TIME = (
    """
    update calls
    set next_check_at = least(next_check_at, now()),
        intent_at = case when state = 'unconfirmed' and intent_at > now() - interval '700 s'
                         then intent_at - interval '700 s' else intent_at end
    where placement in (select placement from calls where state <> 'placing' for update skip locked)
    """,
    """
    update waiting set look_at = now()
    where attempt_id in (select attempt_id from waiting where line is null and look_at > now() for update skip locked)
    """,
    """
    update limits set backoff_until = null, open_until = least(open_until, now())
    where (kind, id) in (
        select kind, id from limits where backoff_until > now() or open_until > now() for update skip locked
    )
    """,
    """
    update outbox set retry_at = now()
    where event_id in (select event_id from outbox where retry_at > now() for update skip locked)
    """,
)
"""As if twelve minutes had passed. Intents that may still be placed are left alone: their time is the workers' own.
What a turn holds is left to it."""


async def pass_time(pool: asyncpg.Pool) -> None:
    """Bring everything forward that waits for the clock."""
    for statement in PASS_TIME:
        await pool.execute(statement)


class Worker(Daemon):
    """One replica, which may be told where to die (`armed`). `mark`: the file that it writes before it dies there."""

    mark: Path
    is_ready = False
    armed = False
    told_to_stop = False

    async def start(self) -> None:
        """Start and wait until it is ready."""
        await super().start()
        self.is_ready = True

    def send(self, number: signal.Signals) -> None:
        """Send the signal. A second SIGTERM would end it at once, whatever it has still to do."""
        self.told_to_stop |= number is signal.SIGTERM
        super().send(number)

    @property
    def died_at(self) -> str:
        """The crash point at which it died, empty = not at one."""
        return self.mark.read_text().strip() if self.mark.exists() else ""


class Crew:
    """The workers and what stands around them. `to_…`: the workers' ways to the real parts, which can be broken."""

    def __init__(
        self, ways: tuple[Proxy, Proxy, Proxy], carrier: SimulatedCarrier, pool: asyncpg.Pool, records: BrokerRecords,
        publisher: RabbitPublisher, balancer: Balancer, stack: AsyncExitStack, folder: Path,
    ) -> None:  # fmt: skip
        self.to_database, self.to_broker, self.to_carrier = ways
        self.carrier, self.pool, self.records = carrier, pool, records
        self.command: Sequence[str] = (str(OUTDIAL), "run")
        self.workers: list[Worker] = []
        self.published: list[str] = []
        self._publisher, self._balancer, self._stack, self._folder = publisher, balancer, stack, folder
        self._contacts = 0

    async def start(self, crash_at: str = "", **settings: str) -> Worker:
        """Start a worker and wait until it is ready. `crash_at`: a crash point, `:n` for its n-th passing."""
        mark, port = self._folder / f"mark{len(self.workers)}", free_port()
        environment = {**SHORT, "OUTDIAL_CRASH_MARK": str(mark), "OUTDIAL_CRASH_AT": crash_at, **settings}
        prefix, public = self.records.names.prefix, self._balancer.port
        worker = Worker(
            self.to_database.url, self.to_broker.url, prefix, port,
            public_port=public, environment=environment, command=self.command,
        )  # fmt: skip
        worker.mark, worker.armed = mark, bool(crash_at)
        self.workers.append(worker)
        self._balancer.behind.append(port)
        self._stack.push_async_exit(worker)
        await worker.start()
        return worker

    @property
    def alive(self) -> list[Worker]:
        """The workers whose process runs."""
        return [worker for worker in self.workers if worker.runs]

    async def publish(self, count: int, within_s: float = 90.0, **fields: Any) -> list[str]:
        """Publish so many jobs to contacts of their own, each until the broker confirms it; returns the attempt ids."""
        jobs = [self._job(**fields) for _ in range(count)]
        async with asyncio.timeout(within_s):
            await asyncio.gather(*(self._until_confirmed(attempt_id, body) for attempt_id, body in jobs))
        return [attempt_id for attempt_id, _ in jobs]

    def _job(self, **fields: Any) -> tuple[str, bytes]:
        attempt_id, contact = str(uuid.uuid4()), f"+1312{2_000_000 + self._contacts}"
        self._contacts += 1
        answer = {"twilio": {"url": f"http://answers.example/x?attempt={attempt_id}"}}
        told = {"tenant_id": "acme", "campaign_id": "spring", "to": contact, "ring_timeout_s": 5, "answer": answer}
        return attempt_id, json.dumps({"attempt_id": attempt_id, **told, **fields}).encode()

    async def _until_confirmed(self, attempt_id: str, body: bytes) -> None:
        while True:
            try:
                await self._publisher.publish_attempt(
                    "acme", body, message_id=attempt_id, type_="call_attempt.requested.v1"
                )
            except BrokerUnavailable:
                await pause()
                continue
            self.published.append(attempt_id)
            return

    async def ask(self, path: str) -> Any:
        """Ask the carrier's own side."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.carrier.url}/_carrier/{path}") as answer:
            return await answer.json()

    async def pass_time(self) -> None:
        """Bring everything forward that waits for the clock."""
        await pass_time(self.pool)

    async def ended(self, attempts: Sequence[str], within_s: float = 120.0) -> None:
        """Wait until these attempts and all calls have ended, while time passes. Only once all faults are healed: what a
        carrier may still do with a request under way is settled by time that really passes."""
        wanted = [uuid.UUID(one) for one in attempts]
        async with asyncio.timeout(within_s):
            while not await self._are_over(wanted):
                await self.pass_time()
                for _ in range(10):
                    await pause()

    async def _are_over(self, wanted: Sequence[uuid.UUID]) -> bool:
        ended = await self.pool.fetchval("select count(*) from outcomes where attempt_id = any ($1)", wanted)
        under_way = await self.pool.fetchval("select exists (select from calls) or exists (select from outbox)")
        return ended >= len(wanted) and not under_way and self.carrier.idle()

    async def judged(self) -> list[str]:
        """End all workers in order, then ask the three witnesses."""
        await asyncio.gather(*(w.ended() if w.told_to_stop else w.end(signal.SIGTERM) for w in self.alive))
        return await self.judged_as_it_stands(await self.records.left())

    async def judged_as_it_stands(self, left: dict[str, int] | None = None) -> list[str]:
        """Ask the three witnesses while workers run: what lies in queues is not asked then."""
        evidence = Evidence(
            self.published,
            await self.ask("tally"),
            (await self.ask("calls?at_most=1000000"))["calls"],
            await self.records.read(),
            left or {},
        )
        return await judge(evidence, self.pool)


@asynccontextmanager
async def crew(database_url: str, amqp_url: str, prefix: str, told: Scenario | None = None) -> AsyncIterator[Crew]:
    """A carrier, a catalogue and no worker yet; whatever still runs at the end is killed."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        carrier = await stack.enter_async_context(SimulatedCarrier(told or scenario()))
        balancer = await stack.enter_async_context(Balancer())
        ways = [await stack.enter_async_context(Proxy(url)) for url in (database_url, amqp_url, carrier.url)]
        pool = await lay_out(database_url, ways[2].url)
        stack.push_async_callback(pool.close)
        options = RabbitOptions(amqp_url, prefix, queues=2, reconnect_s=0.1, publish_timeout_s=2.0)
        records = BrokerRecords(amqp_url, options.names)
        await records.open()
        publisher = attempt_publisher(options)
        publisher.connection.start()
        stack.push_async_callback(publisher.connection.close)
        yield Crew((ways[0], ways[1], ways[2]), carrier, pool, records, publisher, balancer, stack, folder)
