"""Part 1, place: one Dial request, and what its answer proves.

Dialling is asynchronous at Telnyx: an accepted request may still end as a refusal, by a `call.hangup`. `command_id` makes
Telnyx ignore a repetition for 60 s; we never repeat, so it only guards against doubling on the way.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus

from outdial.errors import BadInput
from outdial.ports.carriers import Accepted, Ambiguous, CallOrder, PlaceResult, Refused, RefusedForNow
from outdial.providers.answers import as_object, create_once
from outdial.providers.http import JSON, Answer, HttpClient, is_success
from outdial.providers.tables import refusal
from outdial.providers.telnyx.account import Account
from outdial.providers.telnyx.hand_on import check_address, with_address
from outdial.providers.telnyx.tables import CREATE_ERRORS, CREATE_ERRORS_AT, PROVING_STATUSES, REASON_CODES, reason_in
from outdial.rules.ids import Placement
from outdial.rules.outcome import Outcome

_CALL_ID = re.compile(r"[A-Za-z0-9:_.~-]{8,255}")


async def place(order: CallOrder, account: Account, http: HttpClient) -> PlaceResult:
    """Exactly one create request. Never raises but for cancellation."""
    try:
        check_instruction(order.instruction)
    except BadInput:
        return Refused(Outcome.APP_ERROR, provider_code="bad_instruction")
    body = json.dumps(content_of(order, account)).encode()
    return await create_once(http, account.calls_url, body, JSON, account.headers, order.check_start, judge)


def content_of(order: CallOrder, account: Account) -> dict[str, object]:
    """The create request's JSON. The instruction must have been checked."""
    content: dict[str, object] = {
        "connection_id": account.connection_id,
        "to": order.to,
        "from": order.from_number,
        "timeout_secs": order.ring_timeout_s,
        "time_limit_secs": order.max_duration_s,
        "webhook_url": with_address(
            order.callback_url, str(order.instruction["webhook_url"]), order.placement, account
        ),
        "webhook_url_method": "POST",
        "client_state": client_state(order.placement),
        "command_id": str(order.placement),
    }  # fmt: skip
    if order.detect_machine:
        content["answering_machine_detection"] = "detect"
    if order.record:
        content["record"] = "record-from-answer"
    return content


def client_state(placement: Placement) -> str:
    """Our token in the form in which every event of the call brings it back."""
    return b64encode(str(placement).encode()).decode()


def check_instruction(instruction: Mapping[str, object]) -> None:
    """What happens on answer: every event goes on to the Call Control application at `webhook_url`. Raises `BadInput`."""
    where = "answer.telnyx"
    for key in sorted(set(instruction) - {"webhook_url"}):
        raise BadInput(f"{where}.{key}", "is unknown", "known is: webhook_url")
    check_address(instruction.get("webhook_url"), f"{where}.webhook_url")


def judge(answer: Answer) -> PlaceResult:
    """What an answer to a create request proves."""
    content = as_object(answer.body)
    if is_success(answer.status):
        call = content.get("data")
        call_id = call.get("call_control_id") if isinstance(call, dict) else None
        if isinstance(call_id, str) and _CALL_ID.fullmatch(call_id):
            return Accepted(call_id)
        return Ambiguous("unreadable_success")
    errors = errors_of(content)
    code = next((str(error["code"]) for error in errors if isinstance(error.get("code"), str)), None)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RefusedForNow(code or "http_429", delay_of(answer))
    if answer.status in PROVING_STATUSES:
        for error in errors:
            outcome, listed = _meaning(error)
            if outcome is not None:
                return refusal(outcome, answer.status, listed, delay_of(answer))
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return refusal(Outcome.ACCOUNT_BLOCKED, answer.status, code or "http_401", None, known=code is None)
    return Ambiguous(f"http_{answer.status}", code)


def delay_of(answer: Answer) -> float | None:
    """`Retry-After`, or Telnyx's own header: seconds until its limit begins anew."""
    delay = answer.retry_after_s()
    reset = answer.headers.get("x-ratelimit-reset", "").strip()
    return min(float(reset), 3_600.0) if delay is None and reset.isascii() and reset.isdigit() else delay


def errors_of(content: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The `errors` of an answer, as far as they can be read."""
    errors = content.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _meaning(error: Mapping[str, object]) -> tuple[Outcome | None, str]:
    """The outcome, None when no table lists it, and the code that says so. The most special table is asked first."""
    code = error.get("code")
    if not isinstance(code, str):
        return None, ""
    source = error.get("source")
    pointer = source.get("pointer") if isinstance(source, dict) else None
    reason = reason_in(str(error.get("detail") or ""))
    if reason is not None and code in CREATE_ERRORS:
        return REASON_CODES[reason], f"{code} {reason}"
    return CREATE_ERRORS_AT.get((code, str(pointer)), CREATE_ERRORS.get(code)), code
