"""Faults of the simulated carrier: what the caller sees, and whether there is a call although it saw an error."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import cast

import aiohttp
import pytest

from outdial.carrier.faults import EVENTS, KINDS, Fault, FaultBox, read_fault
from outdial.carrier.reading import ScenarioError, Table
from tests.carrier.test_call_resource import check
from tests.carrier.test_carrier_callbacks import by_sequence, independently_signed
from tests.carrier.wire import Wire, scenario, wired

Json = dict[str, object]


def accepted(wire: Wire) -> int:
    """How many calls the carrier has taken."""
    return wire.carrier.tally()["accepted"]


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_an_error_status_with_or_without_a_call(status: int, done: bool) -> None:
    async with wired(scenario(faults=[{"kind": "status", "status": status, "done": done, "times": 1}])) as wire:
        reply = await wire.create()
        assert reply.status == status
        check("twilio_rest_error", reply.json)
        assert accepted(wire) == int(done)
        assert (await wire.create(To="+13035550144")).status == 201


@pytest.mark.parametrize(("retry_after_s", "header"), [(7, "7"), (None, None)])
async def test_too_many_requests_with_or_without_advice(retry_after_s: int | None, header: str | None) -> None:
    fault: Json = {"kind": "status", "status": 429}
    async with wired(scenario(faults=[fault | ({"retry_after_s": retry_after_s} if retry_after_s else {})])) as wire:
        reply = await wire.create()
    assert (reply.status, reply.headers.get("Retry-After"), reply.json["code"]) == (429, header, 20429)


@pytest.mark.parametrize(("body", "start"), [("html", "<html>"), ("empty", "")])
async def test_a_gateway_answers_in_its_own_words(body: str, start: str) -> None:
    async with wired(scenario(faults=[{"kind": "status", "status": 502, "body": body}])) as wire:
        reply = await wire.create()
    assert (reply.status, reply.json) == (502, {})
    assert reply.text.startswith(start)
    assert bool(reply.text) is bool(start)


@pytest.mark.parametrize("done", [False, True])
async def test_a_reset_with_or_without_a_call(done: bool) -> None:
    async with wired(scenario(faults=[{"kind": "reset", "done": done}])) as wire:
        with pytest.raises(aiohttp.ClientError):
            await wire.create()
        assert accepted(wire) == int(done)


async def test_an_answer_cut_in_the_middle() -> None:
    async with wired(scenario(faults=[{"kind": "truncated"}])) as wire:
        with pytest.raises(aiohttp.ClientPayloadError):
            await wire.create()
        assert accepted(wire) == 1


@pytest.mark.parametrize(("kind", "calls"), [("late", 1), ("drip", 1), ("latency", 0)])
async def test_an_answer_after_the_caller_gave_up(kind: str, calls: int) -> None:
    """Latency comes before anything is done, lateness and dripping after it."""
    async with wired(scenario(faults=[{"kind": kind, "seconds": 600}])) as wire:
        with pytest.raises(TimeoutError):
            await wire.ask("POST", "Calls.json", wire.form(), timeout_s=0.2)
        assert accepted(wire) == calls


@pytest.mark.parametrize("kind", ["latency", "late", "drip"])
async def test_a_slow_answer_is_whole(kind: str) -> None:
    async with wired(scenario(faults=[{"kind": kind, "seconds": 0.05}])) as wire:
        assert str((await wire.create()).json["sid"]).startswith("CA")


@pytest.mark.parametrize("kind", ["no_id", "wrong_id"])
async def test_an_answer_that_does_not_lead_to_the_call(kind: str) -> None:
    async with wired(scenario(faults=[{"kind": kind}])) as wire:
        reply = await wire.create()
        assert (reply.status, accepted(wire)) == (201, 1)
        assert ("sid" in reply.json) is (kind == "wrong_id")
        assert (await wire.ask("GET", f"Calls/{reply.json.get('sid', 'none')}.json")).status == 404


async def test_the_first_callback_before_the_answer() -> None:
    async with wired(scenario(faults=[{"kind": "callback_first"}], speed=0.001)) as wire:
        wire.receiver.gate = asyncio.Event()
        creating = asyncio.create_task(wire.create())
        await wire.receiver.arrived.wait()
        assert not creating.done()
        assert wire.receiver.statuses() == ["initiated"]
        wire.receiver.gate.set()
        assert (await creating).json["sid"] == wire.receiver.heard[0].params["CallSid"]


async def test_waiting_for_a_callback_that_does_not_come_ends() -> None:
    told = scenario(faults=[{"kind": "callback_first", "seconds": 0.05}, {"kind": "lost"}])
    async with wired(told) as wire:
        assert (await wire.create()).status == 201
        assert wire.carrier.tally()["callbacks"]["callback_first_in_vain"] == 1


@pytest.mark.parametrize("on", ["fetch", "list", "update"])
async def test_look_ups_may_fail_too(on: str) -> None:
    async with wired(scenario(faults=[{"kind": "status", "on": on, "status": 503}], speed=0.001)) as wire:
        sid = await wire.created()
        statuses = {
            "fetch": (await wire.ask("GET", f"Calls/{sid}.json")).status,
            "list": (await wire.ask("GET", "Calls.json")).status,
            "update": (await wire.ask("POST", f"Calls/{sid}.json", [("Status", "completed")])).status,
        }
    assert statuses == {"fetch": 200, "list": 200, "update": 200} | {on: 503}


async def test_lost_callbacks_never_come() -> None:
    async with wired(scenario(faults=[{"kind": "lost", "event": "ended"}])) as wire:
        await wire.created()
        await wire.until_idle()
        assert wire.carrier.tally()["callbacks"]["lost"] == 1
    assert [each.status for each in by_sequence(wire.receiver.heard)] == ["initiated", "ringing", "in-progress"]


async def test_duplicated_callbacks_are_the_same_one() -> None:
    async with wired(scenario(faults=[{"kind": "duplicated", "copies": 3}])) as wire:
        await wire.created()
        await wire.until_idle()
    assert Counter(wire.receiver.statuses()) == {"initiated": 3, "ringing": 3, "in-progress": 3, "completed": 3}
    assert len({each.headers["I-Twilio-Idempotency-Token"] for each in wire.receiver.heard}) == 4


async def test_reversed_callbacks_come_at_the_end() -> None:
    async with wired(scenario(faults=[{"kind": "reversed"}])) as wire:
        sid = await wire.created()
        await wire.carrier.wait_for(lambda: wire.carrier.tally()["ended"] == 1)
        first = wire.receiver.statuses()
        await wire.until_idle()
        call = await wire.ask("GET", f"Calls/{sid}.json")
    assert (first, call.json["status"]) == ([], "completed")
    assert wire.receiver.statuses() == ["completed", "in-progress", "ringing", "initiated"]
    assert wire.carrier.tally()["callbacks"]["reversed"] == 4


async def test_a_delayed_callback_comes_after_the_end() -> None:
    async with wired(scenario(faults=[{"kind": "delayed", "event": "ringing", "seconds": 0.3}])) as wire:
        await wire.created()
        await wire.until_idle()
    assert wire.receiver.statuses()[-1] == "ringing"


async def test_a_forged_callback_has_a_wrong_signature() -> None:
    async with wired(scenario(faults=[{"kind": "forged", "event": "ended"}])) as wire:
        await wire.created()
        await wire.until_idle()
    for each in wire.receiver.heard:
        right = each.headers["X-Twilio-Signature"] == independently_signed(each.url, each.params)
        assert right is (each.status != "completed")


async def test_faults_of_an_account_leave_the_others_alone() -> None:
    with pytest.raises(ScenarioError, match="there is no account 'gb'"):
        scenario(faults=[{"kind": "reset", "account": "gb"}])
    async with wired(scenario(faults=[{"kind": "status", "account": "us"}])) as wire:
        assert (await wire.create()).status == 500


async def test_faults_at_run_time() -> None:
    async with wired() as wire:
        bad = await wire.admin("POST", "faults", {"kind": "latte"})
        assert (bad.status, "did you mean 'late'?" in bad.text) == (400, True)
        assert (await wire.admin("POST", "faults", {"kind": "reset", "account": "gb"})).status == 400
        await wire.admin("POST", "faults", [{"kind": "status", "status": 500}, {"kind": "lost"}])
        assert (await wire.create()).status == 500
        listed = cast(list[Json], (await wire.admin("GET", "faults")).json["faults"])
        assert [(each["kind"], each["seen"], each["hits"]) for each in listed] == [("status", 1, 1), ("lost", 0, 0)]
        await wire.admin("DELETE", "faults")
        assert (await wire.create()).status == 201


def hits(fault: Json, requests: int = 20, seed: int = 1) -> list[int]:
    """The ordinals (from 1) that the rule spoils."""
    box = FaultBox(seed, [read_fault(Table(fault))])
    return [number for number in range(1, requests + 1) if box.draw("create", "us") is not None]


@pytest.mark.parametrize(
    ("schedule", "spoilt"),
    [
        ({}, list(range(1, 21))),
        ({"nth": [3, 7]}, [3, 7]),
        ({"every": 6}, [6, 12, 18]),
        ({"every": 6, "times": 2}, [6, 12]),
        ({"times": 3}, [1, 2, 3]),
        ({"probability": 0.0}, []),
    ],
)
def test_schedules(schedule: Json, spoilt: list[int]) -> None:
    assert hits({"kind": "status", **schedule}) == spoilt


def test_probability_is_seeded_and_about_right() -> None:
    rule: Json = {"kind": "status", "probability": 0.2}
    assert hits(rule, 2000) == hits(rule, 2000)
    assert hits(rule, 2000) != hits(rule, 2000, seed=2)
    assert 330 < len(hits(rule, 2000)) < 470


def test_a_rule_counts_only_what_it_is_about() -> None:
    box = FaultBox(
        1, [Fault("status", "create", account="us", nth=frozenset({2})), Fault("lost", "callback", event="ended")]
    )
    assert box.draw("create", "gb") is None
    assert box.draw("create", "us") is None
    assert box.draw("list", "us") is None
    assert box.draw("create", "us") is not None
    assert [box.draw("callback", "us", event) is not None for event in EVENTS] == [False, False, False, True, False]


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({}, r"kind: is missing"),
        ({"kind": "lost", "on": "create"}, r"on: 'create' is not known \(one of: callback\)"),
        ({"kind": "status", "status": 99}, r"status: 99 is out of range \(from 200 to 599\)"),
        ({"kind": "status", "probabilty": 1}, r"probabilty: unknown key \(did you mean 'probability'\?\)"),
        ({"kind": "status", "probability": 2}, r"probability: 2 is out of range \(from 0 to 1\)"),
        ({"kind": "status", "nth": 3}, r"nth: 3 is not a list of whole numbers"),
        ({"kind": "status", "done": "yes"}, r"done: 'yes' is not true or false"),
        ({"kind": "late", "seconds": "5"}, r"seconds: '5' is not a number"),
    ],
)
def test_a_bad_rule_is_refused(rule: Json, complaint: str) -> None:
    with pytest.raises(ScenarioError, match=complaint):
        read_fault(Table(rule))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_place_by_default(kind: str) -> None:
    assert read_fault(Table({"kind": kind})).on == KINDS[kind][0]
