"""Several blocks in one statement, and which lines have more than was claimed: the small parts that every turn stands on."""

from __future__ import annotations

from collections.abc import Set

import asyncpg
import pytest

from outdial.ports.store import Line
from outdial.postgres import bundle, statements
from outdial.postgres.bundle import Part
from outdial.postgres.look import look
from outdial.rules.ids import CampaignId
from tests.support.turns import SPRING, hand_replica

BLOCKS = {
    "sum": "select $1::int + $2::int as n",
    "twelve": "select n + $1 as n from generate_series($2::int, $12::int) n where $11 = $3::text",
    "alone": "select 7 as n",
    "twice": "select 2 * $1::int as n",
}


@pytest.fixture(autouse=True)
def _blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "load", lambda file: BLOCKS if file == "small" else statements.load(file))
    bundle._text.cache_clear()


def test_parameters_are_counted_on_from_part_to_part() -> None:
    parts = [("small", "sum", 2), ("small", "twelve", 12), ("small", "sum", 2)]
    first, second, third = bundle.expressions(parts).split("_rows as (")[1:]
    assert "$1::int + $2::int" in first
    assert "n + $3 " in second
    assert "$4::int, $14::int" in second
    assert "$13 = $5::text" in second
    assert "$15::int + $16::int" in third


async def test_each_part_gets_its_own_arguments_and_only_wanted_results_come_back(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        told = await bundle.run(
            connection,
            [
                Part("small", "alone", [], "sum(n)"),
                Part("small", "sum", [20, 22], "max(n)"),
                Part("small", "twice", [4]),
            ],
        )
        assert told == {"alone": 7, "sum": 42}
        assert await bundle.run(connection, [Part("small", "sum", [2, 3])]) == {}
        assert await bundle.run(connection, []) == {}
    finally:
        await connection.close()


async def test_a_line_has_something_left_when_more_waits_than_was_claimed(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        keys = [await one.wait_in(f"+1312555{n:04}") for n in range(3)]
        asleep = await one.wait_in("+13125559999")
        await one.pool.execute("update waiting set line = 'one' where attempt_id = $1", keys[2].attempt_id)
        await one.pool.execute("update waiting set line = null where attempt_id = $1", asleep.attempt_id)
        any_line, of_one, unknown = Line(SPRING, ""), Line(SPRING, "one"), Line(CampaignId("none"), "")

        async def left(claimed: dict[Line, int]) -> Set[Line]:
            seen = await look(one.pool, (), {}, (), claimed, 0.0)
            return seen.lines_left

        assert await left({any_line: 1, of_one: 0, unknown: 0}) == {any_line, of_one}
        assert await left({any_line: 2, of_one: 1}) == set()
        assert await left({}) == set()
        async with one.pool.acquire() as other, other.transaction():
            await other.fetch("select from waiting where line = '' for update")
            assert await left({any_line: 0}) == {any_line}, "what another turn holds is not gone"
