"""Attempts that wait for one connection are looked at again once other connections can serve them."""

from __future__ import annotations

import pytest

from outdial.operator.numbers import flag_number
from outdial.ports.store import Line
from tests.support.turns import CONTACT, SPRING, HandReplica, hand_replica

FULL = "[connections.one]\nmax_calls = 0\n"


async def _waits_for_its_own_number(one: HandReplica) -> None:
    """The contact's number is a, whose connection has no room."""
    await one.apply("[campaigns.spring]\npool = ['a']\n")
    await one.call()
    await one.apply("[campaigns.spring]\npool = ['a', 'b', 'c']\n" + FULL)
    key = await one.wait_in()
    await one.turn()
    row = await one.waiting(key)
    assert (row["blocker"], row["line"]) == ("sticky_number_busy", "one")


async def _polled(one: HandReplica) -> list[str]:
    """What the poll of a replica finds to move, and moves."""
    board = one.setting.board
    await one.pools.reload()
    board.replace(await one.store.lines(), board.mark())
    rerouted = board.rerouted()
    if rerouted:
        await one.store.relook(rerouted)
    return list(rerouted)


@pytest.mark.parametrize("how", ["left the pool", "deactivated", "flagged"])
async def test_its_number_cannot_call_any_more_so_another_does(database_url: str, how: str) -> None:
    async with hand_replica(database_url) as one:
        await _waits_for_its_own_number(one)
        await _polled(one)
        await one.turn()
        assert await _polled(one) == []
        if how == "left the pool":
            await one.apply("[campaigns.spring]\nprimary = 'b'\npool = ['b', 'c']\n")
        elif how == "deactivated":
            await one.apply("[numbers.a]\nstate = 'inactive'\n")
        else:
            await flag_number(one.pool, "a", 1.0, "lab", who="ann", why="")
        assert await _polled(one) == ["spring"]
        assert await one.store.lines() == [Line(SPRING, "")]
        (intent,) = (await one.turn()).intents
        assert intent.number in {"b", "c"}
        assert await _polled(one) == []


async def test_a_connection_that_joins_serves_who_waits_for_the_others(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n" + FULL)
        key = await one.wait_in(CONTACT)
        await one.turn()
        await one.pool.execute("update waiting set line = 'one'")
        await _polled(one)
        await one.turn()
        await one.apply("[campaigns.spring]\npool = ['a', 'b']\n")
        await _polled(one)
        (intent,) = (await one.turn()).intents
        assert (intent.attempt.key, intent.number) == (key, "b")
