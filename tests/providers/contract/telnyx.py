"""Telnyx for the contract suite, from its documentation; signatures made with PyNaCl and judged by its own SDK."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nacl.signing import SigningKey
from telnyx.lib.webhook_verification import WebhookVerificationError, verify_webhook_signature

from outdial.ports.carriers import Ambiguous, CallOrder, PlaceResult, Refused, RefusedForNow
from outdial.rules.call_progress import Progress
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import (
    PLACEMENT,
    Callbacks,
    Create,
    Event,
    HangUp,
    Headers,
    LookUp,
    ProviderUnderTest,
    Refusal,
    Search,
    as_json,
)
from tests.providers.scripted_server import Script, answers
from tests.providers.twilio_account import data

CALL_ID = "v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg"
LEG = "2dc6fc34-f9e0-11ea-b68e-02420a0f7768"
APPLICATION = "1494404757140276705"
KEY = SigningKey(bytes(range(32)))
PUBLIC_KEY = base64.b64encode(bytes(KEY.verify_key)).decode()
API_KEY = "KEY0123456789"
TOKEN = base64.b64encode(str(PLACEMENT).encode()).decode()
CUSTOMER = "https://voice.example.com/telnyx?tenant=acme&x=1"

_OFFICIAL = data("openapi/telnyx_calls.json")
_DIAL = _OFFICIAL["paths"]["/calls"]["post"]["responses"]
_ANSWERS = _OFFICIAL["components"]["responses"]
DIALING = _ANSWERS["RetrieveCallStatusResponseWithRecordingId"]["content"]["application/json"]["examples"]["dialing"]
STATUS = _ANSWERS["RetrieveCallStatusResponse"]["content"]["application/json"]["examples"]


def ours(event: Event) -> dict[str, Any]:
    """An example event with the token of the suite's call."""
    content = event["data"]
    return {**event, "data": {**content, "payload": {**content["payload"], "client_state": TOKEN}}}


SEQUENCES: Mapping[str, list[dict[str, Any]]] = {
    name: [ours(event) for event in events] for name, events in data("telnyx_callbacks.json")["sequences"].items()
}


def seal_of(address: str, api_key: str = API_KEY) -> str:
    key = hmac.digest(api_key.encode(), b"outdial: hand callbacks on", "sha256")
    return base64.urlsafe_b64encode(hmac.digest(key, f"{PLACEMENT}|{address}".encode(), "sha256")[:18]).decode()


def body(order: CallOrder) -> dict[str, object]:
    seal = seal_of(CUSTOMER)
    content: dict[str, object] = {
        "connection_id": APPLICATION,
        "to": order.to,
        "from": order.from_number,
        "timeout_secs": order.ring_timeout_s,
        "time_limit_secs": order.max_duration_s,
        "webhook_url": f"{order.callback_url}?then={quote(CUSTOMER, safe='')}&seal={seal}",
        "webhook_url_method": "POST",
        "client_state": TOKEN,
        "command_id": str(order.placement),
    }
    if order.detect_machine:
        content["answering_machine_detection"] = "detect"
    if order.record:
        content["record"] = "record-from-answer"
    return content


def authorized(headers: Headers) -> None:
    assert headers["authorization"] == f"Bearer {API_KEY}"


def error(code: str, pointer: str | None = None, detail: str = "…") -> dict[str, object]:
    source = {} if pointer is None else {"source": {"pointer": pointer}}
    return {"errors": [{"code": code, "title": "…", "detail": detail, **source}]}


def refused(outcome: Outcome, status: int, code: str) -> PlaceResult:
    match outcome:
        case Outcome.CAPACITY:
            return RefusedForNow(code, None)
        case Outcome.AMBIGUOUS:
            return Ambiguous("documented_as_ambiguous", code)
    return Refused(outcome, f"http_{status}", code)


BY_HAND: list[tuple[str, int, str, str | None, str, Outcome]] = [
    ("10016 of to", 422, "10016", "/to", "…", Outcome.INVALID_NUMBER),
    ("10016 of from", 422, "10016", "/from", "…", Outcome.CALLER_ID_REJECTED),
    ("10015 of the application", 422, "10015", "/connection_id", "…", Outcome.ACCOUNT_BLOCKED),
    ("10015 of anything else", 422, "10015", "/timeout_secs", "…", Outcome.APP_ERROR),
    ("10011 as a bad parameter", 422, "10011", "/media_encryption", "…", Outcome.APP_ERROR),
]
"""Codes whose meaning depends on what they point at."""
COLLECTED: list[Mapping[str, Any]] = data("telnyx_outcomes.json")["rules"]
NOT_PLAIN = {"10016", "10015", "10010", "10011", "10037"}
"""Told by hand, or (10037) documented with 503 only, which proves nothing."""


def refusals() -> list[Refusal]:
    """Every code and reason code that was collected from the documentation."""
    rows = list(BY_HAND)
    for rule in COLLECTED:
        code = str(rule["match"])
        if rule["where"] == "create error code" and code not in NOT_PLAIN:
            rows.append((code, 422, code, None, "…", Outcome(rule["outcome"])))
        elif rule["where"].startswith("D/P/T"):
            rows.append((f"10010 {code}", 403, "10010", None, f"refused {code}", Outcome(rule["outcome"])))
    return [
        Refusal(name, status, error(code, pointer, detail), refused(outcome, status, name if " D" in name or " P" in
                name or " T" in name else code))
        for name, status, code, pointer, detail, outcome in rows
    ]  # fmt: skip


def examples() -> list[Refusal]:
    """The error examples of the official description."""
    meant = {
        "auth": Outcome.ACCOUNT_BLOCKED,
        "not-whitelisted": Outcome.BLOCKED_DESTINATION,
        "channels": Outcome.CAPACITY,
        "profile-channels": Outcome.CAPACITY,
        "user-channels": Outcome.CAPACITY,
        "funds": Outcome.ACCOUNT_BLOCKED,
        "blocked": Outcome.ACCOUNT_BLOCKED,
        "invalid-number": Outcome.INVALID_NUMBER,
        "bad-connection": Outcome.ACCOUNT_BLOCKED,
        "missing": Outcome.APP_ERROR,
    }
    found = []
    for status in ("401", "403", "422"):
        for name, example in _DIAL[status]["content"]["application/json"]["examples"].items():
            code = example["value"]["errors"][0]["code"] + (" D13" if name == "not-whitelisted" else "")
            result = refused(meant[name], int(status), code)
            found.append(Refusal(f"official {name}", int(status), example["value"], result))
    return found


def sign(_: str, raw: bytes, at: float) -> Headers:
    stamp = str(int(at))
    signature = KEY.sign(stamp.encode() + b"|" + raw).signature
    return {"telnyx-signature-ed25519": base64.b64encode(signature).decode(), "telnyx-timestamp": stamp}


def official(_: str, raw: bytes, headers: Headers) -> bool:
    try:
        verify_webhook_signature(raw, headers, PUBLIC_KEY)
    except WebhookVerificationError:
        return False
    return True


def hung_up(**payload: object) -> dict[str, Any]:
    event = SEQUENCES["human"][-1]["data"]
    return {**event, "payload": {**event["payload"], **payload}}


def listed(*events: Mapping[str, Any], pages: int = 1) -> Script:
    rows = [{"record_type": "call_event", "call_leg_id": LEG, "type": "webhook", "name": event["event_type"],
             "metadata": {"data": event}} for event in events]  # fmt: skip
    commands = [{"record_type": "call_event", "call_leg_id": LEG, "type": "command", "name": "dial", "metadata": {}}]
    return answers(200, {"data": [*commands, *rows], "meta": {"total_pages": pages}})


def live(*calls: Mapping[str, Any], after: str | None = None) -> Script:
    return answers(200, {"data": list(calls), "meta": {"cursors": {} if after is None else {"after": after}}})


def live_call(call_id: str = CALL_ID, token: str = TOKEN) -> dict[str, Any]:
    return {"record_type": "call", "call_control_id": call_id, "client_state": token, "call_duration": 1}


GONE = answers(404, error("10005"))
ENDED = answers(200, STATUS["ended"]["value"])
HANG_UP: tuple[str, str, object] = ("POST", f"/v2/calls/{CALL_ID}/actions/hangup", {})
INITIATED = SEQUENCES["human"][0]["data"]

TELNYX = ProviderUnderTest(
    name="telnyx",
    settings={
        "options": {"connection_id": APPLICATION},
        "credentials": {"api_key": "env:KEY", "public_key": "env:PUBLIC"},
    },
    secrets={"env:KEY": API_KEY, "env:PUBLIC": PUBLIC_KEY},
    instruction={"webhook_url": CUSTOMER},
    official_api="telnyx_calls.json",
    create=Create(
        path="/v2/calls",
        accepted=(200, DIALING["value"]),
        call_id=CALL_ID,
        provider_status=None,
        body=body,
        check_authorization=authorized,
        refusals=[*refusals(), *examples()],
        without_id={"data": {"is_alive": False}},
    ),
    look_ups=[
        LookUp("alive", [answers(200, STATUS["alive"]["value"])], Progress.INITIATED),
        LookUp("dialing", [answers(200, DIALING["value"])], Progress.QUEUED),
        LookUp(
            "ended and told",
            [ENDED, listed(*(event["data"] for event in SEQUENCES["busy"]))],
            Progress.FINAL,
            Outcome.BUSY,
        ),
        LookUp(
            "answered, by the other event",
            [ENDED, listed(SEQUENCES["human"][1]["data"], hung_up(sip_hangup_cause="unspecified"))],
            Progress.FINAL,
            Outcome.ANSWERED_UNKNOWN,
        ),
        LookUp("ended, nobody says why", [ENDED, listed()], Progress.FINAL, Outcome.UNKNOWN),
        LookUp(
            "another leg's end", [ENDED, listed(hung_up(call_control_id="v3:other"))], Progress.FINAL, Outcome.UNKNOWN
        ),
        LookUp("gone", [GONE], None),
    ],
    searches=[
        Search("live", [live(live_call(), live_call("v3:other-call", "b3RoZXI=")), listed()], [CALL_ID]),
        Search("over already", [live(), listed(INITIATED, hung_up(client_state="b3RoZXI="))], [CALL_ID]),
        Search("both", [live(live_call()), listed(INITIATED)], [CALL_ID]),
        Search("none", [live(), listed()], []),
        Search("not ours", [live(live_call(token="b3RoZXI=")), listed(hung_up(client_state="b3RoZXI="))], []),
        Search(
            "two pages of each",
            [
                live(*[live_call(f"v3:call-{n}", "b3RoZXI=") for n in range(250)], after="x"),
                live(live_call()),
                listed(pages=2),
                listed(hung_up(), pages=2),
            ],
            [CALL_ID],
        ),
    ],
    hang_ups=[
        HangUp("live", [answers(200, {"data": {"result": "ok"}})], [HANG_UP]),
        HangUp("over", [answers(422, error("90018"))], [HANG_UP]),
        HangUp("gone", [GONE], [HANG_UP]),
    ],
    callbacks=Callbacks(
        encode=as_json,
        content_type="application/json",
        sign=sign,
        official=official,
        signature_header="telnyx-signature-ed25519",
        sequences=SEQUENCES,
        signs_address=False,
        oldest_s=300,
        ends={
            "human": Outcome.ANSWERED_HUMAN,
            "human_premium": Outcome.ANSWERED_HUMAN,
            "machine": Outcome.ANSWERED_MACHINE,
            "not_sure": Outcome.ANSWERED_UNKNOWN,
            "busy": Outcome.BUSY,
            "no_answer": Outcome.NO_ANSWER,
            "rejected": Outcome.REJECTED,
            "invalid_number": Outcome.INVALID_NUMBER,
            "carrier_failed": Outcome.CARRIER_FAILED,
            "canceled": Outcome.CANCELED,
        },
    ),
)
