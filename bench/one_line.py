"""One replica in this process, one connection, calls of a fixed length: how much of the connection's room is used?

The carrier is in the process too and costs nothing, so what is missing is the dispatcher's and the database's own.
The database is real and durable. Utilisation is slot-seconds of calls under way, counted by the carrier, against the
limit times the time; dead time is what a slot stands empty between two calls.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass

from bench.instant_carrier import InstantCarriers, Line
from pydantic import SecretStr

from outdial.app import App, AppOptions
from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded.transport import InProcessTransport
from outdial.postgres.pool import connect
from outdial.rules.ids import ConnectionId
from outdial.telemetry.metrics import Metrics

NUMBERS_PER_CAMPAIGN = 4
WARM_UP_CALLS = 4
"""Calls per slot before the measurement begins: caches, prepared statements, the first tables."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run showed."""

    limit: int
    call_s: float
    tenants: int
    per_s: float
    possible_per_s: float
    utilisation: float
    dead_ms: float
    violations: int
    highest: int
    shares: tuple[float, float]
    """The least and the most served tenant, against the mean."""
    turns_per_s: float


def catalogue(lines: int, limit: int, tenants: int) -> str:
    """Tenants with one campaign each, whose numbers go through all lines in turn."""
    parts = [
        f'[connections.line{line}]\nprovider = "twilio"\nbase_url = "http://127.0.0.1:1"\n'
        f'account = "AC{line:032d}"\nmax_calls = {limit}\ncredentials = {{ auth_token = "env:OUTDIAL_TEST_TOKEN" }}\n'
        for line in range(lines)
    ]
    for tenant in range(tenants):
        names = [f"n{tenant}-{k}" for k in range(max(NUMBERS_PER_CAMPAIGN, lines))]
        parts.append(f"[tenants.t{tenant}]\n")
        for k, name in enumerate(names):
            e164 = f"+1202{2_000_000 + tenant * 1000 + k}"
            parts.append(f'[numbers.{name}]\ne164 = "{e164}"\ntenant = "t{tenant}"\nconnection = "line{k % lines}"\n')
        pool = ", ".join(f'"{name}"' for name in names)
        parts.append(
            f'[campaigns.c{tenant}]\ntenant = "t{tenant}"\nprimary = "{names[0]}"\npool = [{pool}]\n'
            'calling_hours = "always"\nselection = { prefer_country_match = false }\nrotation = { volume_budget_24h = 1000000 }\n'
        )
    return "\n".join(parts)


def job(tenant: int, number: int) -> bytes:
    """One attempt to a contact of its own."""
    attempt_id = str(uuid.uuid4())
    return json.dumps(
        {
            "attempt_id": attempt_id,
            "tenant_id": f"t{tenant}",
            "campaign_id": f"c{tenant}",
            "to": f"+1312{2_000_000 + number}",
            "answer": {"twilio": {"url": "http://answers.example/x"}},
        }
    ).encode()


async def measure(
    url: str, *, lines: int = 1, limit: int = 50, tenants: int = 1, call_s: float = 0.05, seconds: float = 10.0
) -> Figures:
    """Dial for so many seconds with work always waiting. `url`: an empty, migrated database."""
    carriers = InstantCarriers([Line(ConnectionId(f"line{n}"), limit) for n in range(lines)], call_s)
    transport, metrics = InProcessTransport(), Metrics()
    options = AppOptions(database_url=url, public_url="http://127.0.0.1:1", callbacks_port=0, drain_s=5.0)
    app = App(options, transport, lambda _reference: SecretStr("x"), metrics, carriers)
    looker = await connect(url)
    await apply(looker, read_catalogue(catalogue(lines, limit, tenants), "bench"), who="bench")
    await app.start()
    carriers.deliver = app.dispatcher.follower.deliver
    possible = lines * limit / call_s
    try:
        feeding = asyncio.create_task(_feed(transport, carriers, tenants, ahead=10 * lines * limit))
        await _until_started(carriers, lines * limit * WARM_UP_CALLS)
        before = _seen(carriers, metrics)
        await asyncio.sleep(seconds)
        after = _seen(carriers, metrics)
        feeding.cancel()
    finally:
        await looker.execute("truncate waiting")
        await app.stop()
        await looker.close()
    elapsed = after.at - before.at
    started, busy = after.started - before.started, after.busy_s - before.busy_s
    shares = [after.tenants.get(t, 0) - before.tenants.get(t, 0) for t in range(tenants)]
    mean = max(sum(shares) / tenants, 1e-9)
    idle = max(0.0, lines * limit * elapsed - busy)
    return Figures(
        limit=limit,
        call_s=call_s,
        tenants=tenants,
        per_s=started / elapsed,
        possible_per_s=possible,
        utilisation=busy / (lines * limit * elapsed),
        dead_ms=1000 * idle / max(started, 1),
        violations=sum(line.violations for line in carriers.lines.values()),
        highest=max(line.highest for line in carriers.lines.values()),
        shares=(min(shares) / mean, max(shares) / mean),
        turns_per_s=(after.turns - before.turns) / elapsed,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    at: float
    started: int
    busy_s: float
    turns: float
    tenants: dict[int, int]


def _seen(carriers: InstantCarriers, metrics: Metrics) -> _Seen:
    tenants: dict[int, int] = {}
    for line in carriers.lines.values():
        line.move(0)
        for number, dials in line.by_number.items():
            tenant = (int(number.removeprefix("+1202")) - 2_000_000) // 1000
            tenants[tenant] = tenants.get(tenant, 0) + dials
    turns = next(s.value for m in metrics.turn_seconds.collect() for s in m.samples if s.name.endswith("_count"))
    return _Seen(
        asyncio.get_running_loop().time(),
        sum(line.started for line in carriers.lines.values()),
        sum(line.busy_s for line in carriers.lines.values()),
        turns,
        tenants,
    )


async def _feed(transport: InProcessTransport, carriers: InstantCarriers, tenants: int, ahead: int) -> None:
    """Publish as fast as calls start, `ahead` attempts before them: intake costs what it costs in steady state."""
    published = 0
    while True:
        while published < ahead + sum(line.started for line in carriers.lines.values()):
            body = job(published % tenants, published)
            await transport.broker.publish_attempt(f"t{published % tenants}", body, type_="call_attempt.requested.v1")
            published += 1
        await asyncio.sleep(0.01)


async def _until_started(carriers: InstantCarriers, calls: int) -> None:
    async with asyncio.timeout(60):
        while sum(line.started for line in carriers.lines.values()) < calls:  # noqa: ASYNC110  # it signals nothing
            await asyncio.sleep(0.01)
