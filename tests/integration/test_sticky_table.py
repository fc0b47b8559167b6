"""Every row of the sticky table (SPEC 3.3), over real turns on a real database."""

from __future__ import annotations

import pytest

from outdial.dispatch.place import identity_of
from outdial.rules.outcome import Outcome
from outdial.rules.policy import StickyPolicy
from tests.support.turns import CONTACT, HandReplica, hand_replica

TTL = StickyPolicy().ttl_s
DAY = 86_400.0
ONLY_A = "[campaigns.spring]\npool = ['a']\n"
ALL = "[campaigns.spring]\npool = ['a', 'b', 'c']\n"


async def _sticks_to_a(one: HandReplica, *contacts: str) -> None:
    """These contacts were reached from a; then b and c join the pool."""
    await one.apply(ONLY_A)
    for contact in contacts:
        await one.call(contact)
    await one.apply(ALL)


async def _number_of(one: HandReplica, contact: str = CONTACT) -> str | None:
    row = await one.sticky(contact)
    return row["number"] if row is not None else None


async def test_no_assignment_or_an_expired_one_goes_to_the_tiers_and_is_made_when_reached(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        first = await one.call(outcome=Outcome.NO_ANSWER)
        assert (first.decision["tier"], await one.sticky()) == ("country", None)
        second = await one.call(attempt_no=2)
        assert await _number_of(one) == second.number
        one.clock.jump(TTL + 1)
        third = await one.call(attempt_no=3)
        assert (third.decision["tier"], third.decision["sticky"]["saw"]) == ("country", "void")
        row = await one.sticky()
        assert row is not None
        assert (row["number"], row["bound_by"]) == (third.number, f"attempt {third.attempt.key.attempt_id}")


async def test_an_eligible_number_is_used_and_its_life_time_starts_anew_at_acceptance(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await _sticks_to_a(one, CONTACT)
        one.clock.jump(TTL - 60)
        intent = await one.dial(attempt_no=2)
        assert (intent.number, intent.decision["tier"], intent.counted) == ("a", "sticky", False)
        one.clock.jump(30)
        before = await one.sticky()
        await one.accept(intent)
        after = await one.sticky()
        assert before is not None
        assert after is not None
        assert after["expires_at"] == pytest.approx(one.clock.now() + TTL, abs=0.01)
        assert (after["bound_at"], after["bound_by"]) == (before["bound_at"], before["bound_by"])
        await one.turn((identity_of(intent), one.final(Outcome.NO_ANSWER)))
        one.clock.jump(TTL - 60)
        assert (await one.dial(attempt_no=3)).decision["tier"] == "sticky"


WAYS_OUT = {
    "inactive": ("[numbers.a]\nstate = 'inactive'\n", "[numbers.a]\nstate = 'active'\n"),
    "paused": ("[numbers.a]\npaused = true\n", "[numbers.a]\npaused = false\n"),
    "paused in the pool": ("[campaigns.spring]\npool = [{ number = 'a', paused = true }, 'b', 'c']\n", ALL),
    "country not allowed": ("[numbers.a]\nallowed_countries = ['GB']\n", "[numbers.a]\nallowed_countries = []\n"),
    "capped": ("[numbers.a]\nmax_calls_24h = 1\n", "[numbers.a]\nmax_calls_24h = 0\n"),
    "carrier_rejected": ("carrier_rejected_at = now()", "carrier_rejected_at = null"),
    "failing": ("failing_since = now(), probe_after = now() + interval '1 day'", "failing_since = null"),
}
"""How a number becomes unusable, and usable again: a catalogue file, or what its carrier showed."""


async def _becomes(one: HandReplica, way: str) -> None:
    if way.startswith("["):
        await one.apply(way)
        return
    await one.pool.execute("insert into number_health (number) values ('a') on conflict do nothing")
    await one.pool.execute(f"update number_health set {way} where number = 'a'")


async def test_an_unusable_number_is_replaced_and_the_one_that_reaches_the_contact_inherits(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        contacts = {way: f"+1312555021{n}" for n, way in enumerate(WAYS_OUT)}
        await _sticks_to_a(one, *contacts.values())
        for way, (out, back) in WAYS_OUT.items():
            contact = contacts[way]
            await _becomes(one, out)
            missed = await one.call(contact, Outcome.NO_ANSWER, attempt_no=2)
            assert (missed.number != "a", missed.decision["sticky"]["saw"]) == (True, "unusable"), way
            assert await _number_of(one, contact) == "a", way
            reached = await one.call(contact, attempt_no=3)
            assert await _number_of(one, contact) == reached.number != "a", way
            assert one.told("sticky.moved")[-1]["previous"] == "a", way
            await _becomes(one, back)
            assert (await one.call(contact, attempt_no=4)).number == reached.number, way


@pytest.mark.parametrize(("when_flagged", "stays"), [("replace", False), ("keep", True)])
async def test_a_flagged_number_is_replaced_or_kept_by_policy(
    database_url: str, when_flagged: str, stays: bool
) -> None:
    async with hand_replica(database_url) as one:
        await _sticks_to_a(one, CONTACT)
        await one.apply(f"[campaigns.spring.sticky]\nwhen_flagged = '{when_flagged}'\n")
        await one.pool.execute("insert into spam_reports values ('a', 'lab', 0.9, '', now())")
        missed = await one.call(outcome=Outcome.NO_ANSWER, attempt_no=2)
        assert (missed.number == "a") is stays
        assert await _number_of(one) == "a", "the row stays until another number binds"
        await one.call(attempt_no=3)
        assert (await _number_of(one) == "a") is stays


async def test_a_number_that_merely_performs_badly_keeps_its_contacts(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await _sticks_to_a(one, CONTACT)
        await one.apply("[campaigns.spring.selection]\nskip_unhealthy = true\n")
        await one.pool.execute(
            "update member_stats set attempts = 400, answered = 1, y = 0.1, e = 60, yf = 0, ef = 8 where number = 'a'"
        )
        assert (await one.dial()).decision["tier"] == "sticky"
        assert {(await one.dial(f"+131255503{n:02d}")).number for n in range(8)} == {"b", "c"}


async def test_bound_on_placing_by_policy(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npreset = 'carrier'\n")
        intent = await one.dial()
        assert await one.sticky() is None
        await one.accept(intent)
        assert await _number_of(one) == intent.number
        await one.turn((identity_of(intent), one.final(Outcome.NO_ANSWER)))
        for _ in range(2):
            assert (await one.call(outcome=Outcome.BUSY)).number == intent.number
        assert len(one.told("sticky.bound")) == 1


async def test_a_life_time_of_0_is_for_ever(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring.sticky]\nttl_s = 0\n")
        first = await one.call()
        row = await one.sticky()
        assert row is not None
        assert row["expires_at"] is None
        one.clock.jump(3_000 * DAY)
        assert (await one.call(attempt_no=2)).number == first.number


async def test_switched_off_all_are_void_at_once_and_a_call_placed_before_does_not_bind(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await _sticks_to_a(one, CONTACT)
        placed_before = await one.dial("+13125550201")
        await one.apply("[campaigns.spring.sticky]\nenabled = false\n")
        off = await one.call(attempt_no=2)
        assert (off.decision["tier"], await one.sticky()) == ("country", None)
        await one.apply("[campaigns.spring.sticky]\nenabled = true\n")
        await one.end(placed_before)
        assert await one.sticky("+13125550201") is None
        fresh = await one.dial(attempt_no=3)
        assert fresh.decision["tier"] == "country"
        await one.end(fresh)
        assert await _number_of(one) == fresh.number


async def test_a_number_that_left_the_pool_or_was_released_is_nobodys_any_more(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        left, released = "+13125550201", "+13125550202"
        await _sticks_to_a(one, left)
        during = await one.dial("+13125550203")
        while during.number != "a":
            await one.end(during, Outcome.NO_ANSWER)
            during = await one.dial("+13125550203")
        await one.apply("[campaigns.spring]\nprimary = 'b'\npool = ['b', 'c']\n")
        await one.end(during)
        assert await one.sticky("+13125550203") is None, "it left during the call"
        await one.apply("[campaigns.spring]\nprimary = 'a'\n" + "pool = ['a', 'b', 'c']\n")
        assert (await one.dial(left)).decision["tier"] == "country", "back in the pool, but not its contacts"
        await _sticks_to_a(one, released)
        await one.apply("[numbers.a]\nstate = 'released'\n")
        intent = await one.call(released)
        assert intent.number != "a"
        assert await _number_of(one, released) == intent.number


async def test_numbers_added_leave_assignments_as_they_are(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(ONLY_A)
        await one.call()
        before = await one.sticky()
        await one.apply(ALL)
        assert await one.sticky() == before
        assert (await one.dial()).number == "a"
