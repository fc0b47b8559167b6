"""Two at once about one contact: they are held at a barrier on the tenant's lock, then let go. The first winner stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest

from outdial.dispatch.place import identity_of
from outdial.operator.sticky import clear_assignment, clear_campaign, set_assignment
from outdial.ports.store import Intent
from outdial.rules.call_fate import IsNowhere, MayExist
from outdial.rules.outcome import Outcome
from tests.support.daemon import pause
from tests.support.turns import CONTACT, HandReplica, hand_replicas

NEITHER = "select count(*) from sticky y join campaigns c on c.campaign = y.campaign and c.sticky_epoch = y.epoch"
WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


async def _at_once(one: HandReplica, *both: Awaitable[object]) -> None:
    """Start one after the other, so that they queue for the tenant's row in this order; then open the barrier."""
    async with one.pool.acquire() as holder:
        barrier = holder.transaction()
        await barrier.start()
        await holder.execute("select 1 from limits where kind = 'tenant' for update")
        started: list[asyncio.Future[object]] = []
        async with asyncio.timeout(10):
            for task in both:
                started.append(asyncio.ensure_future(task))
                while await one.pool.fetchval(WAITING) < len(started):
                    await pause()
        await barrier.commit()
        await asyncio.gather(*started)


async def _lost_from_a(one: HandReplica) -> Intent:
    """A call from a that was given up as ambiguous: its end may still turn up."""
    await one.apply("[campaigns.spring]\npool = ['a']\n")
    intent = await one.dial()
    await one.turn((identity_of(intent), MayExist("timeout", 300.0)))
    for _ in range(2):
        one.clock.jump(300)
        await one.turn((identity_of(intent), IsNowhere(True, one.clock.now() + 60)))
    await one.apply("[campaigns.spring]\npool = ['a', 'b']\n[numbers.a]\npaused = true\n")
    return intent


@pytest.mark.parametrize("late_first", [True, False])
async def test_two_calls_reach_the_contact_at_once(database_url: str, late_first: bool) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        late = await _lost_from_a(one)
        under_way = await one.dial(attempt_no=2)
        assert (late.number, under_way.number) == ("a", "b")
        answered = Outcome.ANSWERED_UNKNOWN
        late_word = one.turn((identity_of(late), one.final(answered)))
        end = other.end(under_way)
        await _at_once(one, *((late_word, end) if late_first else (end, late_word)))
        row = await one.sticky()
        assert row is not None
        assert row["number"] == ("a" if late_first else "b")
        assert len(one.told("sticky.bound")) + len(other.told("sticky.bound")) == 1
        assert (one.told("sticky.moved"), other.told("sticky.moved")) == ([], [])


async def test_the_same_end_heard_by_two_replicas_at_once_counts_once(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        intent = await one.dial()
        await _at_once(one, one.end(intent), other.end(intent))
        assert await one.pool.fetchval("select attempts from member_stats") == 1
        told = [len(replica.told(kind)) for replica in (one, other) for kind in ("sticky.bound", "call_attempt.ended")]
        assert sorted(told) == [0, 0, 1, 1]
        assert await one.pool.fetchval("select sum(in_use) from limits") == 0


@pytest.mark.parametrize("off_first", [True, False])
async def test_switched_off_while_a_call_reaches_the_contact_nothing_holds(database_url: str, off_first: bool) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        intent = await one.dial()
        off = one.apply("[campaigns.spring.sticky]\nenabled = false\n")
        end = other.end(intent)
        await _at_once(one, *((off, end) if off_first else (end, off)))
        assert await one.pool.fetchval(NEITHER) == 0
        await one.apply("[campaigns.spring.sticky]\nenabled = true\n")
        assert (await one.dial(attempt_no=2)).decision["tier"] == "country"


@pytest.mark.parametrize("order_first", [True, False])
async def test_an_operator_sets_a_number_while_another_reaches_the_contact(
    database_url: str, order_first: bool
) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        intent = await one.dial()
        named = "b" if intent.number != "b" else "c"
        order = set_assignment(one.pool, "spring", CONTACT, named, who="ann", why="")
        end = other.end(intent)
        await _at_once(one, *((order, end) if order_first else (end, order)))
        row = await one.sticky()
        assert row is not None
        assert row["number"] == named, "whoever comes first, the operator's word stands"


async def test_cleared_while_its_call_ends_it_stays_cleared(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        await one.call()
        own = await one.dial(attempt_no=2)
        await _at_once(one, clear_assignment(one.pool, "spring", CONTACT, who="ann", why=""), other.end(own))
        assert await one.sticky() is None
        again = await one.dial(attempt_no=3)
        await _at_once(one, other.end(again), clear_campaign(one.pool, "spring", who="ann", why=""))
        assert await one.pool.fetchval(NEITHER) == 0
