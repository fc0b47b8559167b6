"""A worker dies at each crash point, another one takes over: nothing is lost, nobody is called twice, no slot leaks.

Each death has a world of its own; several are on their way at once, and each test waits for the one that it names.
"""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest

from outdial.telemetry.crashpoints import CRASH_POINTS
from tests.support.crew import crew
from tests.support.services import Services

JOBS = 6
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker died, what was over by then, and what became of everything."""

    died_at: str
    exit_code: int
    ended_before: int
    ended: int
    outcomes: frozenset[str]
    broken: list[str]


async def _die(point: str, services: Services, gate: asyncio.Semaphore) -> Death:
    databases = services.databases("distribution")
    async with gate:
        url = await databases.fresh()
        try:
            return await _die_on(url, point, services.amqp_url())
        finally:
            await databases.drop(url)


async def _die_on(database_url: str, point: str, amqp_url: str) -> Death:
    async with crew(database_url, amqp_url, f"t{uuid.uuid4().hex[:8]}") as one:
        victim = await one.start(point)
        ids = await one.publish(JOBS)
        if point == "in_shutdown":
            await one.carrier.wait_for(lambda: one.carrier.tally()["accepted"] > 0, timeout_s=60)
            victim.send(signal.SIGTERM)
        code = await victim.ended()
        before = await one.pool.fetchval("select count(*) from outcomes")
        await one.start()
        await one.ended(ids)
        rows = await one.pool.fetch("select outcome from outcomes")
        return Death(
            victim.died_at, code, before, len(rows), frozenset(row["outcome"] for row in rows), await one.judged()
        )


@pytest.fixture(scope="module")
async def deaths(services: Services) -> AsyncIterator[Mapping[str, asyncio.Task[Death]]]:
    """A death at every crash point."""
    gate = asyncio.Semaphore(AT_ONCE)
    await services.databases("distribution").drop(await services.databases("distribution").fresh())
    started = {point: asyncio.create_task(_die(point, services, gate)) for point in CRASH_POINTS}
    yield started
    for task in started.values():
        task.cancel()
    await asyncio.gather(*started.values(), return_exceptions=True)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_another_worker_finishes_what_the_dead_one_began(
    point: str, deaths: Mapping[str, asyncio.Task[Death]]
) -> None:
    death = await deaths[point]
    assert (death.died_at, death.exit_code) == (point, -signal.SIGKILL), "it must die there and nowhere else"
    assert death.ended_before < death.ended == JOBS, "another one must have finished the work"
    assert death.broken == []
    if point in ("after_receive", "after_intake", "before_ack", "before_intent_commit"):
        assert "ambiguous" not in death.outcomes, "nothing was asked of the carrier before it died"
