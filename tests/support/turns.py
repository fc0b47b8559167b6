"""Replicas whose turns a test takes by hand: real rules on a real database, a clock that stands, no carrier.

What a carrier would say is handed in as reports, so a call's whole life takes some milliseconds and any order of news
can be tried. Several on one database are several replicas.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import asyncpg

from outdial.catalogue.apply import apply
from outdial.catalogue.live_pools import LivePools
from outdial.catalogue.read import read_catalogue
from outdial.dispatch.board import Board
from outdial.dispatch.desk import Work
from outdial.dispatch.place import identity_of
from outdial.dispatch.plan import Margins
from outdial.dispatch.turn import StaleSnapshot, TurnResult, TurnSetting, take_turn
from outdial.ports.messages import OutgoingEvent
from outdial.ports.store import CallIdentity, Intent, LineAsk, NewAttempt
from outdial.postgres.catalogue import load_catalogue
from outdial.postgres.pool import connect
from outdial.postgres.store import PostgresStore
from outdial.postgres.weights import load_weights
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import HasNews, Report, WasAccepted
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, TenantId
from outdial.rules.outcome import Outcome
from outdial.rules.pool_weights import PoolWeights
from outdial.telemetry.metrics import Metrics
from tests.support.clock import FakeClock

TENANT, SPRING = TenantId("acme"), CampaignId("spring")
CONTACT = "+13125550100"
TWO_LINES = """
[tenants.acme]
[connections.one]
provider = "twilio"
base_url = "http://127.0.0.1:1"
account = "AC00000000000000000000000000000001"
max_calls = 100
credentials = { auth_token = "env:OUTDIAL_TEST_TOKEN" }
[connections.two]
provider = "twilio"
base_url = "http://127.0.0.1:1"
account = "AC00000000000000000000000000000002"
max_calls = 100
credentials = { auth_token = "env:OUTDIAL_TEST_TOKEN" }
[numbers.a]
e164 = "+12025550101"
tenant = "acme"
connection = "one"
[numbers.b]
e164 = "+12025550102"
tenant = "acme"
connection = "two"
[numbers.c]
e164 = "+12025550103"
tenant = "acme"
connection = "two"
[campaigns.spring]
tenant = "acme"
primary = "a"
pool = ["a", "b", "c"]
calling_hours = "always"
optional_events = ["placed"]
"""
"""Number a on one connection, b and c on the other."""


@dataclass(slots=True)
class HandReplica:
    """One replica; `turn` is all it does."""

    pool: asyncpg.Pool
    store: PostgresStore
    pools: LivePools
    clock: FakeClock
    setting: TurnSetting
    events: list[OutgoingEvent] = field(default_factory=list)

    async def apply(self, text: str) -> None:
        """Apply a catalogue file; the limits are seen, as a poll would."""
        await apply(self.pool, read_catalogue(text, "test"), who="test")
        self.setting.board.saw(await self.store.limits())

    async def wait_in(
        self, contact: str = CONTACT, *, campaign: CampaignId = SPRING, attempt_no: int | None = None,
        ttl_s: float = 86_400.0, **request: Any,
    ) -> AttemptKey:  # fmt: skip
        """Put an attempt into the waiting room."""
        key, now = AttemptKey(TENANT, AttemptId(uuid.uuid4())), self.clock.now()
        body = {"to": contact, "answer": {"twilio": {"url": "http://answers.example/x"}}, **request}
        attempt = NewAttempt(
            key, campaign, E164(contact), body, b"", now, 4, attempt_no, now, now + ttl_s, Blocker.IN_LINE, now + ttl_s
        )
        await self.store.take_in([attempt])
        return key

    async def turn(self, *reports: tuple[CallIdentity, Report], sweep: bool = False) -> TurnResult:
        """One turn with these reports, on a snapshot just read."""
        loop = asyncio.get_running_loop()
        work = Work([(identity, report, loop.create_future()) for identity, report in reports], sweep=sweep)
        asks = [LineAsk(campaign, line, 200) for campaign, line in await self.store.lines()]
        while True:
            await self.pools.reload()
            try:
                result = await take_turn(self.setting, work, asks)
            except StaleSnapshot:
                continue
            self.events += result.events
            return result

    async def dial(self, contact: str = CONTACT, **request: Any) -> Intent:
        """An attempt to that contact gets its number and slots; it must not have to wait."""
        key = await self.wait_in(contact, **request)
        result = await self.turn()
        return next(intent for intent in result.intents if intent.attempt.key == key)

    async def accept(self, intent: Intent) -> TurnResult:
        """The carrier took the call."""
        return await self.turn((identity_of(intent), self.accepted(intent)))

    async def end(self, intent: Intent, outcome: Outcome = Outcome.ANSWERED_UNKNOWN) -> TurnResult:
        """The carrier took the call, and it ended so."""
        return await self.turn((identity_of(intent), self.accepted(intent)), (identity_of(intent), self.final(outcome)))

    async def call(self, contact: str = CONTACT, outcome: Outcome = Outcome.ANSWERED_UNKNOWN, **request: Any) -> Intent:
        """A whole call."""
        intent = await self.dial(contact, **request)
        await self.end(intent, outcome)
        return intent

    def accepted(self, intent: Intent) -> WasAccepted:
        """The answer to the create request."""
        return WasAccepted(f"CA{intent.placement.hex}", "queued", self.clock.now())

    def final(self, outcome: Outcome) -> HasNews:
        """The carrier's last word about a call."""
        news = CallNews(Progress.FINAL, at=self.clock.now(), provider_status=outcome.value, outcome=outcome)
        return HasNews(news, self.clock.now())

    async def waiting(self, key: AttemptKey) -> Mapping[str, Any]:
        """The attempt's row in the waiting room."""
        row = await self.pool.fetchrow("select * from waiting where attempt_id = $1", key.attempt_id)
        assert row is not None, "it does not wait"
        return dict(row)

    async def sticky(self, contact: str = CONTACT, campaign: str = SPRING) -> Mapping[str, Any] | None:
        """The contact's row, whether it holds or not."""
        row = await self.pool.fetchrow("select * from sticky where campaign = $1 and contact = $2", campaign, contact)
        return dict(row) if row is not None else None

    def told(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of that kind so far."""
        bodies = [json.loads(event.body) for event in self.events]
        return [body["data"] for body in bodies if body["type"] == f"{kind}.v1"]


@asynccontextmanager
async def hand_replicas(
    url: str, count: int = 1, catalogue: str = TWO_LINES, *, clock: FakeClock | None = None
) -> AsyncIterator[list[HandReplica]]:
    """So many on one database, with one clock, which stands at the present."""
    clock = clock or FakeClock(now=time.time() + 1)
    made = [await _replica(url, clock, seed) for seed in range(count)]
    try:
        await made[0].apply(catalogue)
        yield made
    finally:
        for one in made:
            await one.pool.close()


@asynccontextmanager
async def hand_replica(url: str, catalogue: str = TWO_LINES) -> AsyncIterator[HandReplica]:
    """A single one."""
    async with hand_replicas(url, 1, catalogue) as (one,):
        yield one


async def _replica(url: str, clock: FakeClock, seed: int) -> HandReplica:
    pool = await connect(url)
    store = PostgresStore(pool, uuid.uuid4(), seed + 1)

    async def catalogue() -> CatalogueRows:
        async with pool.acquire() as connection:
            return await load_catalogue(connection)

    async def weights(now: float) -> PoolWeights:
        async with pool.acquire() as connection:
            return await load_weights(connection, now)

    pools = LivePools(catalogue, weights, clock, spam_threshold=0.75)
    setting = TurnSetting(
        store=store,
        pools=pools,
        board=Board(pools, batch=200, ahead_s=0.25),
        clock=clock,
        metrics=Metrics(),
        margins=Margins(20.0, 60.0),
        ahead_s=0.25,
        sweep_batch=500,
        rng=Random(seed),
        new_id=uuid.uuid4,
    )
    return HandReplica(pool, store, pools, clock, setting)
