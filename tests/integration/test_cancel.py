"""Cancelling by message and by an operator: what waits ends, what rings is hung up, what is unknown is remembered."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest

from outdial.carrier import Scenario
from outdial.errors import BadInput, NotFound
from outdial.operator.cancel import Canceled, cancel_attempts, cancel_campaign
from tests.support.daemon import ACCOUNT, scenario
from tests.support.dialled import applied
from tests.support.replica import Replica, replica

LATER = {"not_before": "2099-01-01T00:00:00Z", "not_after": "2099-01-02T00:00:00Z"}


def rings_long() -> Scenario:
    """Nobody answers for a minute and a half of real time."""
    return scenario(ring_s=2_900.0, talk_s=1.0, answer_rate=1.0)


async def cancel_by_message(one: Replica, attempt_id: str) -> None:
    body = {"attempt_id": attempt_id, "tenant_id": "acme"}
    await one.raw(json.dumps(body).encode(), type_="call_attempt.cancel.v1")


async def cancel_by_operator(one: Replica, attempt_id: str) -> None:
    await cancel_attempts(one.pool, [uuid.UUID(attempt_id)], who="test", why="wrong list")


BOTH = pytest.mark.parametrize("cancel", [cancel_by_message, cancel_by_operator], ids=["message", "operator"])


async def placed(one: Replica, attempt_id: str) -> Any:
    """Wait until the carrier has the call."""

    async def look() -> Any:
        return await one.pool.fetchrow(
            "select * from calls where attempt_id = $1 and state = 'placed'", uuid.UUID(attempt_id)
        )

    return await one.until_found(look)


@BOTH
async def test_what_waits_ends_even_while_nothing_may_start(database_url: str, cancel: Any) -> None:
    async with replica(database_url, scenario()) as one:
        await one.apply("[campaigns.spring]\npaused = true\n")
        in_line, later = await one.publish(), await one.publish("+12025550144", **LATER)
        await one.waiting(in_line, "in_line")
        await one.waiting(later, "not_due")
        for attempt_id in (in_line, later):
            await cancel(one, attempt_id)
            row = await one.ended(attempt_id)
            assert (row["outcome"], row["reason"], row["placement"]) == ("canceled", "canceled", None)
            await one.until(lambda a=attempt_id: one.event("ended", a) is not None)  # type: ignore[misc]  # bound now
        assert one.carrier.tally()["accepted"] == 0


@BOTH
async def test_a_call_that_rings_is_hung_up_and_its_slot_is_free(database_url: str, cancel: Any) -> None:
    async with replica(database_url, rings_long()) as one:
        attempt_id = await one.publish(ring_timeout_s=120)
        await placed(one, attempt_id)
        await cancel(one, attempt_id)
        assert (await one.ended(attempt_id))["outcome"] == "canceled"
        assert await one.pool.fetchval("select sum(in_use) from limits") == 0
        assert one.carrier.tally()["max_calls_per_attempt"] == 1


@BOTH
async def test_a_call_that_is_being_placed_is_hung_up_once_the_carrier_has_it(database_url: str, cancel: Any) -> None:
    """The cancel comes while the create request is under way: nothing is adopted or given up early."""
    slow = {"kind": "latency", "on": "create", "seconds": 1.5, "times": 1}
    account = {"account_id": ACCOUNT, "auth_token": "secret-token", "limit": 8, "any_number": True}
    behaviour = {"ring_s": 2_900.0, "answer_rate": 1.0}
    told = Scenario.from_mapping(
        {"seed": 5, "speed": 30.0, "behaviour": behaviour, "accounts": {"line": account}, "faults": [slow]}
    )
    async with replica(database_url, told) as one:
        attempt_id = await one.publish(ring_timeout_s=120)

        async def placing() -> Any:
            return await one.pool.fetchrow("select * from calls where state = 'placing'")

        await one.until_found(placing)
        await cancel(one, attempt_id)

        async def marked() -> Any:
            return await one.pool.fetchrow("select * from calls where cancel_requested")

        row = await one.until_found(marked)
        assert row["state"] == "placing"
        assert (await one.ended(attempt_id))["outcome"] == "canceled"
        assert await one.pool.fetchval("select failures from limits where kind = 'connection'") == 0
        assert one.carrier.tally()["accepted"] == 1


async def test_an_attempt_that_was_given_back_ends_at_once_when_canceled(database_url: str) -> None:
    """It waits for the carrier's delay; canceled, it does not wait any longer."""
    fault = {"kind": "status", "on": "create", "status": 429, "retry_after_s": 60, "times": 1}
    account = {"account_id": ACCOUNT, "auth_token": "secret-token", "limit": 8, "any_number": True}
    told = Scenario.from_mapping({"seed": 5, "speed": 30.0, "accounts": {"line": account}, "faults": [fault]})
    async with replica(database_url, told) as one:
        attempt_id = await one.publish()
        await one.waiting(attempt_id, "carrier_backoff")
        await cancel_by_operator(one, attempt_id)
        assert (await one.ended(attempt_id))["outcome"] == "canceled"


async def test_an_unknown_id_is_remembered_if_its_tenant_is_named(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        attempt_id = str(uuid.uuid4())
        with pytest.raises(NotFound, match="--tenant"):
            await cancel_by_operator(one, attempt_id)
        done = await cancel_attempts(one.pool, [uuid.UUID(attempt_id)], tenant="acme", who="test", why="")
        assert done == Canceled(remembered=1)
        await one.publish(attempt_id=attempt_id)
        assert (await one.ended(attempt_id))["outcome"] == "canceled"
        assert one.carrier.tally()["accepted"] == 0
        again = await cancel_attempts(one.pool, [uuid.UUID(attempt_id)], who="test", why="")
        assert again == Canceled(ended=1)
        with pytest.raises(NotFound, match="no tenant"):
            await cancel_attempts(one.pool, [uuid.uuid4()], tenant="nobody", who="test", why="")


async def test_a_whole_campaign_ends_and_the_others_go_on(database_url: str) -> None:
    async with replica(database_url, rings_long()) as one:
        await one.apply('[campaigns.autumn]\ntenant = "acme"\nprimary = "n1"\ncalling_hours = "always"\n')
        rings = await one.publish(ring_timeout_s=120)
        await placed(one, rings)
        waits = [await one.publish(f"+1312555{n:04d}", **LATER) for n in range(30)]
        other = await one.publish("+12025550177", campaign_id="autumn", **LATER)
        await one.waiting(other, "not_due")
        await one.waiting(waits[-1], "not_due")
        done = await cancel_campaign(one.pool, "spring", who="test", why="wrong list")
        assert done == Canceled(waiting=30, calling=1)
        for attempt_id in (*waits, rings):
            assert (await one.ended(attempt_id))["outcome"] == "canceled"
        assert await one.pool.fetchval("select array_agg(campaign) from waiting") == ["autumn"]
        assert await one.pool.fetchval("select count(*) from audit_log where action = 'cancel' and why <> ''") >= 1


async def test_an_attempt_that_a_turn_has_in_hand_is_waited_for_and_remembered(database_url: str) -> None:
    async with applied(database_url) as pool:
        attempt_id = uuid.uuid4()
        await pool.execute(
            """insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, received_at)
            values ('acme', $1, 'spring', '+12025550143', '', 4, now(), now(), now() + interval '1 h', now())""",
            attempt_id,
        )
        await pool.execute(
            "insert into attempts values ('acme', $1, 'spring', '+12025550143', '{}', '', now())", attempt_id
        )
        async with pool.acquire() as turn:
            held = turn.transaction()
            await held.start()
            await turn.execute("select from waiting for update")
            canceling = asyncio.create_task(cancel_attempts(pool, [attempt_id], who="test", why=""))
            async with asyncio.timeout(10):
                while not await pool.fetchval("select count(*) from cancellations"):
                    await asyncio.sleep(0)
            assert not canceling.done()
            await held.rollback()
        assert await canceling == Canceled(waiting=1)
        assert await pool.fetchval("select canceled from waiting")


async def test_of_two_tenants_with_the_same_id_one_must_be_named(database_url: str) -> None:
    async with applied(database_url) as pool:
        same = uuid.uuid4()
        await pool.execute("insert into tenants values ('other')")
        for tenant in ("acme", "other"):
            await pool.execute("insert into attempts values ($1, $2, 'spring', '+1', '{}', '', now())", tenant, same)
        with pytest.raises(BadInput, match="acme, other"):
            await cancel_attempts(pool, [same], who="test", why="")
