"""Lines that break, servers that throw everybody out, a carrier at its worst: every attempt ends right all the same.

The parts are real, what breaks them is in between. Killing the broker and the database themselves, alarms and any mix of
all this belong to `make chaos`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import aiohttp
import pytest

from outdial.carrier.faults import Fault
from tests.support.crew import Crew
from tests.support.daemon import pause
from tests.support.proxy import Proxy
from tests.support.services import Services
from tests.support.side_by_side import side_by_side

Hits = int
"""How often the fault really hit; none would prove nothing."""
Story = Callable[[Crew], Awaitable[Hits]]
THROW_OUT = """
select count(pg_terminate_backend(pid)) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name = 'outdial'
"""


async def _called(one: Crew, count: int) -> None:
    await one.carrier.wait_for(lambda: one.carrier.tally()["accepted"] >= count, timeout_s=60)


def _hits(one: Crew) -> int:
    return min(int(str(rule["hits"])) for rule in one.carrier.faults.counts())


async def _not_one_callback_arrives(one: Crew) -> Hits:
    for fault in (
        Fault("lost", "callback"),
        Fault("status", "fetch", status=500, times=2),
    ):
        one.carrier.faults.add(fault)
    await one.start()
    await one.ended(await one.publish(10))
    return _hits(one)


async def _no_create_is_answered_well(one: Crew) -> Hits:
    """The first dozen of requests: each is made and answered badly, refused for now, or neither."""
    first = frozenset({1})
    for fault in (
        Fault("status", "create", status=500, done=True, nth=first),
        Fault("status", "create", status=502, body="html", nth=first),
        Fault("reset", "create", done=True, nth=first),
        Fault("reset", "create", nth=first),
        Fault("status", "create", status=429, retry_after_s=0.1, nth=first),
        Fault("truncated", "create", nth=first),
        Fault("drip", "create", seconds=4.0, nth=first),
        Fault("late", "create", seconds=4.0, nth=first),
        Fault("no_id", "create", nth=first),
        Fault("callback_first", "create", seconds=1.0, nth=first),
    ):
        one.carrier.faults.add(fault)
    one.carrier.faults.add(Fault("list_lag", "list", seconds=1.0))
    await one.start()
    await one.ended(await one.publish(12))
    return _hits(one)


async def _everybody_is_thrown_out_of_the_database(one: Crew) -> Hits:
    await one.start()
    publishing = asyncio.create_task(one.publish(20))
    thrown_out = 0
    for count in (1, 4, 8):
        await _called(one, count)
        thrown_out += await one.pool.fetchval(THROW_OUT)
    await one.ended(await publishing)
    return thrown_out


async def _commits_are_not_answered(one: Crew) -> Hits:
    await one.start()
    one.to_database.cut_replies(b"COMMIT", times=6)
    await one.ended(await one.publish(12))
    return one.to_database.replies_cut // 6


async def _hold(way: Proxy, one: Crew) -> None:
    """Half-open, silent, cut: one after the other, each until something could have gone wrong by it."""
    way.half_open = True
    publishing = asyncio.create_task(one.publish(6))
    for _ in range(20):
        await pause()
    way.heal()
    way.freeze()
    for _ in range(20):
        await pause()
    way.thaw()
    way.cut_after(700)
    await publishing
    await one.publish(6)
    way.heal()
    way.cut()


async def _the_way_to_the_broker_breaks(one: Crew) -> Hits:
    await one.start()
    await _hold(one.to_broker, one)
    await one.ended(one.published)
    return len(one.published)


async def _the_way_to_the_carrier_breaks(one: Crew) -> Hits:
    await one.start()
    await _hold(one.to_carrier, one)
    await one.ended(one.published)
    return len(one.published)


async def _told_twice_to_stop(one: Crew) -> Hits:
    """The first SIGTERM takes it out of service, the second one ends it at once, with a request under way."""
    one.carrier.faults.add(Fault("late", "create", seconds=30.0))
    worker = await one.start(
        OUTDIAL_DISPATCH__REQUEST_TIMEOUT_S="40",
        OUTDIAL_DISPATCH__DRAIN_S="60",
        OUTDIAL_DISPATCH__ADOPTION_MARGIN_S="1",
    )
    ids = await one.publish(2)
    await _called(one, 1)
    worker.send(signal.SIGTERM)
    async with aiohttp.ClientSession() as session, asyncio.timeout(30):
        while True:
            async with session.get(f"http://127.0.0.1:{worker.internal_port}/healthz/ready") as answer:
                if answer.status == 503:
                    break
            await pause()
    assert worker.runs, "it finishes what it has begun"
    code = await worker.end(signal.SIGTERM)
    one.carrier.faults.clear()
    await one.start()
    await one.pool.execute("update calls set next_check_at = now() where state = 'placing'")  # its 42 s are over
    await one.ended(ids)
    return code


STORIES: Mapping[str, Story] = {
    story.__name__.strip("_"): story
    for story in (
        _not_one_callback_arrives,
        _no_create_is_answered_well,
        _everybody_is_thrown_out_of_the_database,
        _commits_are_not_answered,
        _the_way_to_the_broker_breaks,
        _the_way_to_the_carrier_breaks,
        _told_twice_to_stop,
    )
}


@pytest.fixture(scope="module")
async def told(services: Services) -> AsyncIterator[Mapping[str, asyncio.Task[tuple[Hits, list[str]]]]]:
    """Every story with its hits and what the judge says."""

    def judged(story: Story) -> Callable[[Crew], Awaitable[tuple[Hits, list[str]]]]:
        async def tell(one: Crew) -> tuple[Hits, list[str]]:
            return await story(one), await one.judged()

        return tell

    async with side_by_side(services, {name: judged(story) for name, story in STORIES.items()}) as begun:
        yield begun


@pytest.mark.timeout(240)
@pytest.mark.parametrize("story", STORIES)
async def test_every_promise_is_kept_when(story: str, told: Mapping[str, asyncio.Task[tuple[Hits, list[str]]]]) -> None:
    hits, broken = await told[story]
    assert hits > 0, "the fault must have hit"
    assert broken == []
