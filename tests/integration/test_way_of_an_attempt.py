"""The way of an attempt on a real database and over real HTTP: what is refused, what waits and why, what is never repeated."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest

from outdial.carrier import Scenario
from tests.support.daemon import ACCOUNT, scenario
from tests.support.replica import replica

QUICK: dict[str, Any] = {"ring_s": 1.0, "talk_s": 1.0, "setup_s": 0.1, "answer_rate": 1.0}


def faulty(*faults: dict[str, Any], **behaviour: Any) -> Scenario:
    """One account whose requests go wrong as the faults say."""
    numbers = {f"+1202555010{n}": {"answer_rate": 1.0} for n in range(1, 4)}
    account = {"account_id": ACCOUNT, "auth_token": "secret-token", "limit": 8, "numbers": numbers}
    return Scenario.from_mapping(
        {
            "seed": 5,
            "speed": 30.0,
            "behaviour": {**QUICK, **behaviour},
            "accounts": {"line": account},
            "faults": list(faults),
        }
    )


async def test_an_answered_call_binds_its_number_and_a_later_attempt_uses_it(any_database_url: str) -> None:
    async with replica(any_database_url, faulty()) as one:
        first = await one.ended(await one.publish())
        assert (first["outcome"], first["tier"]) == ("answered_unknown", "country")
        again = await one.ended(await one.publish(attempt_no=2))
        assert (again["tier"], again["number"]) == ("sticky", first["number"])
        assert await one.pool.fetchval("select sum(in_use) from limits") == 0
        await one.until(lambda: sum(e["type"] == "call_attempt.ended.v1" for e in one.events) == 2)
        bound = [e for e in one.events if e["type"] == "sticky.bound.v1"]
        assert [e["data"]["number"] for e in bound] == [first["number"]]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"campaign_id": "nosuch"}, "unknown_campaign"),
        ({"to": "+1202555"}, "impossible_number"),
        ({"to": "+19005550143"}, "destination_kind_not_allowed"),
        ({"to": "+881612345678"}, "destination_kind_not_allowed"),
    ],
    ids=["campaign", "impossible", "premium", "satellite"],
)
async def test_refused_at_the_door_with_a_reason(database_url: str, fields: dict[str, Any], reason: str) -> None:
    async with replica(database_url, faulty()) as one:
        attempt_id = await one.publish(**fields)
        row = await one.ended(attempt_id)
        assert (row["outcome"], row["reason"]) == ("rejected_request", reason)
        await one.until(lambda: one.event("rejected", attempt_id) is not None)
        assert one.carrier.tally()["accepted"] == 0


async def test_an_unknown_tenant_is_rejected_not_lost(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        row = await one.ended(await one.publish(tenant="nobody"))
        assert (row["outcome"], row["reason"]) == ("rejected_request", "unknown_tenant")


async def test_what_cannot_be_understood_lies_among_the_dead_letters(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        await one.raw(b"not json")
        await one.raw(b'{"attempt_id": "x"}')

        async def look() -> Any:
            rows = await one.pool.fetch("select reason, field, body from dead_letters order by letter")
            return rows if len(rows) == 2 else None

        rows = await one.until_found(look)
        assert rows[0]["body"] == b"not json"
        assert rows[1]["field"] != ""


async def test_a_known_id_changes_nothing_and_a_different_body_neither(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        attempt_id = await one.publish()
        await one.ended(attempt_id)
        await one.publish(attempt_id=attempt_id)
        await one.publish(attempt_id=attempt_id, priority=9)
        await one.ended(await one.publish("+12025550144"))
        assert await one.pool.fetchval("select count(*) from attempts") == 2
        assert one.carrier.tally()["max_calls_per_attempt"] == 1


async def test_past_its_time_it_expires(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        row = await one.ended(await one.publish(not_after="2020-01-01T00:00:00Z"))
        assert row["outcome"] == "expired"


async def test_not_before_is_waited_for(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        due = time.time() + 1.5
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(due)) + "Z"
        attempt_id = await one.publish(not_before=stamp)
        await one.waiting(attempt_id, "not_due")
        row = await one.ended(attempt_id)
        assert row["intent_at"] >= int(due)


async def test_outside_calling_hours_it_waits_for_the_opening(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        day = time.strftime("%a", time.gmtime(time.time() + 3 * 86_400)).lower()
        hours = f'[{{ days = "{day}", start = "09:00", end = "10:00" }}]'
        await one.apply(f"[campaigns.spring]\ncalling_hours = {hours}\n")
        row = await one.waiting(await one.publish(), "outside_calling_hours")
        assert row["next_eligible_at"] > time.time() + 86_400


async def test_a_contact_is_never_in_two_calls_at_once(database_url: str) -> None:
    async with replica(database_url, faulty(ring_s=20.0)) as one:
        ids = [await one.publish(campaign_id="spring") for _ in range(3)]
        for attempt_id in ids:
            await one.ended(attempt_id)
        assert one.carrier.tally()["violations"] == []


async def test_paused_nothing_starts_and_resumed_it_goes_on(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        await one.apply("[connections.line]\npaused = true\n")
        attempt_id = await one.publish()
        await one.waiting(attempt_id, "in_line")
        assert one.carrier.tally()["accepted"] == 0
        await one.apply("[connections.line]\npaused = false\n")
        assert (await one.ended(attempt_id))["outcome"] == "answered_unknown"


async def test_429_waits_for_the_carriers_own_delay_then_is_placed(database_url: str) -> None:
    fault = {"kind": "status", "on": "create", "status": 429, "retry_after_s": 1, "times": 1, "probability": 1.0}
    async with replica(database_url, faulty(fault)) as one:
        attempt_id = await one.publish()
        await one.waiting(attempt_id, "carrier_backoff")
        assert (await one.ended(attempt_id))["outcome"] == "answered_unknown"
        assert one.carrier.tally()["max_calls_per_attempt"] == 1


async def test_an_ambiguous_create_whose_call_exists_is_adopted_by_its_callback(database_url: str) -> None:
    fault = {"kind": "status", "on": "create", "status": 500, "done": True, "times": 1, "probability": 1.0}
    async with replica(database_url, faulty(fault)) as one:
        row = await one.ended(await one.publish())
        assert row["outcome"] == "answered_unknown"
        tally = one.carrier.tally()
        assert (tally["accepted"], tally["max_calls_per_attempt"]) == (1, 1)


async def test_an_ambiguous_create_without_a_call_keeps_its_slot_and_is_never_repeated(database_url: str) -> None:
    fault = {"kind": "status", "on": "create", "status": 500, "done": False, "times": 1, "probability": 1.0}
    async with replica(database_url, faulty(fault)) as one:
        attempt_id = await one.publish()

        async def look() -> Any:
            return await one.pool.fetchrow(
                "select * from calls where attempt_id = $1 and state = 'unconfirmed'", uuid.UUID(attempt_id)
            )

        await one.until_found(look)
        await one.ended(await one.publish("+12025550144"))
        assert await one.pool.fetchval("select in_use from limits where kind = 'connection'") == 1
        assert one.carrier.tally()["accepted"] == 1


async def test_canceled_before_it_was_dialled(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        attempt_id = await one.publish(not_before="2099-01-01T00:00:00Z", not_after="2099-01-02T00:00:00Z")
        await one.waiting(attempt_id, "not_due")
        body = f'{{"attempt_id": "{attempt_id}", "tenant_id": "acme"}}'.encode()
        await one.raw(body, type_="call_attempt.cancel.v1")
        assert (await one.ended(attempt_id))["outcome"] == "canceled"


async def test_a_cancel_that_comes_first_is_remembered(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        attempt_id = str(uuid.uuid4())
        await one.raw(f'{{"attempt_id": "{attempt_id}", "tenant_id": "acme"}}'.encode(), type_="call_attempt.cancel.v1")

        async def look() -> Any:
            return await one.pool.fetchrow("select * from cancellations")

        await one.until_found(look)
        await one.publish(attempt_id=attempt_id)
        assert (await one.ended(attempt_id))["outcome"] == "canceled"
        await one.until(lambda: one.event("ended", attempt_id) is not None)
        assert one.carrier.tally()["accepted"] == 0


async def test_limits_hold_under_load_and_every_pick_can_be_replayed(database_url: str) -> None:
    from outdial.rules.picture_body import read_picture
    from outdial.rules.replay import replay

    async with replica(database_url, scenario(ring_s=2.0, talk_s=1.0)) as one:
        ids = [await one.publish(f"+1312555{n:04d}") for n in range(60)]
        for attempt_id in ids:
            await one.ended(attempt_id)
        tally = one.carrier.tally()
        assert tally["violations"] == []
        assert tally["accounts"]["line"]["highest"] == 8
        for row in await one.pool.fetch("select number, decision from outcomes"):
            body = await one.pool.fetchval("select body from pool_pictures where hash = $1", row["decision"]["picture"])
            assert replay(row["decision"], *read_picture(body)) == row["number"]
