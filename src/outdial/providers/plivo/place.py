"""Part 1, place: one create request, and what its answer proves.

Plivo's errors have a text and no code; the text is matched by `tables.ERROR_TEXTS` and dropped, since it may hold
numbers. There is no recording flag: a recording is an element of the answer's XML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus

from outdial.errors import BadInput
from outdial.ports.carriers import Accepted, Ambiguous, CallOrder, PlaceResult, Refused, RefusedForNow
from outdial.providers.answers import as_object, bare, check_answer_url, check_keys, create_once, text_of
from outdial.providers.http import JSON, Answer, HttpClient, is_success
from outdial.providers.plivo.account import Account
from outdial.providers.plivo.tables import CREATE_ERRORS, ERROR_TEXTS
from outdial.providers.tables import refusal
from outdial.rules.outcome import Outcome

FRAGMENT = "rc=3&rp=5xx,ct,rt"
"""Three repetitions of a callback, also after a 5xx of ours; by default Plivo repeats once, and only timeouts. It is no
part of what is signed."""

_CALL_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_INSTRUCTION_KEYS = frozenset({"answer_url", "answer_method"})
_TEXT_STATUSES = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY})


async def place(order: CallOrder, account: Account, http: HttpClient) -> PlaceResult:
    """Exactly one create request. Never raises but for cancellation."""
    try:
        check_instruction(order.instruction)
    except BadInput:
        return Refused(Outcome.APP_ERROR, provider_code="bad_instruction")
    body = json.dumps(body_of(order)).encode()
    return await create_once(http, account.calls_url, body, JSON, account.headers, order.check_start, judge)


def body_of(order: CallOrder) -> dict[str, object]:
    """The create request. The instruction must have been checked."""
    callback = f"{order.callback_url}#{FRAGMENT}"
    body: dict[str, object] = {
        "from": bare(order.from_number),
        "to": bare(order.to),
        "answer_url": order.instruction["answer_url"],
        "answer_method": order.instruction.get("answer_method", "POST"),
        "ring_url": callback,
        "ring_method": "POST",
        "hangup_url": callback,
        "hangup_method": "POST",
        "ring_timeout": order.ring_timeout_s,
        "time_limit": order.max_duration_s,
    }
    if order.detect_machine:
        body |= {
            "machine_detection": "true",
            "machine_detection_url": callback,
            "machine_detection_method": "POST",
        }
    return body


def judge(answer: Answer) -> PlaceResult:
    """What an answer to a create request proves."""
    content = as_object(answer.body)
    if is_success(answer.status):
        call_id = content.get("request_uuid")
        if isinstance(call_id, list) and len(call_id) == 1:
            call_id = call_id[0]
        if isinstance(call_id, str) and _CALL_ID.fullmatch(call_id):
            return Accepted(call_id)
        return Ambiguous("unreadable_success")
    http_code = f"http_{answer.status}"
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RefusedForNow(http_code, answer.retry_after_s())
    # A wrong token is answered in plain text; every other refusal is Plivo's only with Plivo's own body.
    if http_code not in CREATE_ERRORS or not (is_plivos(content) or answer.status == HTTPStatus.UNAUTHORIZED):
        return Ambiguous(http_code)
    if answer.status in _TEXT_STATUSES:
        error = _error_text(content)
        for code, (words, outcome) in ERROR_TEXTS.items():
            if re.search(words, error, re.IGNORECASE):
                return refusal(outcome, answer.status, code, None)
    return refusal(CREATE_ERRORS[http_code], answer.status, http_code, None)


def is_plivos(content: Mapping[str, object]) -> bool:
    """Whether an error's body is Plivo's own and not some proxy's."""
    return "api_id" in content or "error" in content


def _error_text(content: Mapping[str, object]) -> str:
    """The text of `error`; some versions put it into an object."""
    error = content.get("error")
    if isinstance(error, dict):
        return " ".join(str(part) for part in error.values())
    return text_of(content, "error") or ""


def check_instruction(instruction: Mapping[str, object]) -> None:
    """What Plivo does on answer: fetch `answer_url` with `answer_method` (POST), which must answer XML. Raises `BadInput`."""
    where = "answer.plivo"
    check_keys(instruction, _INSTRUCTION_KEYS, where)
    if "answer_url" not in instruction:
        raise BadInput(f"{where}.answer_url", "is missing", "the address of the XML that says what to do on answer")
    check_answer_url(instruction, where)
