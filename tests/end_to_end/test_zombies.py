"""A worker that was away for longer than anybody waits comes back in the middle of what it did: nothing of it counts.

It is stopped at a crash point, another one takes over and ends its attempts, then it is continued.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial

import pytest

from tests.support.crew import Crew
from tests.support.daemon import pause
from tests.support.services import Services
from tests.support.side_by_side import side_by_side

POINTS = ("before_intent_commit", "after_intent", "after_response", "before_settle_commit", "after_settle_commit", "after_publish")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Return:
    """What had happened when the zombie came back, and what it came to."""

    calls_before: int
    calls_after: int
    exit_code: int | None
    outcomes: frozenset[str]
    broken: list[str]


async def _come_back(one: Crew, point: str) -> Return:
    zombie = await one.start(point, OUTDIAL_CRASH_BY="stop")
    ids = await one.publish(3)
    async with asyncio.timeout(60):
        while not zombie.died_at:
            await pause()
    await one.start()
    await one.ended(ids)
    before = one.carrier.tally()["accepted"]
    zombie.send(signal.SIGCONT)
    more = await one.publish(4)
    await one.ended(more)
    code = await zombie.end(signal.SIGTERM)
    rows = await one.pool.fetch("select outcome from outcomes where attempt_id::text = any ($1)", ids)
    after = one.carrier.tally()["accepted"] - len(more)
    return Return(before, after, code, frozenset(row["outcome"] for row in rows), await one.judged())


@pytest.fixture(scope="module")
async def returns(services: Services) -> AsyncIterator[Mapping[str, asyncio.Task[Return]]]:
    """A zombie for every point."""
    async with side_by_side(services, {point: partial(_come_back, point=point) for point in POINTS}) as begun:
        yield begun


@pytest.mark.timeout(240)
@pytest.mark.parametrize("point", POINTS)
async def test_what_a_zombie_still_does_changes_nothing(
    point: str, returns: Mapping[str, asyncio.Task[Return]]
) -> None:
    back = await returns[point]
    assert back.calls_after == back.calls_before, "a call after all: place_within did not hold it back"
    assert back.exit_code == 0
    assert back.broken == []
    if point == "after_intent":
        assert "ambiguous" in back.outcomes, "nobody but the zombie could know that nothing was sent"
