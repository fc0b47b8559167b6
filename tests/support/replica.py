"""One replica inside the test: the real App on a real database, the in-process transport, the simulated carrier over HTTP."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from pydantic import SecretStr

from outdial.app import App, AppOptions
from outdial.carrier import Scenario, SimulatedCarrier
from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded.rabbitmq import free_port
from outdial.embedded.transport import InProcessTransport
from outdial.ports.messages import OutgoingEvent
from outdial.postgres.pool import connect
from outdial.telemetry.metrics import Metrics
from tests.support.daemon import catalogue, pause


@dataclass(slots=True)
class Replica:
    """What a test does with it, and what it looks at."""

    app: App
    pool: asyncpg.Pool
    carrier: SimulatedCarrier
    transport: InProcessTransport
    events: list[dict[str, Any]] = field(default_factory=list)

    async def publish(self, to: str = "+12025550143", *, tenant: str = "acme", **fields: Any) -> str:
        """Publish a job; returns its attempt id."""
        attempt_id = str(fields.pop("attempt_id", None) or uuid.uuid4())
        body = {
            "attempt_id": attempt_id,
            "tenant_id": tenant,
            "campaign_id": "spring",
            "to": to,
            "answer": {"twilio": {"url": f"http://answers.example/x?attempt={attempt_id}"}},
            **fields,
        }
        await self.raw(json.dumps(body).encode(), tenant=tenant)
        return attempt_id

    async def raw(self, body: bytes, *, tenant: str = "acme", type_: str = "call_attempt.requested.v1") -> None:
        """Publish whatever it is."""
        await self.transport.broker.publish_attempt(tenant, body, type_=type_)

    async def apply(self, text: str) -> None:
        """Apply a catalogue file, and wait until the replica has read it."""
        version = self.app.pools.version
        done = await apply(self.pool, read_catalogue(text, "test"), who="test")
        if not done.changes_nothing:
            await self.until(lambda: self.app.pools.version > version)

    async def ended(self, attempt_id: str) -> Any:
        """Wait for the attempt's outcome."""

        async def look() -> Any:
            return await self.pool.fetchrow("select * from outcomes where attempt_id = $1", uuid.UUID(attempt_id))

        return await self.until_found(look)

    async def waiting(self, attempt_id: str, blocker: str) -> Any:
        """Wait until it waits for that reason."""

        async def look() -> Any:
            return await self.pool.fetchrow(
                "select * from waiting where attempt_id = $1 and blocker = $2", uuid.UUID(attempt_id), blocker
            )

        return await self.until_found(look)

    async def until_found(self, look: Callable[[], Awaitable[Any]], within_s: float = 20.0) -> Any:
        """Look again and again until there is something."""
        async with asyncio.timeout(within_s):
            while (found := await look()) is None:
                await pause()
            return found

    async def until(self, condition: Callable[[], bool], within_s: float = 20.0) -> None:
        """Wait until the condition holds."""
        async with asyncio.timeout(within_s):
            while not condition():
                await pause()

    def event(self, kind: str, attempt_id: str) -> dict[str, Any] | None:
        """The event of that kind about the attempt."""
        named = f"call_attempt.{kind}.v1"
        return next((e for e in self.events if e["type"] == named and e["subject"] == attempt_id), None)


@asynccontextmanager
async def replica(database_url: str, scenario: Scenario) -> AsyncIterator[Replica]:
    """Start everything, stop it in order."""
    async with replicas(database_url, scenario, 1) as (one,):
        yield one


@asynccontextmanager
async def replicas(database_url: str, scenario: Scenario, count: int) -> AsyncIterator[list[Replica]]:
    """Several Apps on one database and one carrier; each has its own transport, so a test says who takes a job in."""
    async with SimulatedCarrier(scenario) as carrier, AsyncExitStack() as parts:
        looker = await connect(database_url)
        parts.push_async_callback(looker.close)
        await apply(looker, read_catalogue(catalogue(carrier.url), "test"), who="test")
        yield [await parts.enter_async_context(_running(database_url, looker, carrier)) for _ in range(count)]


@asynccontextmanager
async def _running(database_url: str, looker: asyncpg.Pool, carrier: SimulatedCarrier) -> AsyncIterator[Replica]:
    port = free_port()
    transport = InProcessTransport()
    options = AppOptions(
        database_url=database_url, public_url=f"http://127.0.0.1:{port}", callbacks_port=port, drain_s=5.0
    )
    app = App(options, transport, lambda _reference: SecretStr("secret-token"), Metrics())
    await app.start()
    one = Replica(app, looker, carrier, transport)

    def note(event: OutgoingEvent) -> None:
        one.events.append(json.loads(event.body))

    transport.broker.listeners.append(note)
    try:
        yield one
    finally:
        await app.stop()
