"""Telnyx's webhooks as the simulated carrier sends them: signed as the official SDK wants it, spoilt as the scenario says."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.carrier.telnyx_wire import APPLICATION, STATE, ask, code, dial, dialled, event_of, events, telnyx_scenario
from tests.carrier.wire import ANSWERED, FROM, NOBODY, SILENT, TO, Heard, Wire, wired


async def public_key(wire: Wire) -> Ed25519PublicKey:
    shown: Any = (await wire.admin("GET", "accounts")).json["accounts"]
    return Ed25519PublicKey.from_public_bytes(b64decode(shown["tx"]["public_key"]))


def check_signature(key: Ed25519PublicKey, heard: Heard) -> None:
    """As documented: Ed25519 over the time, a bar and the raw body."""
    signature = b64decode(heard.headers["telnyx-signature-ed25519"], validate=True)
    key.verify(signature, heard.headers["telnyx-timestamp"].encode() + b"|" + heard.body)


async def test_a_calls_events_in_their_order_and_signed() -> None:
    async with wired(telnyx_scenario()) as wire:
        call = await dialled(wire, answering_machine_detection="detect")
        await wire.until_idle()
        key = await public_key(wire)
    assert sorted(events(wire)) == ["call.answered", "call.hangup", "call.initiated", "call.machine.detection.ended"]
    for heard in wire.receiver.heard:
        check_signature(key, heard)
        payload = event_of(heard)["payload"]
        named = {name: payload[name] for name in ("call_control_id", "connection_id", "client_state", "from", "to")}
        assert named == {
            "call_control_id": call["call_control_id"],
            "connection_id": APPLICATION,
            "client_state": STATE,
            "from": FROM,
            "to": TO,
        }
        assert heard.url.endswith("/callbacks/one?then=else")
    assert len({event_of(heard)["id"] for heard in wire.receiver.heard}) == 4


ENDS: list[tuple[dict[str, object], str, str, str]] = [
    (ANSWERED, "normal_clearing", "callee", "200"),
    (SILENT, "timeout", "unknown", "487"),
    (SILENT | {"busy_share": 1.0}, "user_busy", "callee", "486"),
    (SILENT | {"rejected_share": 1.0}, "call_rejected", "callee", "603"),
    (SILENT | {"unreachable_share": 1.0}, "unspecified", "unknown", "480"),
    (SILENT | {"invalid_share": 1.0}, "not_found", "unknown", "404"),
    (SILENT | {"failed_share": 1.0}, "unspecified", "unknown", "503"),
    (SILENT | {"labelled": True, "labelled_blocked_share": 1.0}, "call_rejected", "unknown", "608"),
]


@pytest.mark.parametrize(("behaviour", "cause", "source", "sip"), ENDS, ids=[row[3] for row in ENDS])
async def test_every_ending(behaviour: dict[str, object], cause: str, source: str, sip: str) -> None:
    async with wired(telnyx_scenario(behaviour)) as wire:
        await dialled(wire)
        await wire.until_idle()
    (payload,) = [event_of(each)["payload"] for each in wire.receiver.heard if b"call.hangup" in each.body]
    assert (payload["hangup_cause"], payload["hangup_source"], payload["sip_hangup_cause"]) == (cause, source, sip)


async def test_the_call_limit_ends_a_long_talk() -> None:
    async with wired(telnyx_scenario(ANSWERED | {"talk_s": 600})) as wire:
        await dialled(wire, time_limit_secs=30)
        await wire.until_idle()
    assert event_of(wire.receiver.heard[-1])["payload"]["hangup_cause"] == "time_limit"


@pytest.mark.parametrize(
    ("behaviour", "kind", "event", "result"),
    [
        ({}, "detect", "call.machine.detection.ended", "human"),
        ({"machine_share": 1.0, "machine_talk_s": 60}, "detect", "call.machine.detection.ended", "machine"),
        ({"machine_share": 1.0, "machine_talk_s": 60}, "premium", "call.machine.premium.detection.ended", "machine"),
        ({"detection_unknown_share": 1.0}, "greeting_end", "call.machine.detection.ended", "not_sure"),
    ],
)
async def test_machine_detection(behaviour: dict[str, object], kind: str, event: str, result: str) -> None:
    async with wired(telnyx_scenario({**ANSWERED, **NOBODY, **behaviour})) as wire:
        await dialled(wire, answering_machine_detection=kind)
        await wire.until_idle()
    (found,) = [event_of(each) for each in wire.receiver.heard if b"detection.ended" in each.body]
    assert (found["event_type"], found["payload"]["result"]) == (event, result)


# --- Faults -----------------------------------------------------------------------------------------------------------


async def test_a_failed_webhook_comes_again_as_it_was() -> None:
    answered: list[int] = []

    def fail_once(heard: Heard) -> int:
        answered.append(503 if not answered else 200)
        return answered[-1]

    async with wired(telnyx_scenario()) as wire:
        wire.receiver.reply = fail_once
        await dialled(wire)
        await wire.until_idle()
    bodies = [heard.body for heard in wire.receiver.heard]
    assert len(bodies) == 4
    assert len(set(bodies)) == 3


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "lost", "event": "ended"}, ["call.initiated", "call.answered"]),
        ({"kind": "reversed"}, ["call.hangup", "call.answered", "call.initiated"]),
    ],
)
async def test_webhooks_lost_and_reversed(fault: dict[str, object], expected: list[str]) -> None:
    async with wired(telnyx_scenario(faults=[{"on": "callback", **fault}])) as wire:
        await dialled(wire)
        await wire.until_idle()
    assert events(wire) == expected


async def test_webhooks_doubled_and_forged() -> None:
    async with wired(telnyx_scenario(faults=[{"kind": "duplicated", "on": "callback"}])) as wire:
        await dialled(wire)
        await wire.until_idle()
    assert sorted(events(wire)) == sorted(["call.initiated", "call.answered", "call.hangup"] * 2)
    async with wired(telnyx_scenario(faults=[{"kind": "forged", "on": "callback"}])) as wire:
        await dialled(wire)
        await wire.until_idle()
        key = await public_key(wire)
    for heard in wire.receiver.heard:
        with pytest.raises(InvalidSignature):
            check_signature(key, heard)


@pytest.mark.parametrize(("done", "accepted"), [(True, 1), (False, 0)])
async def test_a_server_error_with_and_without_a_call_by_header(done: bool, accepted: int) -> None:
    fault = {"X-Simulated-Fault": json.dumps({"kind": "status", "status": 503, "done": done})}
    async with wired(telnyx_scenario()) as wire:
        reply = await ask(wire, "POST", "calls", dial(wire), **fault)
        assert code(reply) == (503, "10037")
        await dialled(wire, to="+13035550144")
        assert wire.carrier.tally()["accepted"] == accepted + 1, "only the request that bears the header is spoilt"


@pytest.mark.parametrize("header", ["reset", "[]", '{"kind": "rest"}', '{"kind": "lost"}', '{"kind": "no_id", "x": 1}'])
async def test_a_header_that_says_nonsense_is_refused(header: str) -> None:
    async with wired(telnyx_scenario()) as wire:
        reply = await ask(wire, "POST", "calls", dial(wire), **{"X-Simulated-Fault": header})
    assert reply.status == 400
    assert "X-Simulated-Fault" in str(reply.json["error"])


@pytest.mark.parametrize("kind", ["no_id", "wrong_id"])
async def test_an_answer_without_the_right_id(kind: str) -> None:
    async with wired(telnyx_scenario(faults=[{"kind": kind, "on": "create"}])) as wire:
        data = await dialled(wire)
        await wire.until_idle()
    right = event_of(wire.receiver.heard[0])["payload"]["call_control_id"]
    assert data.get("call_control_id") != right
    assert ("call_control_id" in data) == (kind == "wrong_id")


@pytest.mark.parametrize("fault", [{"kind": "list_empty"}, {"kind": "list_lag", "seconds": 60}])
async def test_lists_that_lag(fault: dict[str, object]) -> None:
    async with wired(telnyx_scenario(speed=0.001, faults=[{"on": "list", **fault}])) as wire:
        call = await dialled(wire)
        live = await ask(wire, "GET", f"connections/{APPLICATION}/active_calls")
        told = await ask(wire, "GET", f"call_events?filter[leg_id]={call['call_leg_id']}")
    assert (live.json["data"], told.json["data"]) == ([], [])
