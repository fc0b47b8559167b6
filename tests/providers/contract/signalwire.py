"""SignalWire for the contract suite, from its documentation: Twilio's API with differences.

Its SDK pins an old Twilio SDK, and its official API description may not be copied (CC BY-NC-SA), so the signature rule is
written down here a second time: as Twilio's, but repeated values are signed as they come.
"""

from __future__ import annotations

import base64
import hmac
from urllib.parse import parse_qsl

from outdial.ports.carriers import CallOrder
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
from tests.providers.contract.twilio import is_about_machine, result_of
from tests.providers.scripted_server import answers
from tests.providers.twilio_account import data

PROJECT = "b3877c40-da60-4998-90ad-b792e98472af"
CALL_ID = "b3877c40-da60-4998-90ad-b792e98472ca"
API_TOKEN, SIGNING_KEY = "PT0123456789", "PSK_0123456789abcdef"
CALLS = f"/api/laml/2010-04-01/Accounts/{PROJECT}/Calls"
CALL = f"{CALLS}/{CALL_ID}"


def body(order: CallOrder) -> list[tuple[str, str]]:
    pairs = [
        ("To", order.to),
        ("From", order.from_number),
        ("Timeout", str(order.ring_timeout_s)),
        ("StatusCallback", order.callback_url),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", event) for event in ("initiated", "ringing", "answered", "completed")),
        ("Laml", "<Response/>"),
    ]
    if order.detect_machine:
        pairs += [
            ("MachineDetection", "Enable"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", f"{order.callback_url}?about=machine"),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    return [*pairs, ("Record", "true")] if order.record else pairs


def authorized(headers: Headers) -> None:
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode() == f"{PROJECT}:{API_TOKEN}"


def refusals() -> list[Refusal]:
    """Every collected code, alone and in a list of errors."""
    rows = [
        (str(rule["match"]), Outcome(rule["outcome"]))
        for rule in data("signalwire_outcomes.json")["rules"]
        if rule["where"] == "create error code"
    ]
    alone = [Refusal(code, 400, {"code": int(code)}, result_of(outcome, 400, code)) for code, outcome in rows]
    first = [
        Refusal(f"first {code}", 422, {"errors": [{"code": code}, {"code": 1}]}, result_of(outcome, 422, code))
        for code, outcome in rows
    ]
    return [*alone, *first]


def signature(url: str, raw: bytes) -> str:
    fields = sorted(parse_qsl(raw.decode(), keep_blank_values=True), key=lambda field: field[0])
    text = url + "".join(name + value for name, value in fields)
    return base64.b64encode(hmac.digest(SIGNING_KEY.encode(), text.encode(), "sha1")).decode()


def sign(url: str, raw: bytes, _: float) -> Headers:
    return {"X-SignalWire-Signature": signature(url, raw)}


def official(url: str, raw: bytes, headers: Headers) -> bool:
    return headers.get("X-SignalWire-Signature") == signature(url, raw)


def call(**fields: object) -> dict[str, object]:
    created = "Fri, 20 Nov 2026 22:30:00 +0000"
    return {"sid": CALL_ID, "to": TO, "from": FROM, "date_created": created, "duration": 39, **fields}


def page(*calls: dict[str, object]) -> dict[str, object]:
    return {"calls": list(calls), "next_page_uri": None}


def looked_up(status: str, progress: Progress, outcome: Outcome | None = None) -> LookUp:
    return LookUp(status, [answers(200, call(status=status))], progress, outcome)


WRONG_STATE = answers(400, {"errors": [{"code": 10000}]})
COMPLETE = ("POST", CALL, [("Status", "completed")])
CANCEL = ("POST", CALL, [("Status", "canceled")])

SIGNALWIRE = ProviderUnderTest(
    name="signalwire",
    settings={"account": PROJECT, "credentials": {"api_token": "env:TOKEN", "signing_key": "env:SIGNING"}},
    secrets={"env:TOKEN": API_TOKEN, "env:SIGNING": SIGNING_KEY},
    instruction={"laml": "<Response/>"},
    create=Create(
        path=CALLS,
        accepted=(200, call(status="queued")),
        call_id=CALL_ID,
        provider_status="queued",
        body=body,
        check_authorization=authorized,
        refusals=refusals(),
        without_id={"status": "queued"},
    ),
    look_ups=[
        looked_up("ringing", Progress.RINGING),
        looked_up("completed", Progress.FINAL, Outcome.ANSWERED_UNKNOWN),
        looked_up("busy", Progress.FINAL, Outcome.BUSY),
        LookUp("gone", [answers(404, {"code": 20404})], None),
    ],
    searches=[
        Search("started", [answers(200, page(call(status="ringing"))), answers(200, page())], [CALL_ID]),
        Search("none", [answers(200, page()), answers(200, page())], []),
    ],
    hang_ups=[
        HangUp("live", [answers(200, call())], [COMPLETE]),
        HangUp("queued", [WRONG_STATE, answers(200, call())], [COMPLETE, CANCEL]),
        HangUp("over", [answers(400, {"code": 20009}), answers(404, {"code": 20404})], [COMPLETE, CANCEL]),
    ],
    callbacks=Callbacks(
        encode=form,
        content_type="application/x-www-form-urlencoded",
        sign=sign,
        official=official,
        signature_header="X-SignalWire-Signature",
        sequences=data("signalwire_callbacks.json")["sequences"],
        ends={
            "answered": Outcome.ANSWERED_UNKNOWN,
            "busy": Outcome.BUSY,
            "no_answer": Outcome.NO_ANSWER,
            "invalid_number": Outcome.INVALID_NUMBER,
        },
        query_of=lambda event: "?about=machine" if is_about_machine(event) else "",
    ),
)
