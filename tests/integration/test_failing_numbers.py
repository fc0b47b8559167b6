"""A number that its carrier fails again and again leaves the draw while the connection's others work, and is probed."""

from __future__ import annotations

from outdial.dispatch.place import identity_of
from outdial.rules.call_fate import IsOverdue, MayExist
from outdial.rules.ids import NumberId
from outdial.rules.number_health import PROBE_AFTER_S
from outdial.rules.outcome import Outcome
from tests.support.turns import HandReplica, hand_replica

ONLY_B = "[campaigns.spring]\nprimary = 'b'\npool = ['b']\n"
BOTH = "[campaigns.spring]\npool = ['b', 'c']\n"
CONTACTS = [f"+1312555020{n}" for n in range(8)]


async def _fails(one: HandReplica, times: int) -> None:
    for contact in CONTACTS[:times]:
        intent = await one.call(contact, Outcome.CARRIER_FAILED)
        assert intent.number == "b"
        one.clock.jump(1)


async def _c_works(one: HandReplica) -> None:
    await one.apply("[campaigns.spring]\nprimary = 'c'\npool = ['c']\n")
    await one.call("+13125550299", Outcome.NO_ANSWER)
    await one.apply(ONLY_B)


async def _numbers_drawn(one: HandReplica, how_many: int) -> set[NumberId]:
    drawn = set()
    for n in range(how_many):
        drawn.add((await one.call(f"+131255503{n:02d}", Outcome.NO_ANSWER)).number)
    return drawn


async def test_after_five_failures_it_is_out_until_its_probe_works(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(ONLY_B)
        await _fails(one, 4)
        await _c_works(one)
        await _fails(one, 1)
        assert [data["number"] for data in one.told("number.failing")] == ["b"]
        await one.apply(BOTH)
        assert await _numbers_drawn(one, 12) == {"c"}
        await one.apply(ONLY_B)
        key = await one.wait_in("+13125550401")
        await one.turn()
        assert (await one.waiting(key))["blocker"] == "no_eligible_number"

        one.clock.jump(PROBE_AFTER_S)
        second = await one.wait_in("+13125550402")
        (probe,) = (await one.turn(sweep=True)).intents + (await one.turn()).intents
        assert probe.number == "b"
        left = key if probe.attempt.key == second else second
        assert (await one.waiting(left))["blocker"] in ("no_eligible_number", "in_line")
        assert (await one.turn()).intents == [], "one probe at a time"
        await one.end(probe, Outcome.NO_ANSWER)
        assert [data["number"] for data in one.told("number.recovered")] == ["b"]
        assert await _numbers_drawn(one, 2) == {"b"}


async def test_a_probe_that_fails_puts_it_out_for_another_ten_minutes(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(ONLY_B)
        await _c_works(one)
        await _fails(one, 5)
        one.clock.jump(PROBE_AFTER_S)
        probe = await one.call("+13125550401", Outcome.CARRIER_FAILED)
        assert probe.number == "b"
        one.clock.jump(PROBE_AFTER_S - 2)
        key = await one.wait_in("+13125550402")
        await one.turn()
        assert (await one.waiting(key))["blocker"] == "no_eligible_number"
        assert len(one.told("number.failing")) == 1


async def test_where_no_other_number_of_the_connection_works_the_number_is_not_blamed(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(ONLY_B)
        await _fails(one, 7)
        assert one.told("number.failing") == []
        assert await _numbers_drawn(one, 1) == {"b"}


async def test_failures_that_are_learnt_late_count_too(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(ONLY_B)
        await _c_works(one)
        await _fails(one, 4)
        lost = await one.dial(CONTACTS[5])
        await one.turn((identity_of(lost), MayExist("timeout", 60.0)))
        await one.turn((identity_of(lost), IsOverdue(one.clock.now())))
        assert one.told("number.failing") == []
        await one.turn((identity_of(lost), one.final(Outcome.CARRIER_FAILED)))
        assert [data["number"] for data in one.told("number.failing")] == ["b"]
