"""The Twilio API of the simulated carrier, measured against the official OpenAPI description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import jsonschema
import pytest

from tests.carrier.wire import ANSWERED, FROM, SID, SILENT, TO, Reply, Wire, scenario, wired

Json = dict[str, object]
_OFFICIAL = Path(__file__).parents[1] / "data" / "openapi" / "twilio_calls.json"
_CREATE = "/2010-04-01/Accounts/{AccountSid}/Calls.json"


def _part(*keys: str) -> Json:
    value: object = json.loads(_OFFICIAL.read_text(encoding="utf-8"))
    for key in keys:
        value = cast(Json, value)[key]
    return cast(Json, value)


def _as_json_schema(value: object) -> object:
    """OpenAPI 3.0's `nullable` in the words of JSON Schema; unknown formats are annotations there as well."""
    if isinstance(value, list):
        return [_as_json_schema(each) for each in value]
    if not isinstance(value, dict):
        return value
    converted = {key: _as_json_schema(each) for key, each in value.items() if key != "nullable"}
    if value.get("nullable"):
        return {"anyOf": [{"type": "null"}, converted]}
    return converted


def check(schema: str, value: object) -> None:
    """Fail unless the value is as the official description says; no field may be missing or unknown."""
    schemas = cast(dict[str, Json], _as_json_schema(_part("components", "schemas")))
    strict = {**schemas[schema], "additionalProperties": False, "components": {"schemas": schemas}}
    jsonschema.Draft202012Validator(strict).validate(value)


def check_call(value: Json) -> None:
    """Fail unless it is a whole Call resource."""
    check("api.v2010.account.call", value)
    assert set(value) == set(_part("components", "schemas", "api.v2010.account.call", "properties"))


async def test_a_new_call_is_a_queued_call_resource() -> None:
    async with wired(scenario(speed=1.0)) as wire:
        reply = await wire.create()
    assert reply.status == 201
    check_call(reply.json)
    assert (reply.json["status"], reply.json["to"], reply.json["from"]) == ("queued", TO, FROM)
    assert (reply.json["start_time"], reply.json["duration"], reply.json["queue_time"]) == (None, None, "0")


async def _shape_at(wire: Wire, sid: str) -> Json:
    reply = await wire.ask("GET", f"Calls/{sid}.json")
    assert reply.status == 200
    check_call(reply.json)
    return reply.json


async def test_each_stage_of_a_call_is_a_call_resource() -> None:
    async with wired(scenario(speed=0.001)) as wire:
        sid = await wire.created(MachineDetection="Enable")
        statuses = []
        await wire.carrier.wait_for(lambda: bool(wire.receiver.heard))
        for _ in range(4):
            statuses.append((await _shape_at(wire, sid))["status"])
            await wire.admin("POST", f"calls/{sid}", {"do": "advance"})
    assert statuses == ["queued", "ringing", "in-progress", "completed"]


@pytest.mark.parametrize(
    ("behaviour", "status", "duration", "price"),
    [
        (ANSWERED, "completed", "60", "-0.01400"),
        (SILENT, "no-answer", "0", None),
        ({**SILENT, "busy_share": 1}, "busy", "0", None),
        ({**SILENT, "rejected_share": 1}, "busy", "0", None),
        ({**SILENT, "failed_share": 1}, "failed", "0", None),
        ({**SILENT, "labelled": True, "labelled_blocked_share": 1}, "failed", "0", None),
    ],
)
async def test_an_ended_call_keeps_its_result(behaviour: Json, status: str, duration: str, price: str | None) -> None:
    async with wired(scenario(behaviour)) as wire:
        sid = await wire.created()
        await wire.until_idle()
        call = await _shape_at(wire, sid)
    assert (call["status"], call["duration"], call["price"]) == (status, duration, price)
    assert call["end_time"] is not None


async def test_the_caller_may_send_every_documented_field() -> None:
    fields = {
        "Timeout": 25,
        "TimeLimit": 600,
        "Record": "true",
        "Method": "POST",
        "StatusCallbackMethod": "POST",
        "MachineDetection": "DetectMessageEnd",
        "MachineDetectionTimeout": 20,
        "AsyncAmd": "true",
        "AsyncAmdStatusCallback": "http://127.0.0.1:1/amd",
        "AsyncAmdStatusCallbackMethod": "POST",
        "CallReason": "appointment",
    }
    body = ("post", "requestBody", "content", "application/x-www-form-urlencoded", "schema", "properties")
    known = _part("paths", _CREATE, *body)
    async with wired(scenario(speed=1.0)) as wire:
        form = wire.form(**fields)
        assert {name for name, _ in form} <= set(known)
        assert (await wire.ask("POST", "Calls.json", form)).status == 201


Refusal = tuple[dict[str, object], int, int]

REFUSED: list[Refusal] = [
    ({"To": None}, 400, 21201),
    ({"From": None}, 400, 21213),
    ({"To": "5550143"}, 400, 21211),
    ({"To": "+1303555014x"}, 400, 21211),
    ({"To": FROM}, 400, 21211),
    ({"From": "12025550101"}, 400, 21212),
    ({"From": "+12025550199"}, 400, 21210),
    ({"Twiml": None}, 400, 21205),
    ({"Url": "ftp://customer.example/answer"}, 400, 21205),
    ({"Url": "customer.example"}, 400, 21205),
    ({"Twiml": "x" * 4001}, 400, 20001),
    ({"StatusCallback": "http://under_score.example/x"}, 400, 21205),
    ({"StatusCallback": "http://[::1/x"}, 400, 21205),
    ({"StatusCallbackMethod": "PUT"}, 400, 21209),
    ({"StatusCallbackEvent": ["initiated", "begun"]}, 400, 21626),
    ({"ApplicationSid": "AP1"}, 400, 21218),
    ({"Timeout": "601"}, 400, 21208),
    ({"Timeout": "soon"}, 400, 21208),
    ({"MachineDetection": "Yes"}, 400, 20001),
]


def refused_with(reply: Reply, status: int, code: int) -> None:
    """Fail unless it is that error in the documented form."""
    assert (reply.status, reply.json["code"]) == (status, code)
    check("twilio_rest_error", reply.json)


@pytest.mark.parametrize(("changes", "status", "code"), REFUSED, ids=[f"{row[2]}-{row[0]}" for row in REFUSED])
async def test_a_bad_create_request_makes_no_call(changes: Json, status: int, code: int) -> None:
    async with wired() as wire:
        refused_with(await wire.create(**changes), status, code)
        tally = wire.carrier.tally()
    assert (tally["accepted"], tally["accounts"]["us"]["refused"]) == (0, {str(code): 1})


@pytest.mark.parametrize(
    ("refuse", "code"),
    [("not_permitted", 21215), ("blocked", 21216), ("unreachable", 21214), ("invalid", 21217), ("caller_id", 21212)],
)
async def test_a_destination_may_be_refused(refuse: str, code: int) -> None:
    told = scenario(destinations=[{"prefix": "+1303555", "refuse": refuse}])
    async with wired(told) as wire:
        refused_with(await wire.create(), 400, code)
        assert (await wire.create(To="+13045550143")).status == 201


async def test_wrong_credentials_are_refused() -> None:
    async with wired() as wire:
        refused_with(await wire.ask("POST", "Calls.json", wire.form(), token="wrong"), 401, 20003)
        url = f"{wire.carrier.url}/2010-04-01/Accounts/AC{'9' * 32}/Calls.json"
        async with wire.session.get(url) as response:
            assert response.status == 401
        assert wire.carrier.tally()["accepted"] == 0


async def test_a_suspended_account_is_refused_until_it_is_not() -> None:
    async with wired() as wire:
        await wire.admin("POST", "accounts/us", {"suspended": True})
        refused_with(await wire.create(), 401, 20005)
        await wire.admin("POST", "accounts/us", {"suspended": False})
        assert (await wire.create()).status == 201


async def test_an_unknown_call_is_not_found() -> None:
    async with wired() as wire:
        refused_with(await wire.ask("GET", f"Calls/CA{'0' * 32}.json"), 404, 20404)
        refused_with(await wire.ask("POST", f"Calls/CA{'0' * 32}.json", [("Status", "completed")]), 404, 20404)


async def test_other_paths_are_not_there() -> None:
    async with (
        wired() as wire,
        wire.session.get(f"{wire.carrier.url}/2010-04-01/Accounts/{SID}/Messages.json") as reply,
    ):
        assert reply.status == 404


@pytest.mark.parametrize(
    ("steps", "status", "ends"),
    [
        (1, "canceled", "canceled"),
        (1, "completed", "canceled"),
        (2, "completed", "completed"),
    ],
)
async def test_hanging_up(steps: int, status: str, ends: str) -> None:
    """`canceled` before the answer, `completed` at any time; then nothing more can be changed."""
    async with wired(scenario(speed=0.001)) as wire:
        sid = await wire.created()
        await wire.carrier.wait_for(lambda: bool(wire.receiver.heard))
        for _ in range(steps):
            await wire.admin("POST", f"calls/{sid}", {"do": "advance"})
        reply = await wire.ask("POST", f"Calls/{sid}.json", [("Status", status)])
        assert (reply.status, reply.json["status"]) == (200, ends)
        check_call(reply.json)
        refused_with(await wire.ask("POST", f"Calls/{sid}.json", [("Status", "completed")]), 400, 21220)
        await wire.until_idle()
        assert wire.receiver.statuses()[-1] == ends


async def test_a_call_in_progress_cannot_be_canceled() -> None:
    async with wired(scenario(speed=0.001)) as wire:
        sid = await wire.created()
        await wire.carrier.wait_for(lambda: bool(wire.receiver.heard))
        for _ in range(2):
            await wire.admin("POST", f"calls/{sid}", {"do": "advance"})
        refused_with(await wire.ask("POST", f"Calls/{sid}.json", [("Status", "canceled")]), 400, 21220)
        assert (await _shape_at(wire, sid))["status"] == "in-progress"
