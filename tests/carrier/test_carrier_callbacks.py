"""What the simulated carrier calls back with: the events asked for, in order, signed, retried as documented."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from outdial.carrier.courier import Retry
from outdial.carrier.twilio_callbacks import retry_of, signature
from tests.carrier.wire import ALL_EVENTS, ANSWERED, FROM, SID, SILENT, TO, TOKEN, Heard, scenario, wired

Json = dict[str, object]
_EXAMPLES = Path(__file__).parents[1] / "data" / "twilio_callbacks.json"
MACHINE = {**ANSWERED, "machine_share": 1.0, "machine_talk_s": 30, "detection_s": 4}

EXAMPLES: list[tuple[str, Json, Json]] = [
    ("human", {**ANSWERED, "talk_s": 39}, {"MachineDetection": "Enable"}),
    ("machine", {**MACHINE, "machine_talk_s": 7}, {"MachineDetection": "Enable"}),
    ("busy", {**SILENT, "busy_share": 1}, {}),
    ("no_answer", SILENT, {}),
    ("rejected", {**SILENT, "rejected_share": 1}, {}),
    ("invalid_number", {**SILENT, "invalid_share": 1}, {}),
    ("carrier_failed", {**SILENT, "failed_share": 1}, {}),
]
_VARYING = ("CallSid", "AccountSid", "From", "Caller", "To", "Called", "Timestamp", "MachineDetectionDuration")


def by_sequence(heard: list[Heard]) -> list[Heard]:
    """Status callbacks in the order in which they were fired; several may overtake each other on the way."""
    return sorted((each for each in heard if each.status), key=lambda each: int(each.params["SequenceNumber"]))


def said(params: dict[str, str]) -> dict[str, str]:
    """What does not differ from call to call, or from place to place."""
    return {key: value for key, value in params.items() if key not in _VARYING and not _is_place(key)}


def _is_place(key: str) -> bool:
    return key.removeprefix("From").removeprefix("To") in ("Country", "State", "City", "Zip")


@pytest.mark.parametrize(("name", "behaviour", "changes"), EXAMPLES, ids=[row[0] for row in EXAMPLES])
async def test_a_call_says_what_the_documented_sequence_says(name: str, behaviour: Json, changes: Json) -> None:
    sequences = json.loads(_EXAMPLES.read_text(encoding="utf-8"))["sequences"]
    expected = cast(list[dict[str, str]], sequences[name])
    async with wired(scenario({**behaviour, "detection_s": 3})) as wire:
        background = {"AsyncAmd": "true", "AsyncAmdStatusCallback": f"{wire.receiver.url}/callbacks/one?amd"}
        sid = await wire.created(**changes, **(background if changes else {}))
        await wire.until_idle()
    status = by_sequence(wire.receiver.heard)
    assert [said(each.params) for each in status] == [said(each) for each in expected if "CallStatus" in each]
    assert [set(each.params) for each in status] == [set(each) for each in expected if "CallStatus" in each]
    detections = [each.params for each in wire.receiver.heard if not each.status]
    assert [said(each) for each in detections] == [said(each) for each in expected if "CallStatus" not in each]
    for params in [each.params for each in status]:
        assert (params["CallSid"], params["AccountSid"], params["From"], params["To"]) == (sid, SID, FROM, TO)


async def test_a_canceled_call_ends_without_a_sip_code() -> None:
    async with wired(scenario(speed=0.001)) as wire:
        sid = await wire.created()
        await wire.carrier.wait_for(lambda: bool(wire.receiver.heard))
        await wire.ask("POST", f"Calls/{sid}.json", [("Status", "canceled")])
        await wire.until_idle()
    last = wire.receiver.heard[-1].params
    assert (last["CallStatus"], last["CallDuration"], "SipResponseCode" in last) == ("canceled", "0", False)


@pytest.mark.parametrize(
    ("asked", "statuses"),
    [
        (None, ["completed"]),
        (["answered"], ["in-progress"]),
        (["ringing", "completed"], ["ringing", "completed"]),
        (list(ALL_EVENTS), ["initiated", "ringing", "in-progress", "completed"]),
    ],
)
async def test_only_the_events_asked_for_are_sent(asked: list[str] | None, statuses: list[str]) -> None:
    async with wired() as wire:
        await wire.created(StatusCallbackEvent=asked)
        await wire.until_idle()
    fired = by_sequence(wire.receiver.heard)
    assert [each.status for each in fired] == statuses
    assert [each.params["SequenceNumber"] for each in fired] == [str(number) for number in range(len(statuses))]


async def test_an_application_takes_the_status_callbacks_over() -> None:
    async with wired() as wire:
        await wire.created(ApplicationSid="AP" + "0" * 32)
        await wire.until_idle()
        assert wire.receiver.heard == []
        assert wire.carrier.tally()["accounts"]["us"]["endings"] == {"completed": 1}


@pytest.mark.parametrize(
    ("changes", "detected"),
    [
        ({"MachineDetection": "Enable"}, "machine_start"),
        ({"MachineDetection": "DetectMessageEnd"}, "machine_end_beep"),
        ({"MachineDetection": "Enable", "SendDigits": "1"}, None),
        ({}, None),
    ],
)
async def test_machine_detection_in_the_foreground(changes: Json, detected: str | None) -> None:
    async with wired(scenario(MACHINE)) as wire:
        sid = await wire.created(**changes)
        await wire.until_idle()
        call = await wire.ask("GET", f"Calls/{sid}.json")
    assert by_sequence(wire.receiver.heard)[-1].params.get("AnsweredBy") == detected
    assert call.json["answered_by"] == detected
    assert len(wire.receiver.heard) == 4


async def test_no_detection_result_when_the_call_ends_first() -> None:
    async with wired(scenario({**MACHINE, "detection_s": 31})) as wire:
        amd = f"{wire.receiver.url}/amd"
        await wire.created(MachineDetection="Enable", AsyncAmd="true", AsyncAmdStatusCallback=amd)
        await wire.until_idle()
    assert "/amd" not in [each.path for each in wire.receiver.heard]
    assert "AnsweredBy" not in by_sequence(wire.receiver.heard)[-1].params


def independently_signed(url: str, params: dict[str, str]) -> str:
    """The signature by the words of the documentation, written a second time."""
    text = url
    for key in sorted(params):
        text += key + params[key]
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def test_the_signature_of_the_documented_example() -> None:
    """The well-known example of Twilio's documentation; checked with openssl as well."""
    params = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+12349013030",
        "Digits": "1234",
        "From": "+12349013030",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, params) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="


@pytest.mark.parametrize("query", ["", "?tenant=a%20b&x=1", "?amd#rc=3&rp=5xx,ct,rt"])
async def test_every_callback_is_signed_over_its_url_without_fragment(query: str) -> None:
    async with wired() as wire:
        await wire.created(StatusCallback=f"{wire.receiver.url}/callbacks/one{query}")
        await wire.until_idle()
    assert len(wire.receiver.heard) == 4
    for each in wire.receiver.heard:
        assert each.url == f"{wire.receiver.url}/callbacks/one{query.partition('#')[0]}"
        assert each.headers["X-Twilio-Signature"] == independently_signed(each.url, each.params)


async def test_callbacks_by_get_carry_all_in_the_query() -> None:
    async with wired() as wire:
        await wire.created(StatusCallbackMethod="GET", StatusCallback=f"{wire.receiver.url}/cb?a=1")
        await wire.until_idle()
    assert len(wire.receiver.heard) == 4
    for each in wire.receiver.heard:
        assert (each.method, each.body) == ("GET", b"")
        assert each.url.startswith(f"{wire.receiver.url}/cb?a=1&CallSid=")
        assert each.headers["X-Twilio-Signature"] == independently_signed(each.url, {})


async def test_idempotency_tokens_tell_callbacks_apart() -> None:
    async with wired() as wire:
        await wire.created()
        await wire.until_idle()
    assert len({each.headers["I-Twilio-Idempotency-Token"] for each in wire.receiver.heard}) == 4


RETRIES: list[tuple[str, int, int]] = [
    ("", 500, 1),
    ("#rc=3&rp=5xx", 500, 4),
    ("#rc=2&rp=4xx", 404, 3),
    ("#rc=2&rp=ct,rt", 500, 1),
    ("#rc=0&rp=all", 500, 1),
    ("#rp=all", 503, 2),
    ("#rc=3&rp=5xx", 204, 1),
]


@pytest.mark.parametrize(("fragment", "status", "requests"), RETRIES)
async def test_failed_callbacks_are_retried_by_the_rules_in_the_fragment(
    fragment: str, status: int, requests: int
) -> None:
    async with wired() as wire:
        wire.receiver.reply = lambda heard: status
        hook = f"{wire.receiver.url}/callbacks/one{fragment}"
        await wire.created(StatusCallback=hook, StatusCallbackEvent="completed")
        await wire.until_idle()
        counted = wire.carrier.tally()["callbacks"]
    assert len(wire.receiver.heard) == requests
    assert len({each.headers["I-Twilio-Idempotency-Token"] for each in wire.receiver.heard}) == 1
    assert counted.get("retried", 0) == requests - 1
    assert counted["sent"] == 1


async def test_a_callback_that_cannot_be_connected_is_retried_once_and_given_up() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/callbacks/one"
        async with wired() as wire:
            await wire.created(StatusCallback=nobody, StatusCallbackEvent="completed")
            await wire.until_idle()
            counted = wire.carrier.tally()["callbacks"]
    assert counted == {"sent": 1, "retried": 1, "failed_connect": 1}


async def test_a_callback_without_an_answer_in_time_is_given_up() -> None:
    async with wired() as wire:
        wire.receiver.gate = asyncio.Event()
        hook = f"{wire.receiver.url}/callbacks/one#rt=100&rc=1&rp=rt"
        await wire.created(StatusCallback=hook, StatusCallbackEvent="completed")
        await wire.until_idle()
        counted = wire.carrier.tally()["callbacks"]
    assert counted == {"sent": 1, "retried": 1, "failed_read": 1}
    assert len(wire.receiver.heard) == 2


def test_the_fragment_is_kept_within_the_documented_bounds() -> None:
    assert retry_of("") == Retry()
    assert retry_of("rc=9&ct=1&rt=99999&tt=99999&rp=5xx,nonsense") == Retry(5, frozenset({"5xx"}), 0.1, 15.0, 15.0)
    assert retry_of("rc=x&rp=all") == Retry(1, frozenset({"connect", "read", "4xx", "5xx"}))


async def test_many_calls_at_once_each_get_their_callbacks() -> None:
    async with wired() as wire:
        calls = [
            wire.created(To=f"+1303555{number:04}", StatusCallback=f"{wire.receiver.url}/cb/{number}")
            for number in range(200)
        ]
        await asyncio.gather(*calls)
        await wire.until_idle()
    assert Counter(each.path for each in wire.receiver.heard) == {f"/cb/{number}": 4 for number in range(200)}
