"""Waits for a contact's own number and for its tier are bounded over everything that interrupts them."""

from __future__ import annotations

import time

from outdial.dispatch.place import identity_of
from outdial.ports.store import Intent
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import WasDeferred
from outdial.rules.picture_body import read_picture
from outdial.rules.replay import replay
from tests.support.turns import CONTACT, HandReplica, hand_replica

FULL, ROOM = "[connections.one]\nmax_calls = 0\n", "[connections.one]\nmax_calls = 100\n"
ABROAD = """
[numbers.uk]
e164 = "+442079460104"
tenant = "acme"
connection = "two"
[campaigns.spring]
pool = ["a", "uk"]
"""


async def _own_number_is_a(one: HandReplica) -> None:
    await one.apply("[campaigns.spring]\npool = ['a']\n")
    await one.call()
    await one.apply("[campaigns.spring]\npool = ['a', 'b', 'c']\n" + FULL)


async def _passes(one: HandReplica, seconds: float) -> list[Intent]:
    """Who is woken by the sweep is served by the turn after it, unless its line was looked at anyhow."""
    one.clock.jump(seconds)
    return (await one.turn(sweep=True)).intents + (await one.turn()).intents


async def test_the_wait_for_its_own_number_goes_on_after_an_interruption(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await _own_number_is_a(one)
        key = await one.wait_in()
        await one.turn()
        assert (await one.waiting(key))["blocker"] == Blocker.STICKY_NUMBER_BUSY
        one.clock.jump(400)
        await one.pool.execute("update waiting set look_at = to_timestamp($1)", one.clock.now())
        in_three_days = time.strftime("%a", time.gmtime(time.time() + 3 * 86_400)).lower()
        await one.apply(
            f"[campaigns.spring]\ncalling_hours = [{{ days = '{in_three_days}', start = '09:00', end = '10:00' }}]\n"
        )
        await _passes(one, 1)
        row = await one.waiting(key)
        assert (row["blocker"], round(row["sticky_wait_s"])) == (Blocker.OUTSIDE_CALLING_HOURS, 401)
        one.clock.jump(3_600)
        await one.pool.execute("update waiting set look_at = to_timestamp($1)", one.clock.now())
        await one.apply("[campaigns.spring]\ncalling_hours = 'always'\n")
        await _passes(one, 1)
        assert (await one.waiting(key))["blocker"] == Blocker.STICKY_NUMBER_BUSY
        await _passes(one, 150)
        assert (await one.waiting(key))["blocker"] == Blocker.STICKY_NUMBER_BUSY
        (intent,) = await _passes(one, 60)
        assert (intent.number != "a", intent.decision["sticky"]["saw"]) == (True, "busy")
        await one.end(intent)
        own = await one.sticky()
        assert own is not None
        assert own["number"] == "a"


async def test_the_wait_for_its_tier_goes_on_after_the_carrier_put_it_off(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(ABROAD + FULL)
        key = await one.wait_in()
        await one.turn()
        assert (await one.waiting(key))["blocker"] == Blocker.TIER_BUSY
        one.clock.jump(20)
        await one.apply(ROOM)
        (intent,) = (await one.turn()).intents
        assert intent.number == "a"
        await one.apply(FULL)
        await one.turn((identity_of(intent), WasDeferred("429", 5.0)))
        row = await one.waiting(key)
        assert (row["blocker"], round(row["tier_wait_s"])) == (Blocker.CARRIER_BACKOFF, 20)
        await _passes(one, 6)
        assert (await one.waiting(key))["blocker"] == Blocker.TIER_BUSY
        (intent,) = await _passes(one, 11)
        assert intent.number == "uk"


async def test_never_spilling_waits_for_its_country_for_ever(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(ABROAD + FULL + "[campaigns.spring.selection]\ntier_spill_after_s = 'never'\n")
        key = await one.wait_in(CONTACT)
        await one.turn()
        for _ in range(3):
            row = await one.waiting(key)
            assert (row["blocker"], row["line"], row["next_eligible_at"]) == (Blocker.TIER_BUSY, "one", None)
            await _passes(one, 7_200)
        await one.apply(ROOM)
        (intent,) = (await one.turn()).intents
        body = await one.pool.fetchval("select body from pool_pictures where hash = $1", intent.decision["picture"])
        assert replay(intent.decision, *read_picture(body)) == "a" == intent.number
