"""Overload: a queue stops at its high-water mark, its backlog stays at the broker, all other queues go on."""

from __future__ import annotations

from typing import Any

from outdial.carrier import Scenario
from outdial.rules.ids import TenantId
from tests.support.daemon import ACCOUNT, scenario
from tests.support.replica import Replica, replica

LATER = {"not_before": "2099-01-01T00:00:00Z", "not_after": "2099-01-02T00:00:00Z"}
TWO_TENANTS = """
[tenants.acme]
queue = 0
[tenants.other]
queue = 1
[numbers.o1]
e164 = "+12025550301"
tenant = "other"
connection = "line"
[campaigns.other]
tenant = "other"
primary = "o1"
calling_hours = "always"
"""
FILL = """
insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, received_at)
select 'acme', gen_random_uuid(), 'spring', '+1312' || i, null, 4, now(), 'infinity', 'infinity', 'not_due', now()
from generate_series(1, $1::int) i
"""


def any_number() -> Scenario:
    """Calls from whatever number."""
    account = {"account_id": ACCOUNT, "auth_token": "secret-token", "any_number": True}
    return Scenario.from_mapping({"seed": 5, "speed": 30.0, "accounts": {"line": account}})


async def marked(one: Replica, mark: int) -> None:
    """With a mark that a test can reach."""
    one.app.high_water._mark = mark
    await one.app.high_water.look()


async def room(one: Replica, tenant: str) -> int:
    """How many attempts of the tenant were taken in."""
    return int(await one.pool.fetchval("select count(*) from attempts where tenant = $1", tenant))


async def test_at_its_mark_a_queue_stops_and_the_others_go_on(database_url: str) -> None:
    async with replica(database_url, any_number()) as one:
        await one.apply(TWO_TENANTS)
        full = one.transport.names.of(TenantId("acme"), 0)
        await one.pool.execute(FILL, 20)
        await marked(one, 20)
        assert one.app.high_water.above() == [full]
        for n in range(5):
            await one.publish(f"+1312555{n:04d}", **LATER)
        other = await one.publish("+12025550199", tenant="other", campaign_id="other")
        assert (await one.ended(other))["placement"] is not None
        assert await room(one, "acme") == 0
        assert one.transport.broker.depth() == 5
        assert sample(one, "high_water") == 1.0
        await one.pool.execute("delete from waiting where contact > '+131217'")
        await one.app.high_water.look()
        assert one.app.high_water.above() == []

        async def taken() -> Any:
            return True if await room(one, "acme") == 5 else None

        await one.until_found(taken)
        assert sample(one, "high_water") == 0.0


def sample(one: Replica, why: str) -> float | None:
    """The gauge."""
    return one.app.metrics.registry.get_sample_value("outdial_queues_not_consumed", {"why": why})


async def test_a_replica_above_its_mark_stays_ready_and_tells_which_queue_it_is(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        assert one.app.queues_not_consumed() is None
        await one.pool.execute(FILL, 3)
        await marked(one, 3)
        told = one.app.queues_not_consumed()
        assert told is not None
        assert told.startswith("above the high-water mark: outdial.attempts.")
        assert await one.app.is_database_ready()


async def test_a_flood_ends_near_the_mark(database_url: str) -> None:
    """What is in the waiting room above the mark is at most what was on its way when the queue was stopped."""
    async with replica(database_url, scenario()) as one:
        await marked(one, 50)
        for n in range(120):
            await one.publish(f"+1312555{n:04d}", **LATER)

        async def stopped() -> Any:
            await one.app.high_water.look()
            return one.app.high_water.above() or None

        await one.until_found(stopped)
        for n in range(120, 160):
            await one.publish(f"+1312555{n:04d}", **LATER)
        await one.app.high_water.look()
        waiting = await one.pool.fetchval("select count(*) from waiting")
        assert waiting + one.transport.broker.depth() == 160
        assert one.transport.broker.depth() >= 40


async def test_the_audit_sets_a_drifted_counter_right_and_says_so(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        await one.app.background.stop(within_s=5.0)  # its own audits would take this one's part
        await one.app.upkeep.audit_slots()
        assert drift(one) == 0.0
        await one.pool.execute("update limits set in_use = in_use + 2 where kind = 'connection'")
        await one.app.upkeep.audit_slots()
        assert drift(one) == 2.0
        assert await one.pool.fetchval("select sum(in_use) from limits") == 0
        violated = {"invariant": "slot_drift"}
        assert one.app.metrics.registry.get_sample_value("outdial_invariant_violations_total", violated) == 1.0
        await one.app.upkeep.audit_slots()
        assert drift(one) == 0.0


def drift(one: Replica) -> float | None:
    """The gauge."""
    return one.app.metrics.registry.get_sample_value("outdial_slot_drift")
