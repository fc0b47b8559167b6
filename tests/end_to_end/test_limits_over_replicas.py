"""Three replicas as processes, twenty tenants, ten connections, limits changing live: judged by the carrier's own count."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.support.caps import CHANGES, run
from tests.support.crowd import CAMPAIGN_LIMITS, TENANT_LIMITS, TENANTS, Crowd
from tests.support.daemon import pause
from tests.support.fleet import Fleet, fleet
from tests.support.verdict import SeenCall, most_at_once, slot_seconds, spread

CALLS = 600


def test_the_judge_sees_overlaps_and_use() -> None:
    calls = [
        SeenCall("a", "+1", "x", 0.0, 2.0),
        SeenCall("a", "+1", "y", 2.0, 3.0),
        SeenCall("a", "+2", "z", 1.0, None),
    ]
    assert most_at_once(calls, lambda call: call.line) == {"a": 2}
    assert most_at_once(calls, lambda call: call.caller) == {"+1": 1, "+2": 1}
    assert slot_seconds(calls, 1.0, 4.0) == {"a": 5.0}
    assert spread({"a": 9, "b": 11}, ["a", "b"]) == (0.9, 1.1)
    assert spread({"a": 10}, ["a", "b"]) == (0.0, 2.0)


@pytest.mark.timeout(150)
async def test_no_limit_is_broken_while_limits_change(database_url: str, amqp_url: str, amqp_prefix: str) -> None:
    async with fleet(database_url, amqp_url, amqp_prefix, Crowd()) as one:
        seen = await run(one, 1.0, CHANGES[:4], warm_up=0.5)
        await one.end()
        drift = await one.pool.fetchval(
            "select sum(in_use) from limits where kind = 'connection'"
        ) - await one.pool.fetchval("select count(*) from calls")
    assert seen.violations == {}, seen.detail
    for tenant, limit in TENANT_LIMITS.items():
        assert 0 < seen.highest_tenant[f"t{tenant}"] <= limit
    for campaign, limit in CAMPAIGN_LIMITS.items():
        assert 0 < seen.highest_campaign[campaign] <= limit
    assert all(most > 0 for _, most in seen.rates.values()), "the judge of start rates had nothing to judge"
    assert drift == 0


@pytest.mark.timeout(150)
async def test_killed_at_full_load_its_calls_are_settled_by_the_others(
    database_url: str, amqp_url: str, amqp_prefix: str
) -> None:
    """No slot is lost, none given twice, and every attempt has one call at most.

    What was committed and not sent when it died looks like a call whose answer was lost: such attempts keep their slots
    for minutes, until the carrier has said twice that it has no call. All others end.
    """
    jobs = [(n % TENANTS, f"c{n % TENANTS}-0") for n in range(CALLS)]
    async with fleet(database_url, amqp_url, amqp_prefix, Crowd()) as one:
        publishing = asyncio.create_task(one.publish(jobs))
        async with asyncio.timeout(60):
            while (await one.carrier.ask("tally"))["accepted"] < CALLS // 6:
                await pause()
        await one.replicas[0].end(signal.SIGKILL)
        ids = set(await publishing)
        async with asyncio.timeout(100):
            while not await only_unsent_are_open(one):
                await pause()
        await one.end()
        tally = await one.carrier.ask("tally")
        ended = {str(row["attempt_id"]) for row in await one.pool.fetch("select attempt_id from outcomes")}
        left = {str(row["attempt_id"]): row["worker"] for row in await one.pool.fetch("select * from calls")}
        in_use = await one.pool.fetchval("select sum(in_use) from limits where kind = 'connection'")
    assert tally["violation_counts"] == {}, tally["violations"][:5]
    assert tally["max_calls_per_attempt"] == 1
    assert ended | left.keys() == ids
    assert len(set(left.values())) <= 1, "only the dead one may leave anything"
    assert in_use == len(left)


async def only_unsent_are_open(one: Fleet) -> bool:
    """Whether everything ended but calls that the carrier never heard of."""
    if await one.pool.fetchval("select count(*) from outcomes") + await one.pool.fetchval(
        "select count(*) from calls"
    ) < CALLS or await one.pool.fetchval("select exists (select from waiting)"):
        return False
    open_ones = {str(row["attempt_id"]) for row in await one.pool.fetch("select attempt_id from calls")}
    return not open_ones & {call.attempt for call in await one.carrier.calls()}
