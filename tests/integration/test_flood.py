"""One tenant's flood holds up nobody else: neither in another queue nor, once taken in, in its own. Measured by order, not by time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from outdial.rules.attempt_queues import QueueNames
from outdial.rules.ids import TenantId
from tests.support.daemon import LIMIT, scenario
from tests.support.replica import Replica, replica

FLOOD = 5_000
OTHERS = """
[tenants.OTHER]
[numbers.other]
e164 = "+12025550109"
tenant = "OTHER"
connection = "line"
[campaigns.single]
tenant = "OTHER"
primary = "other"
calling_hours = "always"
"""


@pytest.fixture
async def one(database_url: str) -> AsyncIterator[Replica]:
    behaving = scenario(ring_s=1.0, talk_s=1.0, answer_rate=1.0)
    accounts = {name: replace(account, any_number=True) for name, account in behaving.accounts.items()}
    async with replica(database_url, replace(behaving, accounts=accounts)) as started:
        yield started
        await started.pool.execute("truncate waiting")  # the flood need not be called to the end


def neighbour(*, same_queue: bool) -> str:
    """A tenant whose queue is, or is not, that of the flooding tenant `acme`."""
    names = QueueNames()
    queue = names.of(TenantId("acme"))
    return next(f"b{n}" for n in range(1000) if (names.of(TenantId(f"b{n}")) == queue) is same_queue)


async def flood(one: Replica) -> None:
    for n in range(FLOOD):
        await one.publish(f"+1312{2_000_000 + n}")


async def started_before(one: Replica, attempt: str) -> int:
    """How many calls of the flood were given a slot before this attempt was, once it was waiting."""
    await one.ended(attempt)
    count = await one.pool.fetchval(
        """
        select count(*) from (
            select intent_at, tenant from calls union all select intent_at, tenant from outcomes where placement is not null
        ) c
        cross join outcomes o
        where o.attempt_id = $1::uuid and c.tenant = 'acme' and c.intent_at > o.received_at and c.intent_at < o.intent_at
        """,
        attempt,
    )
    assert isinstance(count, int)
    return count


async def test_in_another_queue_it_does_not_even_wait_for_the_intake_of_the_flood(one: Replica) -> None:
    other = neighbour(same_queue=False)
    await one.apply(OTHERS.replace("OTHER", other))
    await flood(one)
    attempt = await one.publish("+14155550100", tenant=other, campaign_id="single")
    assert await started_before(one, attempt) <= 2 * LIMIT
    assert await one.pool.fetchval("select count(*) from outcomes") < FLOOD / 10


async def test_in_the_same_queue_it_is_next_once_it_is_taken_in(one: Replica) -> None:
    other = neighbour(same_queue=True)
    await one.apply(OTHERS.replace("OTHER", other))
    await flood(one)
    attempt = await one.publish("+14155550100", tenant=other, campaign_id="single")
    async with asyncio.timeout(60):
        assert await started_before(one, attempt) <= 2 * LIMIT
    assert await one.pool.fetchval("select count(*) from waiting") > FLOOD / 2
