"""A turn reads under its locks in one round trip and writes in one statement; where that cannot be, it is not tried."""

from __future__ import annotations

from collections import Counter
from typing import Any

from outdial.dispatch.place import identity_of
from outdial.dispatch.plan import PICTURE_STANDS_S
from outdial.ports.store import CallIdentity
from outdial.rules.call_fate import Report
from outdial.rules.outcome import Outcome
from tests.support.turns import CONTACT, TWO_LINES, HandReplica, hand_replica

OTHER = "+13125550177"


async def statements(one: HandReplica, *reports: tuple[CallIdentity, Report]) -> list[str]:
    """What a turn sends, from its begin to its commit."""
    heard: list[str] = []

    def listen(record: Any) -> None:
        heard.append(record.query)

    async with one.pool.acquire() as connection:  # the pool has no other one
        connection.add_query_logger(listen)
    await one.turn(*reports)
    async with one.pool.acquire() as connection:
        connection.remove_query_logger(listen)
    return heard[heard.index("BEGIN;") : heard.index("COMMIT;", heard.index("BEGIN;")) + 1]


async def test_a_turn_that_settles_and_dials_takes_five_round_trips(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        ending = await one.dial()
        await one.wait_in(OTHER)
        sent = await statements(one, (identity_of(ending), one.final(Outcome.NO_ANSWER)))
        kinds = [text.split("_rows", 1)[0][:60].replace("\n", " ") for text in sent]
        assert len(sent) == 5, kinds
        assert sum("insert into outcomes" in text for text in sent) == 1
        assert [text for text in sent if "insert into outcomes" in text] == [
            t for t in sent if "insert into calls" in t
        ]


async def test_the_next_call_to_a_contact_follows_in_the_turn_that_ends_the_first(database_url: str) -> None:
    """Both keep the contact's key of the calls, so they cannot be written at once."""
    async with hand_replica(database_url) as one:
        ending = await one.dial()
        following = await one.wait_in()
        result = await one.turn((identity_of(ending), one.final(Outcome.NO_ANSWER)))
        assert [intent.attempt.key for intent in result.intents] == [following]
        rows = await one.pool.fetch("select attempt_id from calls")
        assert [row["attempt_id"] for row in rows] == [following.attempt_id]


async def test_who_waited_for_the_contact_may_expire_in_the_turn_that_would_wake_it(database_url: str) -> None:
    """Woken and removed by one statement, only one of both would count."""
    async with hand_replica(database_url) as one:
        ending = await one.dial()
        await one.wait_in(ttl_s=60.0)
        await one.turn()
        assert await one.pool.fetchval("select blocker from waiting") == "contact_in_call"
        one.clock.jump(61)
        await one.turn((identity_of(ending), one.final(Outcome.NO_ANSWER)), sweep=True)
        outcomes = Counter(row["outcome"] for row in await one.pool.fetch("select outcome from outcomes"))
        assert outcomes == {"no_answer": 1, "expired": 1}
        assert await one.pool.fetchval("select count(*) from waiting") == 0


async def test_who_waited_for_the_contact_is_woken_by_the_clock_and_by_the_end_at_once(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        ending = await one.dial()
        key = await one.wait_in()
        await one.turn()
        await one.pool.execute("update waiting set look_at = due_at")
        one.clock.jump(1)
        result = await one.turn((identity_of(ending), one.final(Outcome.NO_ANSWER)), sweep=True)
        assert not result.intents
        assert (await one.waiting(key))["line"] == ""
        assert [i.attempt.key for i in (await one.turn()).intents] == [key]


async def test_a_picture_is_written_once_and_can_be_found_by_every_call(database_url: str) -> None:
    even = TWO_LINES.rstrip() + "\nrotation = { warm_up_lead = 0 }\n"  # else the first call makes other weights
    async with hand_replica(database_url, even) as one:
        await one.call(CONTACT)
        await one.wait_in(OTHER)
        sent = await statements(one)
        assert any("insert into calls" in text for text in sent)
        assert not any("insert into pool_pictures" in text for text in sent)
        one.clock.jump(PICTURE_STANDS_S)
        await one.call("+13125550178")
        seen = await one.pool.fetchval("select extract(epoch from max(seen_at)) from pool_pictures")
        assert one.clock.now() - float(seen) < 60, "a picture that is in use stays young"
        missing = "select count(*) from calls where decision ->> 'picture' not in (select hash from pool_pictures)"
        assert await one.pool.fetchval(missing) == 0
