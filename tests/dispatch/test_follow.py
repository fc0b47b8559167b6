"""Callbacks about calls of other replicas: looked up in batches, each call once, and never lost when a look-up fails."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

import pytest

from outdial.dispatch.desk import Desk
from outdial.dispatch.follow import Follower
from outdial.errors import DatabaseUnavailable
from outdial.ports.store import CallIdentity
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.capacity import Slots
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, ConnectionId, NumberId, Placement, TenantId
from tests.simulation.worker import METRICS
from tests.support.clock import FakeClock, let_others_run

LINE = ConnectionId("line")
RINGING = [CallNews(Progress.RINGING, "call")]
KNOWN = range(100)


def identity(n: int) -> CallIdentity:
    tenant, campaign = TenantId("acme"), CampaignId("spring")
    key = AttemptKey(tenant, AttemptId(UUID(int=1_000 + n)))
    slots = Slots(tenant, campaign, LINE)
    return CallIdentity(key, Placement(UUID(int=n)), E164("+12025550143"), slots, NumberId("n1"))


class Calls:
    """Look-ups that wait to be answered; each may fail."""

    def __init__(self) -> None:
        self.asked: list[set[int]] = []
        self.answers: asyncio.Queue[bool] = asyncio.Queue()

    async def identify(self, placements: Sequence[Placement]) -> Mapping[Placement, CallIdentity]:
        self.asked.append({placement.int for placement in placements})
        if not await self.answers.get():
            raise DatabaseUnavailable("down")
        return {placement: identity(placement.int) for placement in placements if placement.int in KNOWN}


class Site:
    """A follower whose deliveries are tasks."""

    def __init__(self, remembered: int = 100) -> None:
        self.calls, self.desk = Calls(), Desk(500, FakeClock())
        self.follower = Follower(cast(Any, self.calls), self.desk, FakeClock(), METRICS, remembered)

    async def deliver(self, *placements: int) -> list[asyncio.Task[bool]]:
        """Begun one after the other; all stand still where they must wait."""
        tasks = [asyncio.create_task(self.follower.deliver(LINE, Placement(UUID(int=n)), RINGING)) for n in placements]
        await let_others_run()
        return tasks

    async def answer(self, *, found: bool = True) -> None:
        self.calls.answers.put_nowait(found)
        await let_others_run()

    def reported(self) -> list[int]:
        work = self.desk.take(hurry=True)
        for *_, promise in work.reports:
            promise.set_result(True)
        return [identity.placement.int for identity, *_ in work.reports]


async def test_whoever_asks_meanwhile_shares_the_next_look_up() -> None:
    site = Site()
    tasks = await site.deliver(1, 2, 3, 3, 2)
    assert site.calls.asked == [{1}]
    await site.answer()
    assert site.calls.asked == [{1}, {2, 3}]
    await site.answer()
    assert sorted(site.reported()) == [1, 2, 2, 3, 3]
    assert await asyncio.gather(*tasks) == [True] * 5


async def test_a_call_is_looked_up_once() -> None:
    site = Site()
    await site.deliver(1)
    await site.answer()
    await site.deliver(1)
    assert site.calls.asked == [{1}]
    assert site.reported() == [1, 1]


async def test_what_nobody_knows_is_told_so_and_asked_again() -> None:
    site = Site()
    tasks = await site.deliver(4711)
    await site.answer()
    assert await asyncio.gather(*tasks) == [False]
    await site.deliver(4711)
    assert site.calls.asked == [{4711}, {4711}]


async def test_it_remembers_only_so_many() -> None:
    site = Site(remembered=1)
    for n in (1, 2):
        await site.deliver(n)
        await site.answer()
    await site.deliver(1)
    assert site.calls.asked == [{1}, {2}, {1}]


async def test_a_look_up_that_fails_fails_only_for_who_began_it() -> None:
    site = Site()
    tasks = await site.deliver(1, 2, 3)
    await site.answer(found=False)
    await site.answer(found=False)
    await site.answer()
    told = asyncio.gather(*tasks, return_exceptions=True)
    assert site.calls.asked == [{1}, {2, 3}, {2, 3}]
    assert site.reported() == [3]
    assert [type(one) for one in await told] == [DatabaseUnavailable, DatabaseUnavailable, bool]


async def test_whoever_gives_up_takes_nobody_with_it() -> None:
    site = Site()
    tasks = await site.deliver(1, 2, 3)
    await site.answer()
    tasks[1].cancel()
    await let_others_run()
    await site.answer()
    assert sorted(site.reported()) == [1, 3]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
