"""The gauges of pools against a real database: what waits, what is free, which numbers may call."""

from __future__ import annotations

from outdial.rules.outcome import Outcome
from outdial.upkeep.pool_figures import PoolGauges
from tests.support.daemon import LIMIT, scenario
from tests.support.replica import replica


async def test_a_pool_is_shown_while_it_has_work(database_url: str) -> None:
    async with replica(database_url, scenario(answer_rate=1.0, ring_s=1.0, talk_s=3_000.0)) as one:
        app = one.app
        value = app.metrics.registry.get_sample_value
        gauges = PoolGauges(app.store, app.upkeep_queries, app.pools, app.clock, app.metrics)
        await gauges.look()
        assert value("outdial_pool_ceiling", {"campaign": "spring"}) is None, "nothing to dial, no series"

        await one.pool.execute("update numbers set paused = true where number = 'n3'")
        await app.pools.reload()
        calls = [await one.publish(f"+1202555{n:04d}") for n in range(2)]
        late = await one.publish("+12025559999", not_before="2099-01-01T00:00:00Z", not_after="2099-01-02T00:00:00Z")
        await one.waiting(late, "not_due")
        await one.until(lambda: (value("outdial_intents_total", {"campaign": "spring"}) or 0) >= len(calls))
        await gauges.look()
        await app.upkeep.show_figures()
        spring = {"campaign": "spring"}
        assert value("outdial_pool_ceiling", spring) == LIMIT
        assert value("outdial_pool_free_slots", spring) == LIMIT - len(calls)
        assert value("outdial_pool_waiting_attempts", spring) == 1
        assert value("outdial_pool_in_line_attempts", spring) == 0
        assert value("outdial_pool_numbers", {**spring, "state": "usable"}) == 2
        assert value("outdial_pool_numbers", {**spring, "state": "paused"}) == 1
        assert value("outdial_pool_binds", {**spring, "by": "connections"}) == 1
        assert value("outdial_slots_in_use", {"kind": "campaign", "id": "spring"}) == len(calls)
        assert value("outdial_clock_uncertainty_seconds") is not None


async def test_what_a_carrier_was_asked_and_what_it_called_back_is_counted_by_connection(database_url: str) -> None:
    async with replica(database_url, scenario(ring_s=1.0, talk_s=1.0)) as one:
        value, line = one.app.metrics.registry.get_sample_value, {"provider": "twilio", "connection": "line"}
        assert value("outdial_create_requests_total", {**line, "result": "accepted"}) == 0, "it exists from the start"
        for attempt in [await one.publish(f"+1202555{n:04d}") for n in range(3)]:
            await one.ended(attempt)
        assert value("outdial_create_requests_total", {**line, "result": "accepted"}) == 3
        assert value("outdial_create_request_seconds_count", {"provider": "twilio"}) == 3
        await one.until(lambda: (value("outdial_callbacks_total", {**line, "result": "applied"}) or 0) >= 3)
        counted = [
            value("outdial_pool_attempts_total", {"campaign": "spring", "answered": a}) or 0 for a in ("yes", "no")
        ]
        ended = sum(value("outdial_attempts_ended_total", {"provider": "twilio", "outcome": o}) or 0 for o in Outcome)
        assert sum(counted) == ended == 3
        assert value("outdial_calls_in_flight") == 0, "the carrier has answered all"


async def test_the_outbox_tells_how_long_its_oldest_event_waits(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        await one.pool.execute(
            "insert into outbox (event_id, tenant, routing_key, body, created_at, retry_at) values "
            "(gen_random_uuid(), 'acme', 'x', '{}', now() - interval '90 s', now() + interval '1 day')"
        )
        await one.app.upkeep.show_figures()
        value = one.app.metrics.registry.get_sample_value
        assert 85 < (value("outdial_outbox_oldest_seconds") or 0.0) < 3_600
        await one.pool.execute("delete from outbox")
        await one.app.upkeep.show_figures()
        assert value("outdial_outbox_oldest_seconds") == 0.0
