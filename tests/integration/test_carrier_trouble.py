"""A carrier in trouble, two replicas on one database: back-off and circuit are shared, other connections go on."""

from __future__ import annotations

from typing import Any

import pytest

from outdial.carrier import Scenario
from outdial.carrier.faults import Fault
from outdial.rules.circuit import FAILURES_IN_A_ROW
from tests.support.daemon import ACCOUNT
from tests.support.replica import Replica, replica, replicas

SECOND_ACCOUNT = "AC" + "0" * 31 + "8"
QUICK = {"ring_s": 1.0, "talk_s": 1.0, "setup_s": 0.1, "answer_rate": 1.0}
SECOND = """
[connections.second]
provider = "twilio"
base_url = "URL"
account = "ACCOUNT"
max_calls = 8
credentials = { auth_token = "env:OUTDIAL_TEST_TOKEN" }
[numbers.s1]
e164 = "+12025550201"
tenant = "acme"
connection = "second"
[campaigns.spring]
pool = ["n1", "n2", "n3", "s1"]
"""
FAILING = Fault("status", "create", "line", status=500, done=False)


def told(**first: Any) -> Scenario:
    """Two accounts; what is given changes the first."""
    one = {"account_id": ACCOUNT, "auth_token": "secret-token", "any_number": True, **first}
    two = {"account_id": SECOND_ACCOUNT, "auth_token": "secret-token", "any_number": True}
    return Scenario.from_mapping(
        {"seed": 5, "speed": 30.0, "behaviour": QUICK, "accounts": {"line": one, "second": two}}
    )


async def circuit(one: Replica) -> Any:
    """The shared row of the first connection."""
    return await one.pool.fetchrow("select * from limits where kind = 'connection' and id = 'line'")


async def opened(one: Replica) -> Any:
    """Wait until it is open."""

    async def look() -> Any:
        row = await circuit(one)
        return row if row["open_until"] is not None else None

    return await one.until_found(look)


async def creates(one: Replica) -> int:
    """Create requests that the carrier's fault rule saw."""
    return int(str(one.carrier.faults.counts()[0]["seen"]))


async def test_a_failing_connection_is_left_alone_by_all_and_the_other_one_goes_on(database_url: str) -> None:
    async with replicas(database_url, told(), 2) as (one, two):
        one.carrier.faults.add(FAILING)
        for n in range(FAILURES_IN_A_ROW):
            await (one if n % 2 else two).publish(f"+1312555{n:04d}")
        row = await opened(one)
        assert row["open_until"] is not None
        seen = await creates(one)
        await one.apply(SECOND.replace("URL", one.carrier.url).replace("ACCOUNT", SECOND_ACCOUNT))
        await two.until(lambda: two.app.pools.version == one.app.pools.version)
        ids = [(one if n % 2 else two, f"+1312556{n:04d}") for n in range(10)]
        for who, contact in ids:
            ended = await one.ended(await who.publish(contact))
            assert ended["connection"] == "second"
        assert await creates(one) == seen
        for who in (one, two):
            await who.app.upkeep.show_figures()
            assert gauge(who, "line") == 1.0
            assert gauge(who, "second") == 0.0


def gauge(one: Replica, connection: str) -> float | None:
    """The metric of its circuit."""
    return one.app.metrics.registry.get_sample_value("outdial_circuits_open", {"connection": connection})


async def test_one_probe_over_all_replicas_and_its_success_closes_the_circuit(database_url: str) -> None:
    async with replicas(database_url, told(), 2) as (one, two):
        slow = Fault("late", "create", "line", seconds=1.5, times=1)
        one.carrier.faults.add(slow)
        await one.pool.execute(
            "update limits set open_until = now() - interval '1 s' where kind = 'connection' and id = 'line'"
        )
        ids = [await (one if n % 2 else two).publish(f"+1312555{n:04d}") for n in range(12)]

        async def probing() -> Any:
            row = await circuit(one)
            return row if row["probe"] is not None else None

        await one.until_found(probing)
        assert await one.pool.fetchval("select count(*) from calls") == 1
        for attempt_id in ids:
            await one.ended(attempt_id)
        row = await circuit(one)
        assert (row["open_until"], row["probe"]) == (None, None)
        assert one.carrier.tally()["max_calls_per_attempt"] == 1


async def test_a_probe_whose_answer_is_lost_is_proven_by_its_callback(database_url: str) -> None:
    """The worker dies with the answer; the call itself shows that the carrier works."""
    async with replica(database_url, told()) as one:
        one.carrier.faults.add(Fault("late", "create", "line", seconds=12.0, times=1))
        await one.pool.execute(
            "update limits set open_until = now() - interval '1 s' where kind = 'connection' and id = 'line'"
        )
        await one.ended(await one.publish())
        assert (await circuit(one))["open_until"] is None
        await one.ended(await one.publish("+12025550144"))


async def test_a_blocked_account_opens_the_circuit_at_once_and_the_attempt_waits(database_url: str) -> None:
    async with replica(database_url, told(suspended=True)) as one:
        attempt_id = await one.publish()
        await opened(one)
        await one.waiting(attempt_id, "in_line")
        assert one.carrier.tally()["accepted"] == 0
        await one.apply(SECOND.replace("URL", one.carrier.url).replace("ACCOUNT", SECOND_ACCOUNT))
        assert (await one.ended(attempt_id))["connection"] == "second"


async def test_429_holds_the_connection_back_for_all_and_never_opens_the_circuit(database_url: str) -> None:
    async with replicas(database_url, told(), 2) as (one, two):
        one.carrier.faults.add(Fault("status", "create", "line", status=429, retry_after_s=1.0, times=6))
        ids = [await (one if n % 2 else two).publish(f"+1312555{n:04d}") for n in range(12)]
        for attempt_id in ids:
            assert (await one.ended(attempt_id))["outcome"] == "answered_unknown"
        row = await circuit(one)
        assert (row["failures"], row["open_until"]) == (0, None)
        assert row["backoff_until"] is not None
        assert one.carrier.tally()["max_calls_per_attempt"] == 1


@pytest.mark.parametrize("lowered", [1, 0])
async def test_a_limit_lowered_below_its_use_stops_new_starts_and_harms_no_call(
    database_url: str, lowered: int
) -> None:
    async with replica(database_url, told()) as one:
        one.carrier.faults.add(Fault("late", "create", "line", seconds=1.0, times=6))
        ids = [await one.publish(f"+1312555{n:04d}") for n in range(6)]

        async def all_begun() -> Any:
            return True if await one.pool.fetchval("select count(*) from calls") == 6 else None

        await one.until_found(all_begun)
        await one.apply(f"[connections.line]\nmax_calls = {lowered}\n")
        rest = [await one.publish(f"+1312556{n:04d}") for n in range(3)]
        for attempt_id in ids:
            assert (await one.ended(attempt_id))["outcome"] == "answered_unknown"
        if lowered == 0:
            await one.waiting(rest[-1], "in_line")
            assert one.carrier.tally()["accepted"] == 6
            await one.apply("[connections.line]\nmax_calls = 8\n")
        for attempt_id in rest:
            assert (await one.ended(attempt_id))["outcome"] == "answered_unknown"
        assert await one.pool.fetchval("select sum(in_use) from limits") == 0
