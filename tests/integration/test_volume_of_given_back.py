"""A dial that never was counts for nothing: neither against a number's budget nor against its `max_calls_24h`."""

from __future__ import annotations

from outdial.dispatch.place import identity_of
from outdial.rules.call_fate import WasDeferred, WasNotSent
from tests.support.turns import HandReplica, hand_replica

HOUR_S = 3_600


async def dials(one: HandReplica) -> list[int]:
    """By hour, those without any left out."""
    rows = await one.pool.fetch("select sum(dials)::int as n from number_volume group by hour order by hour")
    return [row["n"] for row in rows if row["n"]]


async def test_what_was_not_sent_or_was_put_off_is_taken_from_the_hour_it_was_counted_in(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        one.clock.jump(HOUR_S - one.clock.now() % HOUR_S + 10)
        kept, not_sent, put_off = [await one.dial(f"+1312555031{n}") for n in range(3)]
        assert await dials(one) == [3]
        one.clock.jump(HOUR_S)
        await one.turn((identity_of(not_sent), WasNotSent("too_late")), (identity_of(put_off), WasDeferred("429", 60)))
        calls = await one.pool.fetch("select placement, intent_at from calls")
        assert kept.placement in {row["placement"] for row in calls}
        again = len(calls) - 1
        assert await dials(one) == [1, again] if again else [1]


async def test_what_is_given_back_and_dialled_in_one_turn_is_counted_once(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        one.clock.jump(HOUR_S - one.clock.now() % HOUR_S + 10)
        for round_ in range(5):
            intent = await one.dial(f"+1312555032{round_}")
            await one.wait_in(f"+1312555033{round_}")
            await one.turn((identity_of(intent), WasNotSent("too_late")))
        assert await dials(one) == [await one.pool.fetchval("select count(*)::int from calls")]


async def test_of_an_hour_that_is_forgotten_nothing_is_taken(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await one.dial()
        await one.pool.execute("delete from number_volume")
        one.clock.jump(2 * HOUR_S)
        await one.turn((identity_of(intent), WasDeferred("429", 60)))
        assert await dials(one) == []
