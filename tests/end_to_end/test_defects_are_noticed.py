"""The net has no holes: with each of five deliberate defects the judge finds a broken promise, and names it.

Every story is one that the real code passes elsewhere (crash points, faults); here its workers are spoiled. The stories
have worlds of their own and go on side by side.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial

import pytest

from outdial.carrier.faults import Fault
from tests.support.crew import Crew
from tests.support.daemon import pause
from tests.support.services import Services
from tests.support.side_by_side import side_by_side
from tests.support.spoiled_worker import DEFECTS

Story = Callable[[Crew], Awaitable[None]]


async def _the_answer_is_lost(one: Crew) -> None:
    one.carrier.faults.add(Fault("reset", "create", done=True, times=2))
    await one.start()
    await one.ended(await one.publish(2))


async def _a_worker_dies_with_the_answer(one: Crew) -> None:
    one.carrier.faults.add(Fault("lost", "callback"))
    victim = await one.start("request_written")
    ids = await one.publish(2)
    await victim.ended()
    await one.carrier.wait_for(lambda: one.carrier.tally()["accepted"] > 0, timeout_s=60)
    await one.start()
    await one.ended(ids)


async def _a_worker_dies_while_the_database_hangs(one: Crew) -> None:
    victim = await one.start()
    one.to_database.freeze()
    ids = await one.publish(4)
    async with asyncio.timeout(60):
        while await one.records.left():  # all of them are with the worker
            await pause()
    for _ in range(10):
        await pause()
    await victim.end(signal.SIGKILL)
    one.to_database.heal()
    await one.start()
    await one.ended(ids)


async def _everything_is_told_twice(one: Crew) -> None:
    one.carrier.faults.add(Fault("duplicated", "callback", copies=3))
    await one.start()
    await one.ended(await one.publish(40))  # each of them may show it, none must


async def _three_workers_share_eight_slots(one: Crew) -> None:
    await asyncio.gather(*(one.start() for _ in range(3)))
    await one.ended(await one.publish(60))


STORIES: Mapping[str, tuple[Story, *tuple[str, ...]]] = {
    "repost_on_timeout": (_the_answer_is_lost, "was called 2 times"),
    "release_on_worker_death": (_a_worker_dies_with_the_answer, "was called 2 times"),
    "ack_before_commit": (_a_worker_dies_while_the_database_hangs, "is lost"),
    "unguarded_settle": (_everything_is_told_twice, "outcomes"),
    "check_then_take": (_three_workers_share_eight_slots, "slots", "limit_exceeded"),
}
"""Defect -> a story that brings it to light, and words of which the judge says one then, by our counters or the carrier's."""


SPOILED_S = {"release_on_worker_death": 120, "unguarded_settle": 90}
"""How long a spoiled story may take; where attempts are lost it never ends, here it does but a busy machine is slow."""


async def _told(one: Crew, defect: str, *, spoiled: bool) -> list[str]:
    if spoiled:
        one.command = (sys.executable, "-m", "tests.support.spoiled_worker", defect, "run")
    try:
        async with asyncio.timeout(SPOILED_S.get(defect, 30) if spoiled else 120):
            await STORIES[defect][0](one)
    except TimeoutError:
        assert spoiled, "an honest worker must come to an end"
    return await one.judged()


@pytest.fixture(scope="module")
async def verdicts(services: Services) -> AsyncIterator[Mapping[tuple[str, bool], asyncio.Task[list[str]]]]:
    """Every story, told by spoiled workers and by honest ones."""
    tellers = {(d, spoiled): partial(_told, defect=d, spoiled=spoiled) for d in STORIES for spoiled in (True, False)}
    async with side_by_side(services, tellers) as begun:
        yield begun


@pytest.mark.timeout(300)
@pytest.mark.parametrize("defect", DEFECTS)
async def test_the_judge_names_what_the_defect_broke(
    defect: str, verdicts: Mapping[tuple[str, bool], asyncio.Task[list[str]]]
) -> None:
    broken = await verdicts[defect, True]
    assert any(word in violation for word in STORIES[defect][1:] for violation in broken), broken


@pytest.mark.timeout(300)
@pytest.mark.parametrize("defect", DEFECTS)
async def test_honest_workers_keep_every_promise_in_the_same_story(
    defect: str, verdicts: Mapping[tuple[str, bool], asyncio.Task[list[str]]]
) -> None:
    assert await verdicts[defect, False] == []
