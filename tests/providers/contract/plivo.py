"""Plivo for the contract suite, from its documentation; signatures by its own SDK. It publishes no OpenAPI description."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qsl

from plivo.utils.signature_v3 import construct_post_url, get_signature_v3, validate_v3_signature

from outdial.ports.carriers import CallOrder, Refused
from outdial.rules.call_progress import Progress
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import (
    FROM,
    TO,
    Callbacks,
    Create,
    HangUp,
    Headers,
    LookUp,
    ProviderUnderTest,
    Refusal,
    Search,
    form,
)
from tests.providers.scripted_server import answers
from tests.providers.twilio_account import data

AUTH_ID = "MA0123456789ABCDEFGH"
TOKEN = "0123456789abcdef0123456789abcdef"
CALL_ID = "64d3290a-87a6-46b4-a6e2-20f5f4e07a02"
OTHER_ID = "64d3290a-87a6-46b4-a6e2-20f5f4e07a03"
CALLS = f"/v1/Account/{AUTH_ID}/Call/"
CALL = f"{CALLS}{CALL_ID}/"
REQUEST = f"/v1/Account/{AUTH_ID}/Request/{CALL_ID}/"
OVERRIDES = "#rc=3&rp=5xx,ct,rt"
API_ID = {"api_id": "97ceeb52-58b6-11e1-86da-77300b68f8bb"}
NONCE = "12345678901234567890"


def body(order: CallOrder) -> dict[str, object]:
    callback = order.callback_url + OVERRIDES
    content: dict[str, object] = {
        "from": order.from_number.strip("+"),
        "to": order.to.strip("+"),
        "answer_url": "https://example.com/answer",
        "answer_method": "POST",
        "ring_url": callback,
        "ring_method": "POST",
        "hangup_url": callback,
        "hangup_method": "POST",
        "ring_timeout": order.ring_timeout_s,
        "time_limit": order.max_duration_s,
    }
    if order.detect_machine:
        content |= {"machine_detection": "true", "machine_detection_url": callback, "machine_detection_method": "POST"}
    return content


def authorized(headers: Headers) -> None:
    user_and_password = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert user_and_password == f"{AUTH_ID}:{TOKEN}"


def _fields(raw: bytes) -> dict[str, str]:
    return dict(parse_qsl(raw.decode(), keep_blank_values=True))


def sign(url: str, raw: bytes, _: float) -> Headers:
    text = construct_post_url(url, _fields(raw)).decode()
    signature = get_signature_v3(TOKEN.encode(), text, NONCE).decode()
    return {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": NONCE}


def official(url: str, raw: bytes, headers: Headers) -> bool:
    given = headers.get("X-Plivo-Signature-V3", "")
    try:
        return bool(
            validate_v3_signature("POST", url, headers["X-Plivo-Signature-V3-Nonce"], TOKEN, given, _fields(raw))
        )
    except UnicodeError:
        return False


def refused(name: str, status: int, error: str, outcome: Outcome, code: str | None = None) -> Refusal:
    return Refusal(
        name, status, {**API_ID, "error": error}, Refused(outcome, f"http_{status}", code or f"http_{status}")
    )


GONE = answers(404, {**API_ID, "error": "not found"})


def live(status: str, **fields: object) -> dict[str, object]:
    return {**API_ID, "call_status": status, "call_uuid": CALL_ID, "request_uuid": CALL_ID, "direction": "outbound",
            "from": FROM, "to": TO.strip("+"), "session_start": "2026-11-20 22:30:00.050872", **fields}  # fmt: skip


def finished(code: int | None = 4000, answered: bool = True, **fields: object) -> dict[str, Any]:
    times = {"initiation_time": "2026-11-21 04:00:01+05:30", "end_time": "2026-11-21 04:00:40+05:30"}
    return {**API_ID, **times, "call_uuid": CALL_ID, "from_number": FROM, "to_number": TO.strip("+"),
            "answer_time": "2026-11-21 04:00:10+05:30" if answered else None, "call_duration": 30 if answered else 0,
            "hangup_cause_code": code, "hangup_source": "Callee", "call_state": "ANSWER", **fields}  # fmt: skip


def ids(*calls: str) -> object:
    return {**API_ID, "calls": list(calls)}


def objects(*calls: dict[str, Any]) -> object:
    return {**API_ID, "meta": {"limit": 20, "offset": 0}, "objects": list(calls)}


def looked_up(name: str, record: dict[str, Any], outcome: Outcome) -> LookUp:
    return LookUp(name, [GONE, GONE, answers(200, record)], Progress.FINAL, outcome)


NOT_FOUND = [answers(200, ids()), answers(200, ids())]

PLIVO = ProviderUnderTest(
    name="plivo",
    settings={"account": AUTH_ID, "credentials": {"auth_token": "env:TOKEN"}},
    secrets={"env:TOKEN": TOKEN},
    instruction={"answer_url": "https://example.com/answer"},
    number=lambda e164: e164.strip("+"),
    create=Create(
        path=CALLS,
        accepted=(201, {**API_ID, "message": "call fired", "request_uuid": CALL_ID}),
        call_id=CALL_ID,
        provider_status=None,
        body=body,
        check_authorization=authorized,
        refusals=[
            refused("unowned from", 400, "12025550101 is not associated with your account", Outcome.CALLER_ID_REJECTED, "from_not_owned"),
            refused("bad from", 400, "'from' parameter is not valid", Outcome.CALLER_ID_REJECTED, "bad_from"),
            refused("bad to", 400, "to parameter not valid", Outcome.INVALID_NUMBER, "bad_to"),
            refused("compliance", 400, "Compliance application is pending for the source", Outcome.CALLER_ID_REJECTED, "compliance"),
            refused("answer_url", 400, "answer_url parameter is not valid", Outcome.APP_ERROR),
            refused("token", 401, "authentication failed", Outcome.ACCOUNT_BLOCKED),
            refused("geo", 403, "calls to this country are not enabled", Outcome.BLOCKED_DESTINATION, "geo"),
            refused("forbidden", 403, "forbidden", Outcome.ACCOUNT_BLOCKED),
            refused("auth id", 404, "not found", Outcome.ACCOUNT_BLOCKED),
            refused("method", 405, "method not allowed", Outcome.APP_ERROR),
            refused("unprocessable", 422, "unprocessable", Outcome.APP_ERROR),
        ],
        without_id={**API_ID, "message": "call fired"},
    ),
    look_ups=[
        LookUp("queued", [answers(200, live("queued"))], Progress.QUEUED),
        LookUp("ringing", [GONE, answers(200, live("ringing"))], Progress.RINGING),
        LookUp("in progress", [GONE, answers(200, live("in-progress"))], Progress.ANSWERED),
        LookUp("levitating", [GONE, answers(200, live("levitating"))], Progress.QUEUED),
        looked_up("answered", finished(), Outcome.ANSWERED_UNKNOWN),
        looked_up("answered, no code", finished(None), Outcome.ANSWERED_UNKNOWN),
        looked_up("media lost", finished(6020), Outcome.ANSWERED_UNKNOWN),
        looked_up("busy", finished(3010, answered=False), Outcome.BUSY),
        looked_up("ring timeout", finished(6010, answered=False), Outcome.NO_ANSWER),
        looked_up("a code of tomorrow", finished(1234, answered=False), Outcome.UNKNOWN),
        looked_up("no code", finished(None, answered=False), Outcome.UNKNOWN),
        LookUp("gone", [GONE, GONE, GONE], None),
    ],
    searches=[
        Search("queued", [answers(200, ids(CALL_ID)), answers(200, live("queued")), answers(200, ids()),
                          answers(200, objects())], [CALL_ID]),
        Search("live", [answers(200, ids()), answers(200, ids(CALL_ID)), GONE, answers(200, live("ringing")),
                        answers(200, objects())], [CALL_ID]),
        Search("live, of another pair", [answers(200, ids()), answers(200, ids(OTHER_ID)), GONE,
                                         answers(200, live("ringing", to="12025550199")), answers(200, objects())], []),
        Search("finished", [*NOT_FOUND, answers(200, objects(finished()))], [CALL_ID]),
        Search("two", [*NOT_FOUND, answers(200, objects(finished(), finished(call_uuid=OTHER_ID)))], [CALL_ID, OTHER_ID]),
        Search("of another time", [*NOT_FOUND, answers(200, objects(
            finished(initiation_time="2026-11-20 22:30:01+05:30")))], []),
        Search("none", [*NOT_FOUND, answers(200, objects())], []),
    ],
    hang_ups=[
        HangUp("live", [GONE, answers(204, b"")], [("DELETE", REQUEST, None), ("DELETE", CALL, None)]),
        HangUp("queued", [answers(204, b""), GONE], [("DELETE", REQUEST, None), ("DELETE", CALL, None)]),
        HangUp("over", [GONE, GONE], [("DELETE", REQUEST, None), ("DELETE", CALL, None)]),
    ],
    callbacks=Callbacks(
        encode=form,
        content_type="application/x-www-form-urlencoded",
        sign=sign,
        official=official,
        signature_header="X-Plivo-Signature-V3",
        sequences=data("plivo_callbacks.json")["sequences"],
        ends={
            "human": Outcome.ANSWERED_UNKNOWN,  # Plivo tells of machines only
            "machine": Outcome.ANSWERED_MACHINE,
            "busy": Outcome.BUSY,
            "no_answer": Outcome.NO_ANSWER,
            "rejected": Outcome.REJECTED,
            "unreachable": Outcome.UNREACHABLE,
            "invalid_number": Outcome.INVALID_NUMBER,
            "spam_blocked": Outcome.SPAM_BLOCKED,
            "carrier_failed": Outcome.CARRIER_FAILED,
        },
    ),
)  # fmt: skip
