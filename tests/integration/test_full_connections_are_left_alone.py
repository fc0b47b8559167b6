"""A turn locks only the connections that it may start calls through, so that replicas do not wait for each other's."""

from __future__ import annotations

import asyncio

from outdial.rules.capacity import LimitKey, LimitKind
from tests.support.turns import hand_replica

FULL = "update limits set in_use = max_calls where kind = 'connection' and id = $1"
EMPTY = "update limits set in_use = 0 where kind = 'connection' and id = $1"
HOLD = "select from limits where kind = 'connection' and id = $1 for update"
OTHERS = [f"+1312555{n:04d}" for n in range(100, 110)]


async def test_a_connection_that_is_believed_full_is_not_waited_for(database_url: str) -> None:
    async with hand_replica(database_url) as one, hand_replica(database_url) as other:
        await other.pool.execute(FULL, "two")
        one.setting.board.saw(await one.store.limits())
        async with other.pool.acquire() as connection, connection.transaction(), asyncio.timeout(30):
            await connection.execute(HOLD, "two")  # as another replica's turn would
            for contact in OTHERS:
                assert (await one.dial(contact)).slots.connection == "one"


async def test_what_is_not_locked_counts_as_full_and_is_used_once_its_room_is_known(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        for line in ("one", "two"):
            await one.pool.execute(FULL, line)
        one.setting.board.saw(await one.store.limits())
        await one.pool.execute(EMPTY, "two")  # another replica's calls ended; nobody told this one
        keys = [await one.wait_in(contact) for contact in OTHERS]
        assert not (await one.turn()).intents
        assert {(await one.waiting(key))["blocker"] for key in keys} == {"in_line"}
        one.setting.board.saw(await one.store.limits())  # as the poll does
        intents = (await one.turn()).intents
        assert {intent.slots.connection for intent in intents} == {"two"}
        assert {intent.attempt.key for intent in intents} == set(keys)


async def test_the_connection_of_a_call_that_ends_is_locked_whatever_is_believed(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await one.dial(OTHERS[0])
        line = intent.slots.connection
        for name in ("one", "two"):
            await one.pool.execute(f"{FULL} and in_use < max_calls", name)
        one.setting.board.saw(await one.store.limits())
        key = await one.wait_in(OTHERS[1])
        result = await one.end(intent)
        assert [(i.attempt.key, i.slots.connection) for i in result.intents] == [(key, line)]
        limit = (await one.store.limits())[LimitKey(LimitKind.CONNECTION, line)]
        assert limit.in_use == limit.max_calls
