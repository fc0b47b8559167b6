"""Part 1, place: one create request, and what its answer proves.

Accepted is any 2xx with a readable call id, whatever its content type. Proven refusals are listed in `tables.py`;
whatever is not listed there may have made a call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from outdial.errors import BadInput
from outdial.ports.carriers import Accepted, Ambiguous, CallOrder, NotSent, PlaceResult, Refused, RefusedForNow
from outdial.providers.http import FORM, Answer, HttpClient, UndecidedError, UnsentError, is_success
from outdial.providers.tables import refusal
from outdial.providers.twilio.account import Account
from outdial.providers.twilio.callbacks import FRAGMENT, MACHINE_QUERY
from outdial.providers.twilio.tables import CREATE_ERRORS, PROVING_STATUSES
from outdial.rules.outcome import Outcome

MAX_TWIML_CHARS = 4_000
STATUS_EVENTS = ("initiated", "ringing", "answered", "completed")
"""`completed` stands for every final status; without the others only that one would be sent."""

_CALL_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_INSTRUCTION_KEYS = frozenset({"url", "method", "twiml"})


async def place(order: CallOrder, account: Account, http: HttpClient) -> PlaceResult:
    """Exactly one create request. Never raises but for cancellation."""
    try:
        check_instruction(order.instruction)
    except BadInput:
        return Refused(Outcome.APP_ERROR, provider_code="bad_instruction")
    body = urlencode(form_of(order)).encode()
    try:
        answer = await http.send_once(f"{account.calls_url}.json", body, FORM, account.headers, order.check_start)
    except UnsentError as error:
        return NotSent(error.reason)
    except UndecidedError as error:
        return Ambiguous(error.reason)
    return judge(answer)


def form_of(order: CallOrder) -> list[tuple[str, str]]:
    """The create request's form. The instruction must have been checked."""
    form = [
        ("To", order.to),
        ("From", order.from_number),
        ("Timeout", str(order.ring_timeout_s)),
        ("TimeLimit", str(order.max_duration_s)),
        ("StatusCallback", f"{order.callback_url}#{FRAGMENT}"),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", event) for event in STATUS_EVENTS),
    ]
    if "twiml" in order.instruction:
        form.append(("Twiml", str(order.instruction["twiml"])))
    else:
        form.append(("Url", str(order.instruction["url"])))
        if "method" in order.instruction:
            form.append(("Method", str(order.instruction["method"])))
    if order.detect_machine:
        form += [
            ("MachineDetection", "Enable"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", f"{order.callback_url}?{MACHINE_QUERY}#{FRAGMENT}"),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    if order.record:
        form.append(("Record", "true"))
    return form


def judge(answer: Answer) -> PlaceResult:
    """What an answer to a create request proves."""
    content = _object(answer.body)
    if is_success(answer.status):
        call_id = content.get("sid")
        if isinstance(call_id, str) and _CALL_ID.fullmatch(call_id):
            status = content.get("status")
            return Accepted(call_id, status if isinstance(status, str) else None)
        return Ambiguous("unreadable_success")
    code = error_code(content)
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return RefusedForNow(code or "http_429", answer.retry_after_s())
    if answer.status in PROVING_STATUSES:
        if code is not None and code in CREATE_ERRORS:
            return refusal(CREATE_ERRORS[code], answer.status, code, answer.retry_after_s())
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return refusal(Outcome.ACCOUNT_BLOCKED, answer.status, code or "http_401", None, known=code is None)
    return Ambiguous(f"http_{answer.status}", code)


def error_code(content: Mapping[str, object]) -> str | None:
    """The `code` of an error answer, as text."""
    code = content.get("code")
    return str(code) if isinstance(code, int) and not isinstance(code, bool) else None


def _object(body: bytes) -> Mapping[str, object]:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def check_instruction(instruction: Mapping[str, object]) -> None:
    """What Twilio does on answer: either `url` (with `method`, GET or POST) or `twiml`. Raises `BadInput`.

    An application SID is refused: with it Twilio ignores our status callbacks.
    """
    where = "answer.twilio"
    for key in sorted(set(instruction) - _INSTRUCTION_KEYS):
        cure = "give its voice URL as url" if key.startswith("application") else "known are: url, method, twiml"
        raise BadInput(f"{where}.{key}", "is unknown", cure)
    if ("url" in instruction) == ("twiml" in instruction):
        raise BadInput(where, "needs exactly one of url and twiml")
    if "twiml" in instruction:
        _check_twiml(instruction, where)
    else:
        _check_url(instruction, where)


def _check_twiml(instruction: Mapping[str, object], where: str) -> None:
    twiml = instruction["twiml"]
    if not isinstance(twiml, str) or not twiml.strip():
        raise BadInput(f"{where}.twiml", "is not a text", "for example <Response><Say>Hello</Say></Response>")
    if len(twiml) > MAX_TWIML_CHARS:
        raise BadInput(f"{where}.twiml", f"has {len(twiml)} characters", f"at most {MAX_TWIML_CHARS}; or give a url")
    if "method" in instruction:
        raise BadInput(f"{where}.method", "means nothing with twiml", "leave it out")


def _check_url(instruction: Mapping[str, object], where: str) -> None:
    url = instruction["url"]
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "_" not in (parts.hostname or "")
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(f"{where}.url", "is not an address Twilio can fetch", "http or https, no underscore in the host")
    if instruction.get("method", "POST") not in {"GET", "POST"}:
        raise BadInput(f"{where}.method", f"{instruction['method']!r} is neither GET nor POST")
