"""What operators order about contacts' own numbers holds for the next pick, and who, when and why is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outdial.errors import BadInput, NotFound
from outdial.operator.sticky import clear_assignment, clear_campaign, contact_assignments, set_assignment
from outdial.postgres.sticky import purge_void
from tests.support.turns import CONTACT, HandReplica, hand_replica, hand_replicas

ANN: Any = {"who": "ann", "why": "asked for it"}


async def _audit(one: HandReplica, action: str) -> dict[str, Any]:
    row = await one.pool.fetchrow("select * from audit_log where action = $1 order by entry desc limit 1", action)
    assert row is not None
    return dict(row)


async def _told(one: HandReplica, kind: str) -> list[dict[str, Any]]:
    bodies = [json.loads(row["body"]) for row in await one.pool.fetch("select body from outbox order by created_at")]
    return [body["data"] for body in bodies if body["type"] == f"sticky.{kind}.v1" and "attempt_id" not in body["data"]]


async def test_a_set_number_calls_next_on_every_replica(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        done = await set_assignment(one.pool, "spring", CONTACT, "+12025550102", **ANN)
        assert (done.before, done.after.number, done.after.usable) == (None, "b", True)
        intent = await other.dial()
        assert (intent.number, intent.decision["tier"]) == ("b", "sticky")
        assert 'outdial_sticky_total{event="reused"} 1.0' in other.setting.metrics.exposition().decode()
        (told,) = await _told(one, "bound")
        assert (told["to"], told["number"], told["from"], told["by"]) == (CONTACT, "b", "+12025550102", "ann")
        entry = await _audit(one, "sticky.set")
        assert (entry["who"], entry["why"], entry["subject"]) == ("ann", "asked for it", "campaign/spring")
        assert entry["detail"] == {"contact": CONTACT, "before": None, "after": {"number": "b"}}


async def test_setting_another_number_moves_it_whoever_reached_the_contact(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        first = await one.call()
        other = "c" if first.number != "c" else "b"
        done = await set_assignment(one.pool, "spring", CONTACT, other, **ANN)
        assert done.before is not None
        assert (done.before.number, done.after.number) == (first.number, other)
        assert [told["previous"] for told in await _told(one, "moved")] == [first.number]
        assert (await _audit(one, "sticky.set"))["detail"]["before"]["number"] == first.number
        assert (await one.call(attempt_no=2)).number == other


async def test_a_call_under_way_brings_back_neither_the_old_nor_the_cleared(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.call()
        under_way = await one.dial(attempt_no=2)
        before = await clear_assignment(one.pool, "spring", CONTACT, **ANN)
        assert before is not None
        assert before.number == under_way.number
        await one.end(under_way)
        assert await contact_assignments(one.pool, CONTACT) == ()
        assert [told["previous"] for told in await _told(one, "cleared")] == [under_way.number]
        assert await clear_assignment(one.pool, "spring", CONTACT, **ANN) is None
        assert await one.pool.fetchval("select count(*) from audit_log where action = 'sticky.clear'") == 1


async def test_a_whole_campaign_is_cleared_at_once_calls_under_way_included(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        await one.apply("[campaigns.autumn]\ntenant = 'acme'\nprimary = 'a'\npool = ['a']\ncalling_hours = 'always'\n")
        for n in range(3):
            await one.call(f"+1312555020{n}")
        await set_assignment(one.pool, "autumn", CONTACT, "a", **ANN)
        under_way = await other.dial()
        done = await clear_campaign(one.pool, "spring", **ANN)
        assert done.count == 3
        await other.end(under_way)
        assert await one.pool.fetchval("select count(*) from sticky where campaign = 'spring'") == 0
        assert (await other.dial("+13125550200")).decision["tier"] == "country"
        assert [line.campaign for line in await contact_assignments(one.pool, CONTACT)] == ["autumn"]
        (told,) = await _told(one, "cleared")
        assert (told["to"], told["count"], told["by"]) == (None, 3, "ann")
        assert (await _audit(one, "sticky.clear_all"))["detail"] == {"epoch": [1, 2], "count": 3}


async def test_what_is_shown_says_why_a_number_is_not_used(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.autumn]\ntenant = 'acme'\nprimary = 'a'\npool = ['a']\n")
        for campaign, number in (("spring", "b"), ("autumn", "a")):
            await set_assignment(one.pool, campaign, CONTACT, number, **ANN)
        lines = {line.campaign: line for line in await contact_assignments(one.pool, CONTACT)}
        assert {name: (line.number, line.usable, line.bound_by) for name, line in lines.items()} == {
            "spring": ("b", True, "ann"),
            "autumn": ("a", True, "ann"),
        }
        await one.apply("[numbers.b]\npaused = true\n[campaigns.autumn.sticky]\nenabled = false\n")
        spring, *_ = await contact_assignments(one.pool, CONTACT, "spring")
        assert (spring.usable, spring.because) == (False, "paused by an operator")
        await one.apply("[numbers.b]\npaused = false\nallowed_countries = ['GB']\n")
        (spring,) = await contact_assignments(one.pool, CONTACT, "spring")
        assert spring.because == "the number must not call this country"
        await one.pool.execute("update sticky set expires_at = now() - interval '1 minute'")
        (spring,) = await contact_assignments(one.pool, CONTACT, "spring")
        assert spring.because == "void: its life time is over"


MISTAKES: list[tuple[str, str, str, type[Exception], str]] = [
    ("sprng", CONTACT, "a", NotFound, "there is no campaign named 'sprng'"),
    ("spring", CONTACT, "zz", NotFound, "there is no number 'zz'"),
    ("spring", "0143", "a", BadInput, "contact: … (4 digits) is not a phone number"),
    ("spring", CONTACT, "uk", BadInput, "number: uk is not in the pool of 'spring'"),
    ("off", CONTACT, "a", BadInput, "campaign: sticky is off for 'off'"),
]


async def test_an_order_that_cannot_be_is_refused(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply(
            "[numbers.uk]\ne164 = '+442079460104'\ntenant = 'acme'\nconnection = 'two'\n"
            "[campaigns.off]\ntenant = 'acme'\nprimary = 'a'\npool = ['a']\nsticky = { enabled = false }\n"
        )
        for campaign, contact, number, error, said in MISTAKES:
            with pytest.raises(error) as refused:
                await set_assignment(one.pool, campaign, contact, number, **ANN)
            assert said in str(refused.value)
        assert await one.pool.fetchval("select count(*) from sticky") == 0


async def test_the_purge_takes_what_counts_as_absent_and_skips_what_is_locked(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        for n in range(7):
            await set_assignment(one.pool, "spring", f"+1312555020{n}", "a" if n < 6 else "b", **ANN)
        await one.pool.execute(
            "update sticky set expires_at = now() - interval '2 days' where contact < '+13125550203'"
        )
        await one.pool.execute(
            "update sticky set expires_at = now() - interval '1 hour' where contact = '+13125550203'"
        )
        await one.apply("[campaigns.spring]\npool = ['a']\nprimary = 'a'\n")
        async with one.pool.acquire() as holder, holder.transaction():
            await holder.execute("select 1 from sticky where contact = '+13125550201' for update")
            assert await purge_void(one.pool, one.clock.now(), at_once=2) == 2
        assert await purge_void(one.pool, one.clock.now(), at_once=2) == 1
        rows = await one.pool.fetch("select contact from sticky order by contact")
        assert [row["contact"][-1] for row in rows] == ["3", "4", "5"]
