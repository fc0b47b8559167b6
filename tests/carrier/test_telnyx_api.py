"""The Telnyx API of the simulated carrier, measured against the official OpenAPI description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest

from outdial.carrier import ScenarioError
from tests.carrier.telnyx_wire import APPLICATION, STATE, ask, code, dial, dialled, events, telnyx_scenario
from tests.carrier.wire import ANSWERED, FROM, NOBODY, OTHER_FROM, TO, Wire, wired

_OFFICIAL: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "openapi" / "telnyx_calls.json").read_text(encoding="utf-8")
)
SLOW = 0.001
"""The speed at which nothing moves by itself."""


def check(response: str, value: object) -> None:
    """Fail unless the value is as the official description says."""
    schema = _OFFICIAL["components"]["responses"][response]["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": _OFFICIAL["components"]}).validate(value)


async def status(wire: Wire, call: dict[str, Any]) -> dict[str, Any]:
    reply = await ask(wire, "GET", f"calls/{quote(call['call_control_id'])}")
    assert reply.status == 200
    check("RetrieveCallStatusResponse", reply.json)
    data = reply.json["data"]
    assert isinstance(data, dict)
    return data


async def advance(wire: Wire, call: dict[str, Any]) -> None:
    await wire.admin("POST", f"calls/{call['call_control_id']}", {"do": "advance"})


async def test_a_new_call_is_a_call_that_is_not_alive_yet() -> None:
    async with wired(telnyx_scenario(speed=SLOW)) as wire:
        reply = await ask(wire, "POST", "calls", dial(wire))
    assert reply.status == 200
    check("RetrieveCallStatusResponseWithRecordingId", reply.json)
    data = reply.json["data"]
    assert isinstance(data, dict)
    assert (data["is_alive"], data["client_state"], "end_time" in data) == (False, STATE, False)
    assert len({data["call_control_id"], data["call_leg_id"], data["call_session_id"]}) == 3


async def test_each_stage_of_a_call_has_its_status_and_its_place_in_the_lists() -> None:
    async with wired(telnyx_scenario(speed=SLOW)) as wire:
        call = await dialled(wire)
        alive, live = [], []
        await wire.carrier.wait_for(lambda: bool(wire.receiver.heard))
        for _ in range(4):
            alive.append((await status(wire, call))["is_alive"])
            reply = await ask(wire, "GET", f"connections/{APPLICATION}/active_calls?page[limit]=250")
            check("ActiveCallsResponse", reply.json)
            live.append([row["client_state"] for row in reply.json["data"]])  # type: ignore[attr-defined]  # a list
            await advance(wire, call)
        assert "end_time" in await status(wire, call)
    assert alive == [True, True, True, False]
    assert live == [[STATE], [STATE], [STATE], []]


async def test_the_list_of_events_tells_what_was_sent_or_lost() -> None:
    lost = [{"kind": "lost", "on": "callback"}]
    async with wired(telnyx_scenario(faults=lost)) as wire:
        call = await dialled(wire)
        await dialled(wire, to="+13035550199")
        await wire.until_idle()
        by_leg = await ask(wire, "GET", f"call_events?filter[leg_id]={call['call_leg_id']}&page[size]=250")
        by_pair = await ask(wire, "GET", f"call_events?filter[from]={quote(FROM)}&filter[to]={quote(TO)}")
        other = await ask(wire, "GET", f"call_events?filter[from]={quote(OTHER_FROM)}")
        paged = await ask(wire, "GET", f"call_events?filter[from]={quote(FROM)}&page[size]=4&page[number]=2")
    check("ListCallEventsResponse", by_leg.json)
    assert wire.receiver.heard == []
    names = [row["name"] for row in by_leg.json["data"]]  # type: ignore[attr-defined]  # a list
    assert names == ["call.initiated", "call.answered", "call.hangup"]
    assert by_pair.json["data"] == by_leg.json["data"]
    assert other.json["data"] == []
    assert (len(paged.json["data"]), paged.json["meta"]["total_pages"]) == (2, 2)  # type: ignore[arg-type,index]  # as above


@pytest.mark.parametrize("advances", [0, 1, 2])
async def test_hanging_up_whatever_the_state(advances: int) -> None:
    async with wired(telnyx_scenario(speed=SLOW)) as wire:
        call = await dialled(wire)
        await wire.carrier.wait_for(lambda: bool(wire.receiver.heard))
        for _ in range(advances):
            await advance(wire, call)
        path = f"calls/{call['call_control_id']}/actions/hangup"
        assert (await ask(wire, "POST", path)).status == 422, "a body is required"
        reply = await ask(wire, "POST", path, {})
        check("CallControlCommandResponse", reply.json)
        again = await ask(wire, "POST", path, {})
        await wire.until_idle()
        hangup = json.loads(wire.receiver.heard[-1].body)["data"]["payload"]
    assert (reply.status, code(again)) == (200, (422, "90018"))
    expected = "normal_clearing" if advances == 2 else "originator_cancel"
    assert (hangup["hangup_cause"], hangup["hangup_source"]) == (expected, "caller")


REFUSED: list[tuple[dict[str, object], int, str]] = [
    ({"to": None}, 422, "10004"),
    ({"from": None}, 422, "10004"),
    ({"connection_id": None}, 422, "10004"),
    ({"connection_id": "1"}, 422, "10015"),
    ({"to": "13035550143"}, 422, "10016"),
    ({"to": [TO]}, 422, "10016"),
    ({"from": "12025550101"}, 422, "10016"),
    ({"from": "+12025550199"}, 403, "10010"),
    ({"timeout_secs": 4}, 422, "10033"),
    ({"timeout_secs": 601}, 422, "10032"),
    ({"time_limit_secs": 14401}, 422, "10032"),
    ({"timeout_secs": "30"}, 422, "10015"),
    ({"answering_machine_detection": "please"}, 422, "10015"),
    ({"webhook_url": "example.com"}, 422, "10015"),
    ({"webhook_url": "http://[::1"}, 422, "10015"),
    ({"webhook_url_method": "GET"}, 422, "10015"),
    ({"client_state": "not base64!"}, 422, "90017"),
    ({"to": "+19005550143"}, 403, "10010"),
]


@pytest.mark.parametrize(("changes", "http", "error"), REFUSED, ids=[str(row[0]) for row in REFUSED])
async def test_what_is_refused(changes: dict[str, object], http: int, error: str) -> None:
    premium = [{"prefix": "+1900", "refuse": "not_permitted"}]
    async with wired(telnyx_scenario(destinations=premium)) as wire:
        reply = await ask(wire, "POST", "calls", dial(wire, **changes))
        tally = wire.carrier.tally()
    assert code(reply) == (http, error)
    assert (tally["accepted"], tally["accounts"]["tx"]["refused"]) == (0, {error: 1})


async def test_above_the_limits_it_refuses_and_never_queues() -> None:
    full = telnyx_scenario(speed=SLOW, account={"limit": 1, "above_limit": "refuse"})
    async with wired(full) as wire:
        await dialled(wire)
        assert code(await ask(wire, "POST", "calls", dial(wire, to="+13035550144"))) == (403, "90043")
    async with wired(telnyx_scenario(speed=SLOW, account={"calls_per_second": 1})) as wire:
        await dialled(wire)
        reply = await ask(wire, "POST", "calls", dial(wire, to="+13035550144"))
        tally = wire.carrier.tally()
    headers = {name.lower(): value for name, value in reply.headers.items()}
    assert (code(reply), headers["x-ratelimit-reset"]) == ((429, "10011"), "1")
    assert tally["violation_counts"] == {"rate_exceeded": 1}


async def test_keys_and_accounts() -> None:
    async with wired(telnyx_scenario()) as wire:
        assert code(await ask(wire, "POST", "calls", dial(wire), key="KEYother")) == (401, "10009")
        assert code(await ask(wire, "GET", "calls/v3:nobody")) == (404, "10005")
        assert code(await ask(wire, "GET", "connections/1/active_calls")) == (404, "10005")
        assert code(await ask(wire, "GET", "call_events")) == (422, "10015")
        assert code(await ask(wire, "GET", "call_events?filter[color]=red")) == (422, "10015")
        await wire.admin("POST", "accounts/tx", {"suspended": True})
        assert code(await ask(wire, "POST", "calls", dial(wire))) == (403, "20013")


async def test_a_repeated_command_makes_no_second_call_and_is_counted() -> None:
    async with wired(telnyx_scenario()) as wire:
        first, again = [await dialled(wire, command_id="c1") for _ in range(2)]
        await wire.until_idle()
        tally = wire.carrier.tally()
    assert first["call_control_id"] == again["call_control_id"]
    assert (tally["accepted"], tally["accounts"]["tx"]["refused"]) == (1, {"repeated_command": 1})


async def test_both_apis_side_by_side_with_one_tally() -> None:
    accounts = {
        "tx": {"provider": "telnyx", "account_id": APPLICATION, "auth_token": "KEY0123456789ABCDEF", "numbers": [FROM]},
        "us": {"account_id": "AC00000000000000000000000000000001", "auth_token": "simulated-token",
               "numbers": [OTHER_FROM]},
    }  # fmt: skip
    async with wired(telnyx_scenario(accounts=accounts)) as wire:
        await dialled(wire)
        await wire.created(From=OTHER_FROM, To="+13035550144")
        await wire.until_idle()
        tally = wire.carrier.tally()
        shown = (await wire.admin("GET", "accounts")).json["accounts"]
    assert {name: (each["provider"], each["accepted"]) for name, each in tally["accounts"].items()} == {
        "tx": ("telnyx", 1),
        "us": ("twilio", 1),
    }
    assert {number: each["answered"] for number, each in tally["numbers"].items()} == {FROM: 1, OTHER_FROM: 1}
    assert isinstance(shown, dict)
    assert (shown["tx"]["account_id"], bool(shown["tx"]["public_key"]), shown["us"]["public_key"]) == (
        APPLICATION,
        True,
        None,
    )


@pytest.mark.parametrize("name", ["one", "other"])
def test_accounts_without_credentials_get_their_own(name: str) -> None:
    made = [telnyx_scenario(accounts={name: {"provider": "telnyx"}}).accounts[name] for _ in range(2)]
    assert made[0] == made[1]
    assert made[0].account_id.isdecimal()
    assert len(made[0].account_id) == 19


def test_one_key_for_two_accounts_and_unknown_providers_are_refused() -> None:
    twice = {name: {"provider": "telnyx", "auth_token": "KEY1"} for name in ("one", "other")}
    with pytest.raises(ScenarioError, match="its API key belongs to one"):
        telnyx_scenario(accounts=twice)
    with pytest.raises(ScenarioError, match="did you mean 'telnyx'"):
        telnyx_scenario(account={"provider": "telnix"})


async def test_fatigue_and_labels_tell_on_telnyx_numbers_too() -> None:
    """Rotation can be watched at work: the same people answer a worn-out number less."""
    tired = {
        FROM: {"fatigue_after": 5, "fatigue_half": 2},
        OTHER_FROM: {"labelled": True, "labelled_blocked_share": 1.0},
    }
    async with wired(telnyx_scenario({**ANSWERED, **NOBODY}, account={"numbers": tired})) as wire:
        for index in range(40):
            await dialled(wire, to=f"+1303555{index:04}")
        await dialled(wire, **{"from": OTHER_FROM, "to": "+13035559999"})
        await wire.until_idle()
        tally = wire.carrier.tally()
    assert 5 <= tally["numbers"][FROM]["answered"] < 20
    assert (tally["numbers"][OTHER_FROM]["dials"], tally["numbers"][OTHER_FROM]["answered"]) == (1, 0)
    assert "call.answered" in events(wire)
