"""The end of a replica: what is being placed is settled and told, and nobody waits for a turn that never comes."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from outdial.carrier.faults import Fault
from outdial.errors import Retryable
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.ids import ConnectionId, Placement
from tests.support.daemon import scenario
from tests.support.replica import Replica, replica

LINE = ConnectionId("line")


async def state(one: Replica, attempt_id: str, wanted: str) -> Any:
    """Wait until its call is in that state."""

    async def look() -> Any:
        return await one.pool.fetchrow(
            "select * from calls where attempt_id = $1 and state = $2", uuid.UUID(attempt_id), wanted
        )

    return await one.until_found(look)


async def test_what_the_last_turn_settles_is_told_before_the_end(database_url: str) -> None:
    async with replica(database_url, scenario(ring_s=2_900.0)) as one:
        await one.apply('[campaigns.spring]\noptional_events = ["placed"]\n')
        one.carrier.faults.add(Fault("latency", "create", "line", seconds=2.0, times=1))
        attempt_id = await one.publish()
        await state(one, attempt_id, "placing")
        await one.app.stop()
        await state(one, attempt_id, "placed")
        assert one.event("placed", attempt_id) is not None
        assert await one.pool.fetchval("select count(*) from outbox") == 0


async def test_news_after_the_last_turn_is_refused_at_once(database_url: str) -> None:
    """The carrier calls back again, and another replica takes it; the end does not wait for it."""
    async with replica(database_url, scenario(ring_s=2_900.0)) as one:
        row = await state(one, await one.publish(), "placed")
        await one.app.transport.stop_consuming()
        await one.app.dispatcher.drain(5.0)
        await one.app.background.stop(within_s=5.0)
        news = [CallNews(Progress.RINGING, row["carrier_call_id"])]
        with pytest.raises(Retryable):
            async with asyncio.timeout(20):
                await one.app.dispatcher.follower.deliver(LINE, Placement(row["placement"]), news)
