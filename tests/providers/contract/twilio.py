"""Twilio for the contract suite, from its documentation; signatures by its own SDK."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qsl

from twilio.request_validator import RequestValidator

from outdial.ports.carriers import Ambiguous, CallOrder, PlaceResult, Refused, RefusedForNow
from outdial.rules.call_progress import Progress
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import (
    FROM,
    TO,
    Callbacks,
    Create,
    Event,
    HangUp,
    Headers,
    LookUp,
    ProviderUnderTest,
    Refusal,
    Search,
    form,
)
from tests.providers.scripted_server import answers
from tests.providers.twilio_account import ACCOUNT_SID, CALL_SID, TOKEN, data

CALLS = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls"
CALL = f"{CALLS}/{CALL_SID}.json"
_OFFICIAL = data("openapi/twilio_calls.json")["paths"]["/2010-04-01/Accounts/{AccountSid}/Calls.json"]["post"]
CREATED: dict[str, Any] = _OFFICIAL["responses"]["201"]["content"]["application/json"]["examples"]["queued"]["value"]
OVERRIDES = "#rc=3&rp=5xx,ct,rt"


def body(order: CallOrder) -> list[tuple[str, str]]:
    pairs = [
        ("To", order.to),
        ("From", order.from_number),
        ("Timeout", str(order.ring_timeout_s)),
        ("TimeLimit", str(order.max_duration_s)),
        ("StatusCallback", order.callback_url + OVERRIDES),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", event) for event in ("initiated", "ringing", "answered", "completed")),
        ("Url", "https://example.com/answer"),
    ]
    if order.detect_machine:
        pairs += [
            ("MachineDetection", "Enable"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", f"{order.callback_url}?about=machine{OVERRIDES}"),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    return [*pairs, ("Record", "true")] if order.record else pairs


def authorized(headers: Headers) -> None:
    user_and_password = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
    assert user_and_password == f"{ACCOUNT_SID}:{TOKEN}"


def result_of(outcome: Outcome, status: int, code: str) -> PlaceResult:
    match outcome:
        case Outcome.CAPACITY:
            return RefusedForNow(code, None)
        case Outcome.AMBIGUOUS:
            return Ambiguous("documented_as_ambiguous", code)
    return Refused(outcome, f"http_{status}", code)


def refusals() -> list[Refusal]:
    """Every code that was collected from the documentation, with the status it comes with."""
    return [
        Refusal(str(code), 400, {"code": code, "message": "…", "status": 400}, result_of(outcome, 400, str(code)))
        for rule in data("twilio_outcomes.json")["rules"]
        if rule["where"] == "create error code" and (code := rule["match"]) != 20503
        for outcome in [Outcome(rule["outcome"])]
    ]


def sign(url: str, raw: bytes, _: float) -> Headers:
    fields = dict(parse_qsl(raw.decode(), keep_blank_values=True))
    return {"X-Twilio-Signature": RequestValidator(TOKEN).compute_signature(url, fields)}


def official(url: str, raw: bytes, headers: Headers) -> bool:
    fields = dict(parse_qsl(raw.decode(), keep_blank_values=True))
    return bool(RequestValidator(TOKEN).validate(url, fields, headers.get("X-Twilio-Signature", "")))


def is_about_machine(event: Event) -> bool:
    return "CallStatus" not in event


GONE = answers(404, {"code": 20404, "status": 404})
WRONG_STATE = answers(400, {"code": 21220, "status": 400})
COMPLETE = ("POST", CALL, [("Status", "completed")])
CANCEL = ("POST", CALL, [("Status", "canceled")])


def call(**fields: object) -> dict[str, object]:
    return {"sid": CALL_SID, "to": TO, "from": FROM, "date_created": "Fri, 20 Nov 2026 22:30:00 +0000", **fields}


def page(*calls: dict[str, object]) -> dict[str, object]:
    return {"calls": list(calls), "next_page_uri": None}


def looked_up(status: str, progress: Progress, outcome: Outcome | None = None, **fields: object) -> LookUp:
    return LookUp(" ".join((status, *map(str, fields.values()))),
                  [answers(200, call(status=status, **fields))], progress, outcome)  # fmt: skip


TWILIO = ProviderUnderTest(
    name="twilio",
    settings={"account": ACCOUNT_SID, "credentials": {"auth_token": "env:TOKEN"}},
    secrets={"env:TOKEN": TOKEN},
    instruction={"url": "https://example.com/answer"},
    official_api="twilio_calls.json",
    create=Create(
        path=f"{CALLS}.json",
        accepted=(201, CREATED),
        call_id=CALL_SID,
        provider_status="queued",
        body=body,
        check_authorization=authorized,
        refusals=refusals(),
        without_id={"status": "queued"},
    ),
    look_ups=[
        looked_up("queued", Progress.QUEUED),
        looked_up("ringing", Progress.RINGING),
        looked_up("in-progress", Progress.ANSWERED),
        looked_up("completed", Progress.FINAL, Outcome.ANSWERED_UNKNOWN, answered_by="human"),
        looked_up("busy", Progress.FINAL, Outcome.BUSY),
        looked_up("no-answer", Progress.FINAL, Outcome.NO_ANSWER),
        looked_up("canceled", Progress.FINAL, Outcome.CANCELED),
        looked_up("failed", Progress.FINAL, Outcome.CARRIER_FAILED),
        looked_up("levitating", Progress.QUEUED),
        LookUp("gone", [GONE], None),
    ],
    searches=[
        Search("started", [answers(200, page(call(status="ringing"))), answers(200, page())], [CALL_SID]),
        Search(
            "queued", [answers(200, page()), answers(200, page(call(status="queued", date_created=None)))], [CALL_SID]
        ),
        Search("none", [answers(200, page()), answers(200, page())], []),
        Search(
            "two",
            [answers(200, page(call(), call(sid="CA" + "3" * 32))), answers(200, page())],
            [CALL_SID, "CA" + "3" * 32],
        ),
    ],
    hang_ups=[
        HangUp("live", [answers(200, call())], [COMPLETE]),
        HangUp("queued", [WRONG_STATE, answers(200, call())], [COMPLETE, CANCEL]),
        HangUp(
            "over",
            [WRONG_STATE, WRONG_STATE, answers(200, call(status="completed"))],
            [COMPLETE, CANCEL, ("GET", CALL, None)],
        ),
        HangUp("gone", [GONE], [COMPLETE]),
    ],
    callbacks=Callbacks(
        encode=form,
        content_type="application/x-www-form-urlencoded",
        sign=sign,
        official=official,
        signature_header="X-Twilio-Signature",
        sequences=data("twilio_callbacks.json")["sequences"],
        ends={
            "human": Outcome.ANSWERED_HUMAN,
            "machine": Outcome.ANSWERED_MACHINE,
            "busy": Outcome.BUSY,
            "no_answer": Outcome.NO_ANSWER,
            "rejected": Outcome.REJECTED,
            "invalid_number": Outcome.INVALID_NUMBER,
            "carrier_failed": Outcome.CARRIER_FAILED,
            "canceled": Outcome.CANCELED,
        },
        query_of=lambda event: "?about=machine" if is_about_machine(event) else "",
    ),
)
