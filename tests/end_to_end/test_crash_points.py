"""A worker dies at each crash point, another one takes over: nothing is lost, nobody is called twice, no slot leaks.

Each death has a world of its own; several are on their way at once, and each test waits for the one that it names.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial

import pytest

from outdial.telemetry.crashpoints import CRASH_POINTS
from tests.support.crew import Crew
from tests.support.services import Services
from tests.support.side_by_side import side_by_side

JOBS = 6


@dataclass(frozen=True, slots=True)
class Death:
    """How a worker died, how much it left to do (attempts to end, events to publish), and what became of everything."""

    died_at: str
    exit_code: int
    left: int
    ended: int
    outcomes: frozenset[str]
    broken: list[str]


async def _die(one: Crew, point: str) -> Death:
    victim = await one.start(point)
    ids = await one.publish(JOBS)
    if point == "in_shutdown":
        await one.carrier.wait_for(lambda: one.carrier.tally()["accepted"] > 0, timeout_s=60)
        victim.send(signal.SIGTERM)
    code = await victim.ended()
    left = JOBS - await one.pool.fetchval("select (select count(*) from outcomes) - (select count(*) from outbox)")
    await one.start()
    await one.ended(ids)
    rows = await one.pool.fetch("select outcome from outcomes")
    outcomes = frozenset(row["outcome"] for row in rows)
    return Death(victim.died_at, code, left, len(rows), outcomes, await one.judged())


@pytest.fixture(scope="module")
async def deaths(services: Services) -> AsyncIterator[Mapping[str, asyncio.Task[Death]]]:
    """A death at every crash point."""
    async with side_by_side(services, {point: partial(_die, point=point) for point in CRASH_POINTS}) as begun:
        yield begun


@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", CRASH_POINTS)
async def test_another_worker_finishes_what_the_dead_one_began(
    point: str, deaths: Mapping[str, asyncio.Task[Death]]
) -> None:
    death = await deaths[point]
    assert (death.died_at, death.exit_code) == (point, -signal.SIGKILL), "it must die there and nowhere else"
    assert death.left > 0, "another one must have something to finish"
    assert death.ended == JOBS
    assert death.broken == []
    if point in ("after_receive", "after_intake", "before_ack", "before_intent_commit"):
        assert "ambiguous" not in death.outcomes, "nothing was asked of the carrier before it died"
