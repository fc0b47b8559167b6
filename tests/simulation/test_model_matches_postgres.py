"""The model of the database does what PostgreSQL does: the same random turns on both leave the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from outdial.catalogue.apply import apply
from outdial.catalogue.live_pools import LivePools
from outdial.catalogue.read import read_catalogue
from outdial.dispatch.board import Board
from outdial.dispatch.desk import Desk
from outdial.dispatch.plan import Margins
from outdial.dispatch.turn import TurnSetting, take_turn
from outdial.ports.records import CallIdentity, DueCheck, LineAsk
from outdial.ports.store import NewAttempt, Store
from outdial.postgres.catalogue import load_catalogue
from outdial.postgres.pool import connect
from outdial.postgres.store import PostgresStore
from outdial.postgres.weights import load_weights
from outdial.rules import call_fate as fate
from outdial.rules.blocker import Blocker
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, TenantId
from outdial.rules.outcome import Outcome
from tests.simulation.carrier_model import EPOCH
from tests.simulation.database_model import Database
from tests.simulation.recorder import Recorder
from tests.simulation.store_model import ModelStore
from tests.simulation.tables import Tables
from tests.simulation.weather import Weather
from tests.simulation.worker import METRICS
from tests.support.clock import FakeClock
from tests.support.daemon import catalogue

STEPS = 40
TENANT = TenantId("acme")
CAMPAIGNS = (CampaignId("spring"), CampaignId("autumn"), CampaignId("winter"))
MORE_CAMPAIGNS = """
[campaigns.autumn]
tenant = "acme"
primary = "n2"
pool = ["n2", "n3"]
max_calls = 2
calling_hours = "always"
[campaigns.winter]
tenant = "acme"
primary = "n1"
pool = ["n1"]
max_calls = 1
calling_hours = "always"
sticky = { bind_on = "placed" }
"""
"""They share numbers, contacts and the connection with the first; each has a limit of its own."""
ANSWER = {"twilio": {"url": "http://answers.example/x"}}
"""Without it no number may call."""


class Side:
    """One store with all that a turn needs; both sides draw the same random numbers."""

    def __init__(self, store: Store, pools: LivePools, clock: FakeClock, seed: int) -> None:
        rng, ids = Random(seed), Random(seed)
        self.store, self.desk = store, Desk(100, clock)
        self.setting = TurnSetting(
            store=store, pools=pools, board=Board(pools, batch=50, ahead_s=0.25), clock=clock, metrics=METRICS,
            margins=Margins(10.0, 10.0), ahead_s=0.25, sweep_batch=50, rng=rng,
            new_id=lambda: UUID(int=ids.getrandbits(128), version=4),
        )  # fmt: skip

    async def turn(self, reports: Sequence[tuple[CallIdentity, fate.Report]], cancels: Sequence[AttemptKey]) -> Any:
        """One turn over everything that waits in the any-line; returns what it intends."""
        for identity, report in reports:
            _ = self.desk.report(identity, report)
        _ = self.desk.cancel(cancels)
        self.desk.sweep()
        await self.setting.pools.reload()
        return await take_turn(
            self.setting, self.desk.take(hurry=True), [LineAsk(campaign, "", 3) for campaign in CAMPAIGNS]
        )


def _news(rng: Random, now: float) -> fate.Report:
    outcome = rng.choice([Outcome.ANSWERED_UNKNOWN, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.SPAM_BLOCKED])
    answered = outcome is Outcome.ANSWERED_UNKNOWN
    reports: list[fate.Report] = [
        fate.WasAccepted("call", "queued", now),
        fate.HasNews(CallNews(Progress.RINGING, "call"), now),
        fate.HasNews(CallNews(Progress.FINAL, "call", outcome=outcome, was_answered=answered), now),
        fate.WasNotSent("too_late"),
        fate.WasDeferred("429", 2.0),
        fate.WasRefused(Outcome.CALLER_ID_REJECTED, "failed", "21212"),
        fate.MayExist("timeout", 5.0),
        fate.IsNowhere(True, now + 60.0),
    ]
    return rng.choice(reports)


def _attempt(rng: Random, now: float) -> NewAttempt:
    key = AttemptKey(TENANT, AttemptId(UUID(int=rng.getrandbits(128), version=4)))
    contact = E164(f"+1202555{rng.randint(200, 204):04d}")
    return NewAttempt(
        key=key, campaign=rng.choice(CAMPAIGNS), contact=contact, request={"to": contact, "answer": ANSWER}, body_hash=b"x", received_at=now,
        urgency=rng.randint(0, 9), attempt_no=None, due_at=now, not_after=now + rng.choice([6.0, 500.0]),
        blocker=Blocker.IN_LINE, look_at=now + 500.0,
    )  # fmt: skip


async def _rows(pool: asyncpg.Pool) -> dict[str, Any]:
    fetch = pool.fetch
    return {
        "waiting": {
            (r[0], r[1], r[2], r[3]) for r in await fetch("select attempt_id, line, blocker, picks from waiting")
        },
        "calls": {
            (*r[:5], round(r[5], 3))
            for r in await fetch(
                "select attempt_id, number, state, progress, cancel_requested, next_check_at from calls"
            )
        },
        "outcomes": {tuple(r) for r in await fetch("select attempt_id, outcome, number, corrections from outcomes")},
        "limits": {tuple(r) for r in await fetch("select kind, id, in_use, failures from limits")},
        "sticky": {tuple(r) for r in await fetch("select campaign, contact, number, bound_by from sticky")},
        "members": {tuple(r) for r in await fetch("select campaign, number, attempts, answered from member_stats")},
        "health": {tuple(r) for r in await fetch("select number, failures from number_health")},
        "cancellations": {r[0] for r in await fetch("select attempt_id from cancellations")},
        "outbox": {str(r[0]) for r in await fetch("select event_id from outbox")},
    }


def _model_rows(t: Tables) -> dict[str, Any]:
    calls = [row.call for row in t.calls.values()]
    return {
        "waiting": {(k.attempt_id, s.attempt.line, s.attempt.blocker, s.attempt.picks) for k, s in t.waiting.items()},
        "calls": {
            (
                c.identity.key.attempt_id,
                c.identity.number,
                c.facts.state,
                c.facts.progress,
                c.cancel_requested,
                round(c.facts.next_check_at, 3),
            )
            for c in calls
        },
        "outcomes": {
            (k.attempt_id, r.outcome, r.ended.call.identity.number if r.ended.call else None, r.corrections)
            for k, r in t.outcomes.items()
        },
        "limits": {(k.kind, k.id, limit.in_use, limit.circuit.failures) for k, limit in t.limits.items()},
        "sticky": {(*key, a.number, a.bound_by) for key, a in t.sticky.items()},
        "members": {(k.campaign, k.number, s.attempts, s.answered) for k, s in t.members.items()},
        "health": {(number, health.failures) for number, health in t.health.items()},
        "cancellations": {k.attempt_id for k in t.cancellations},
        "outbox": set(t.outbox),
    }


def _due(checks: Sequence[DueCheck]) -> list[tuple[Any, ...]]:
    """PostgreSQL hands them out in no order."""
    return sorted(
        (c.identity.placement, c.identity.slots, c.facts.state, round(c.facts.next_check_at, 3), c.facts.carrier_call_id,
         round(c.intent_at, 3), round(c.deadline, 3), c.from_number, c.cancel_requested)
        for c in checks
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_the_same_turns_leave_the_same_rows(database_url: str, seed: int) -> None:
    pool, rng, clock = await connect(database_url), Random(seed), FakeClock(EPOCH)
    await apply(pool, read_catalogue(catalogue("http://127.0.0.1:1") + MORE_CAMPAIGNS, "test"), who="test")

    async def weights_of_postgres(now: float) -> Any:
        return await load_weights(pool, now)

    async def catalogue_of_postgres() -> Any:
        async with pool.acquire() as connection:
            return await load_catalogue(connection)

    real = PostgresStore(pool, UUID(int=1), 1)
    tables = Tables(Recorder(), await catalogue_of_postgres())
    tables.limits.update(await real.limits())
    model = ModelStore(Database(tables, Weather(longest_delay=0.0), Random(0)), UUID(int=1))
    pools = LivePools(catalogue_of_postgres, weights_of_postgres, clock, spam_threshold=0.75)
    model_pools = LivePools(model.load_catalogue, model.load_weights, clock, spam_threshold=0.75)
    sides = [Side(real, pools, clock, seed), Side(model, model_pools, clock, seed)]
    known: list[CallIdentity] = []
    keys: list[AttemptKey] = []
    asked = 0
    for step in range(STEPS):
        now = clock.now()
        new = [_attempt(rng, now) for _ in range(rng.randint(0, 3))]
        keys += [attempt.key for attempt in new]
        reports = [(identity, _news(rng, now)) for identity in known if rng.random() < 0.4]
        cancels = [key for key in keys if rng.random() < 0.04]
        results = []
        for side in sides:
            taken = await side.store.take_in(new)
            results.append((taken, await side.turn(reports, cancels)))
        (taken, here), (model_taken, there) = results
        assert list(taken) == list(model_taken)
        assert [i.placement for i in here.intents] == [i.placement for i in there.intents]
        known += [CallIdentity(i.attempt.key, i.placement, i.attempt.contact, i.slots, i.number) for i in here.intents]
        if rng.random() < 0.3:
            at_most = rng.randint(1, 5)
            here_due, there_due = [_due(await side.store.due_checks(now + 20.0, now + 50.0, at_most)) for side in sides]
            assert here_due == there_due, f"in step {step}"
            asked += len(here_due)
        assert _model_rows(tables) == await _rows(pool), f"after step {step}"
        clock.jump(rng.uniform(0.1, 4.0))
    assert min(len(known), len(tables.outcomes)) > 5, "nothing was dialled: the rows were the same for nothing"
    assert asked > 1
    assert [v for v in tables.book.violations if "given up" not in v] == []  # searches are made up here, not made
    await pool.close()
