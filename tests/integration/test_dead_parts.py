"""No part of a replica dies unnoticed: without it the replica would be worse than none, so it stops."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

from outdial.dispatch.dispatcher import Dispatcher
from tests.support.daemon import scenario
from tests.support.replica import replica


async def test_a_replica_whose_turns_die_of_a_bug_knows_it(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        with patch.object(Dispatcher, "_turn", side_effect=SystemError("a bug")):
            await one.publish()
            async with asyncio.timeout(20):
                death = await one.app.background.failed()
        assert (death.name, repr(death.error)) == ("turns", "SystemError('a bug')")
        assert one.app.metrics.registry.get_sample_value("outdial_task_failures_total", {"task": "turns"}) == 1.0


async def test_every_part_of_a_replica_is_watched(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        alive = set(one.app.background.alive())
        assert alive >= {"intake", "turns", "relay", "leftovers", "recovery", "sweep", "poll", "heartbeat", "audit"}
        owned = {task.get_name() for task in asyncio.all_tasks()}
        assert alive <= owned
