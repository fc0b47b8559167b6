"""Part 1, place: one create request, and what its answer proves.

Accepted is any 2xx with a readable call id, whatever its content type. Proven refusals are listed in `tables.py`;
whatever is not listed there may have made a call.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from outdial.errors import BadInput
from outdial.ports.carriers import Accepted, Ambiguous, CallOrder, PlaceResult, Refused, RefusedForNow
from outdial.providers.answers import as_object, create_once
from outdial.providers.http import FORM, Answer, HttpClient, is_success
from outdial.providers.tables import refusal
from outdial.providers.twilio.account import Account
from outdial.providers.twilio.callbacks import MACHINE_QUERY
from outdial.providers.twilio.dialect import TWILIO_DIALECT, Dialect
from outdial.providers.twilio.errors import error_code
from outdial.providers.twilio.tables import PROVING_STATUSES
from outdial.rules.outcome import Outcome

MAX_TWIML_CHARS = 4_000
STATUS_EVENTS = ("initiated", "ringing", "answered", "completed")
"""`completed` stands for every final status; without the others only that one would be sent."""

_CALL_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


async def place(order: CallOrder, account: Account, http: HttpClient) -> PlaceResult:
    """Exactly one create request. Never raises but for cancellation."""
    try:
        check_instruction(order.instruction, account.dialect)
    except BadInput:
        return Refused(Outcome.APP_ERROR, provider_code="bad_instruction")
    body = urlencode(form_of(order, account.dialect)).encode()
    url = account.calls_url + account.dialect.suffix
    return await create_once(
        http, url, body, FORM, account.headers, order.check_start, lambda answer: judge(answer, account.dialect)
    )


def form_of(order: CallOrder, dialect: Dialect = TWILIO_DIALECT) -> list[tuple[str, str]]:
    """The create request's form. The instruction must have been checked."""
    fragment = f"#{dialect.fragment}" if dialect.fragment else ""
    form = [
        ("To", order.to),
        ("From", order.from_number),
        ("Timeout", str(order.ring_timeout_s)),
        *([("TimeLimit", str(order.max_duration_s))] if dialect.has_time_limit else []),
        ("StatusCallback", order.callback_url + fragment),
        ("StatusCallbackMethod", "POST"),
        *(("StatusCallbackEvent", event) for event in STATUS_EVENTS),
    ]
    if (inline := dialect.inline.lower()) in order.instruction:
        form.append((dialect.inline, str(order.instruction[inline])))
    else:
        form.append(("Url", str(order.instruction["url"])))
        if "method" in order.instruction:
            form.append(("Method", str(order.instruction["method"])))
    if order.detect_machine:
        form += [
            ("MachineDetection", "Enable"),
            ("AsyncAmd", "true"),
            ("AsyncAmdStatusCallback", f"{order.callback_url}?{MACHINE_QUERY}{fragment}"),
            ("AsyncAmdStatusCallbackMethod", "POST"),
        ]
    if order.record:
        form.append(("Record", "true"))
    return form


def judge(answer: Answer, dialect: Dialect = TWILIO_DIALECT) -> PlaceResult:
    """What an answer to a create request proves."""
    content = as_object(answer.body)
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
        if code is not None and code in dialect.create_errors:
            return refusal(dialect.create_errors[code], answer.status, code, answer.retry_after_s())
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return refusal(Outcome.ACCOUNT_BLOCKED, answer.status, code or "http_401", None, known=code is None)
    return Ambiguous(f"http_{answer.status}", code)


def check_instruction(instruction: Mapping[str, object], dialect: Dialect = TWILIO_DIALECT) -> None:
    """What happens on answer: either `url` (with `method`, GET or POST) or `twiml` (SignalWire: `laml`). Raises `BadInput`.

    An application SID is refused: with it Twilio ignores our status callbacks.
    """
    where, inline = f"answer.{dialect.name}", dialect.inline.lower()
    for key in sorted(set(instruction) - {"url", "method", inline}):
        cure = "give its voice URL as url" if key.startswith("application") else f"known are: url, method, {inline}"
        raise BadInput(f"{where}.{key}", "is unknown", cure)
    if ("url" in instruction) == (inline in instruction):
        raise BadInput(where, f"needs exactly one of url and {inline}")
    if inline in instruction:
        _check_inline(instruction, where, inline)
    else:
        _check_url(instruction, where)


def _check_inline(instruction: Mapping[str, object], where: str, key: str) -> None:
    text = instruction[key]
    if not isinstance(text, str) or not text.strip():
        raise BadInput(f"{where}.{key}", "is not a text", "for example <Response><Say>Hello</Say></Response>")
    if len(text) > MAX_TWIML_CHARS:
        raise BadInput(f"{where}.{key}", f"has {len(text)} characters", f"at most {MAX_TWIML_CHARS}; or give a url")
    if "method" in instruction:
        raise BadInput(f"{where}.method", f"means nothing with {key}", "leave it out")


def _check_url(instruction: Mapping[str, object], where: str) -> None:
    url = instruction["url"]
    try:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and "_" not in (parts.hostname or "")
    except ValueError:
        usable = False
    if not usable:
        raise BadInput(
            f"{where}.url", "is not an address that can be fetched", "http or https, no underscore in the host"
        )
    if instruction.get("method", "POST") not in {"GET", "POST"}:
        raise BadInput(f"{where}.method", f"{instruction['method']!r} is neither GET nor POST")
