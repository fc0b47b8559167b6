"""Flags, clearing, taking out of use and giving back: what operators and reputation services say holds for the next pick."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outdial.clock import SystemClock
from outdial.dispatch.place import identity_of
from outdial.errors import BadInput, NotFound
from outdial.operator.numbers import clear_number, flag_number, propose_state, set_state, unflag_number
from outdial.operator.sticky import set_assignment
from outdial.postgres.upkeep import UpkeepQueries
from outdial.rules.attempt import HealthReport
from outdial.rules.call_fate import WasRefused
from outdial.rules.catalogue_rows import NumberState
from outdial.rules.number_health import SCORE_HALF_LIFE_S
from outdial.rules.outcome import Outcome
from outdial.upkeep.ticks import Upkeep
from tests.support.turns import CONTACT, TENANT, HandReplica, hand_replica, hand_replicas

ANN: Any = {"who": "ann", "why": "seen"}


async def _drawn(one: HandReplica, how_many: int = 12) -> set[str]:
    """Numbers of that many picks."""
    return {(await one.dial(f"+131255503{n:02d}")).number for n in range(how_many)}


async def _told(one: HandReplica) -> list[tuple[str, str]]:
    rows = await one.pool.fetch("select body from outbox order by created_at, event_id")
    bodies = [json.loads(row["body"]) for row in rows]
    return [
        (body["type"].split(".")[1], body["data"]["number"]) for body in bodies if body["type"].startswith("number.")
    ]


async def _audit(one: HandReplica) -> list[tuple[str, str, str, str]]:
    rows = await one.pool.fetch(
        "select action, subject, who, why from audit_log where action like 'number.%' order by entry"
    )
    return [tuple(row) for row in rows]


async def test_a_flagged_number_leaves_the_draw_until_it_is_unflagged(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        done = await flag_number(one.pool, "a", 0.9, "lab", **ANN)
        assert (done.before, done.after, done.flagged) == (0.0, 0.9, True)
        assert await _drawn(other) == {"b", "c"}
        assert 'skips_total{reason="spam_flagged"} 12.0' in other.setting.metrics.exposition().decode()
        again = await flag_number(one.pool, "a", 1.0, "bureau", **ANN)
        assert again.after == 1.0
        part = await unflag_number(one.pool, "a", "bureau", **ANN)
        assert (part.after, part.flagged, part.sources) == (0.9, True, ("bureau",))
        whole = await unflag_number(one.pool, "+12025550101", **ANN)
        assert (whole.after, whole.flagged) == (0.0, False)
        assert (await other.dial()).number in {"a", "b", "c"}
        assert await _told(one) == [("flagged", "a"), ("unflagged", "a")]
        entries = await _audit(one)
        assert [entry[0] for entry in entries] == ["number.flag", "number.flag", "number.unflag", "number.unflag"]
        assert {entry[1:] for entry in entries} == {("number/a", "ann", "seen")}


async def test_reports_below_the_threshold_are_kept_and_change_no_snapshot(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.turn()
        version = one.pools.version
        reports = [HealthReport(name, 0.5, "lab", "", TENANT) for name in ("a", "+12025550102", "nobody")]
        strangers, events = await one.store.report_health(reports, one.clock.now(), 0.75)
        assert (strangers, events) == (1, [])
        await one.turn()
        assert one.pools.version == version
        assert await one.pool.fetchval("select count(*) from spam_reports") == 2


async def test_of_several_reports_in_one_batch_the_last_stands(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        reports = [HealthReport("a", score, "lab", "", TENANT) for score in (0.9, 0.1, 0.8)]
        strangers, events = await one.store.report_health(reports, one.clock.now(), 0.75)
        assert (strangers, [event.routing_key for event in events]) == (0, ["acme._.number.flagged"])
        assert await one.pool.fetchval("select score from spam_reports") == 0.8
        _, events = await one.store.report_health(reports[1:2], one.clock.now(), 0.75)
        assert [event.routing_key for event in events] == ["acme._.number.unflagged"]


async def test_three_contacts_that_block_a_number_flag_it_for_seven_days(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n")
        for contact in ("+13125550201", "+13125550201", "+13125550202"):
            await one.call(contact, Outcome.SPAM_BLOCKED)
        assert one.told("number.flagged") == []
        await one.call("+13125550203", Outcome.SPAM_BLOCKED)
        assert [data["number"] for data in one.told("number.flagged")] == ["a"]
        key = await one.wait_in(ttl_s=30 * 86_400.0)
        await one.turn()
        assert (await one.waiting(key))["blocker"] == "no_eligible_number"
        one.clock.jump(SCORE_HALF_LIFE_S - 60)
        assert (await one.turn(sweep=True)).intents == (await one.turn()).intents == []
        one.clock.jump(120)
        assert [i.number for i in (await one.turn(sweep=True)).intents + (await one.turn()).intents] == ["a"]


async def test_blocks_further_apart_than_a_day_flag_nothing(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n")
        for n in range(4):
            await one.call(f"+1312555020{n}", Outcome.SPAM_BLOCKED)
            one.clock.jump(12.5 * 3_600)
        assert one.told("number.flagged") == []


async def test_a_caller_id_that_its_carrier_refused_is_out_until_cleared(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n")
        intent = await one.dial()
        await one.turn((identity_of(intent), WasRefused(Outcome.CALLER_ID_REJECTED, None, "21210")))
        assert [data["from"] for data in one.told("number.carrier_rejected")] == ["+12025550101"]
        one.clock.jump(30 * 3_600)
        key = await one.wait_in("+13125550301")
        await one.turn()
        assert (await one.waiting(key))["blocker"] == "no_eligible_number"
        done = await clear_number(one.pool, "a", **ANN)
        assert done.carrier_rejected_at is not None
        assert (await clear_number(one.pool, "a", **ANN)).carrier_rejected_at is None
        one.clock.jump(61)
        assert [i.number for i in (await one.turn(sweep=True)).intents + (await one.turn()).intents] == ["a"]
        assert ("cleared", "a") in await _told(one)
        assert [entry[0] for entry in await _audit(one)] == ["number.clear"]


async def test_deactivated_contacts_keep_their_number_released_they_lose_it(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await set_assignment(one.pool, "spring", CONTACT, "a", **ANN)
        meant = await propose_state(one.pool, "a", NumberState.INACTIVE)
        assert (meant.contacts, meant.voided, meant.primary_of, meant.last_of) == (
            {"spring": 1},
            False,
            ("spring",),
            (),
        )
        await set_state(one.pool, "a", NumberState.INACTIVE, **ANN)
        assert await _drawn(one) == {"b", "c"}
        assert (await set_state(one.pool, "a", NumberState.INACTIVE, **ANN)).changes_nothing
        await set_state(one.pool, "a", NumberState.ACTIVE, **ANN)
        own = await one.dial()
        assert (own.number, own.decision["tier"]) == ("a", "sticky")
        await one.end(own, Outcome.NO_ANSWER)
        done = await set_state(one.pool, "+12025550101", NumberState.RELEASED, **ANN)
        assert (done.contacts, done.voided) == ({"spring": 1}, True)
        assert await one.sticky() is None
        assert (await one.dial(attempt_no=2)).number != "a"
        assert await _told(one) == [("deactivated", "a"), ("activated", "a"), ("released", "a")]
        assert [entry[0] for entry in await _audit(one)] == ["number.deactivate", "number.activate", "number.release"]


async def test_released_and_taken_up_again_contacts_start_afresh(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n")
        under_way = await one.dial()
        await set_assignment(one.pool, "spring", "+13125550201", "a", **ANN)
        await set_state(one.pool, "a", NumberState.RELEASED, **ANN)
        await set_state(one.pool, "a", NumberState.ACTIVE, **ANN)
        assert (await one.dial("+13125550201")).decision["tier"] == "country"
        await one.end(under_way)
        row = await one.sticky()
        assert row is not None, "a call that was under way reached its contact from a number of the pool"


async def test_orders_that_cannot_be_are_refused(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        for score, source, said in (
            (1.5, "x", "score: 1.5 is not between 0 and 1"),
            (0.5, " ", "source: ' ' is no name"),
        ):
            with pytest.raises(BadInput, match=said):
                await flag_number(one.pool, "a", score, source, **ANN)
        with pytest.raises(NotFound, match="there is no number 'zz'"):
            await flag_number(one.pool, "zz", 1.0, "x", **ANN)
        with pytest.raises(BadInput, match="source: 'lab' has reported nothing"):
            await unflag_number(one.pool, "a", "lab", **ANN)
        assert await _audit(one) == []


async def test_who_had_no_number_is_looked_at_again_although_a_turn_read_the_change_first(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        for number in ("a", "b", "c"):
            await flag_number(one.pool, number, 1.0, "lab", **ANN)
        key = await one.wait_in()
        await one.turn()
        assert (await one.waiting(key))["blocker"] == "no_eligible_number"
        woken: list[bool] = []
        queries = UpkeepQueries(one.pool, one.store.worker, one.store.epoch)
        clock, metrics = SystemClock(), one.setting.metrics
        upkeep = Upkeep(queries, one.pools, clock, metrics, lambda: woken.append(True))
        await upkeep.follow_catalogue()
        await one.turn()
        woken.clear()
        await upkeep.follow_catalogue()
        assert (woken, (await one.waiting(key))["line"]) == ([], None)
        await unflag_number(one.pool, "a", **ANN)
        await one.pools.reload()
        await upkeep.follow_catalogue()
        assert woken == [True]
        assert [intent.number for intent in (await one.turn()).intents] == ["a"]
