"""When no number may call: said once, no hot loop, looked at every minute and when the catalogue changes, expired in time."""

from __future__ import annotations

import json

from outdial.postgres.upkeep import UpkeepQueries
from outdial.rules.outcome import Outcome
from outdial.rules.selection import LOOK_AGAIN_S
from tests.support.turns import HandReplica, hand_replica, hand_replicas

PAUSED = "[numbers.a]\npaused = true\n[numbers.b]\npaused = true\n[numbers.c]\npaused = true\n"
BACK = "[numbers.b]\npaused = false\n"
CAPPED = "[numbers.a]\nmax_calls_24h = 1\n[campaigns.spring]\npool = ['a']\n"


def told(one: HandReplica, kind: str = "no_eligible_number") -> int:
    return len(one.told(f"campaign.{kind}"))


async def test_many_attempts_tell_one_event_and_the_turn_has_nothing_left_to_do(database_url: str) -> None:
    async with hand_replica(
        database_url,
    ) as one:
        await one.apply(PAUSED)
        keys = [await one.wait_in(f"+131255505{n:02d}") for n in range(20)]
        assert (await one.turn()).intents == []
        row = await one.waiting(keys[0])
        assert (row["blocker"], row["line"]) == ("no_eligible_number", None)
        assert round(row["look_at"] - one.clock.now()) == LOOK_AGAIN_S
        assert (told(one), await one.store.lines()) == (1, [])
        one.clock.jump(LOOK_AGAIN_S - 1)
        await one.turn(sweep=True)
        assert await one.store.lines() == []


async def test_after_a_minute_they_are_looked_at_again_and_it_is_told_again(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(PAUSED)
        key = await one.wait_in()
        await one.turn()
        one.clock.jump(LOOK_AGAIN_S)
        await one.turn(sweep=True)
        await one.turn()
        row = await one.waiting(key)
        assert row["blocker"] == "no_eligible_number"
        assert round(row["look_at"] - one.clock.now()) == LOOK_AGAIN_S
        assert told(one) == 2


async def test_two_replicas_tell_the_same_event_within_a_minute(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        one.clock.jump(60 - one.clock.now() % 60)
        await one.apply(PAUSED)
        for replica in (one, other):
            await replica.wait_in("+13125550601" if replica is one else "+13125550602")
            await replica.turn()
        ids = {json.loads(event.body)["id"] for replica in (one, other) for event in replica.events}
        assert (told(one), told(other), len(ids)) == (1, 1, 1)


async def test_a_change_of_the_catalogue_lets_them_be_looked_at_at_once(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(PAUSED)
        await one.wait_in()
        await one.turn()
        await one.apply(BACK)
        assert await UpkeepQueries(one.pool, None, 1).wake_ineligible(one.clock.now()) == 1
        (intent,) = (await one.turn()).intents
        assert intent.number == "b"


async def test_a_cap_is_named_when_it_is_why(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(CAPPED)
        await one.call("+13125550601", Outcome.NO_ANSWER)
        key = await one.wait_in("+13125550602")
        await one.turn()
        assert (await one.waiting(key))["blocker"] == "numbers_at_daily_cap"
        assert (told(one, "numbers_at_daily_cap"), told(one)) == (1, 0)


async def test_it_expires_when_its_time_runs_out(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(PAUSED)
        await one.wait_in(ttl_s=90.0)
        await one.turn()
        one.clock.jump(91)
        await one.turn(sweep=True)
        assert [data["outcome"] for data in one.told("call_attempt.expired")] == ["expired"]
