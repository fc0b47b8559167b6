"""Reads Twilio's create request: every check that the API documents, in its order, then the order and its hooks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlsplit

from outdial.carrier.calls import Detection, Order
from outdial.carrier.naming import Naming
from outdial.carrier.scenario import E164_PATTERN, Account
from outdial.carrier.twilio_callbacks import EVENTS, Hook
from outdial.carrier.twilio_resource import ApiError

Form = Mapping[str, Sequence[str]]

_CODED = re.compile("[%+]").search
_TWIML_LIMIT = 4000
_URL_LIMIT = 4000
_DETECTIONS = {"": Detection.OFF, "Enable": Detection.START, "DetectMessageEnd": Detection.MESSAGE_END}

REFUSALS = {
    "not_permitted": (21215, "Account not authorized to call this number by its geographic permissions."),
    "blocked": (21216, "Account not allowed to call this number."),
    "unreachable": (21214, "'To' phone number cannot be reached."),
    "invalid": (21217, "Phone number does not appear to be valid."),
    "caller_id": (21212, "Invalid 'From' phone number: it may not be used as a caller ID."),
}
"""The scenario's neutral words as codes of the create request."""


def _decoded(text: str) -> str:
    return unquote_plus(text) if _CODED(text) else text


def read_form(body: bytes) -> Form:
    """The fields of a form; empty ones count as absent. Twice as fast as the library's general reader."""
    form: dict[str, list[str]] = {}
    for pair in body.decode("utf-8", "replace").split("&"):
        name, _, value = pair.partition("=")
        if value:
            form.setdefault(_decoded(name), []).append(_decoded(value))
    return form


@dataclass(frozen=True, slots=True)
class Creation:
    """A create request that was found valid."""

    order: Order
    status: Hook
    events: frozenset[str]
    detection: Hook


def read_creation(form: Form, account: Account, naming: Naming) -> Creation:
    """The order behind a create request. Raises `ApiError`."""
    to, from_number = _numbers(form, account)
    url, silent = _instructions(form)
    status_url = "" if silent else _url(form, "StatusCallback")
    status = Hook.of(status_url, _method(form, "StatusCallbackMethod"))
    detection = _DETECTIONS.get(_one(form, "MachineDetection"))
    if detection is None:
        raise ApiError(400, 20001, "Invalid parameter: MachineDetection must be Enable or DetectMessageEnd.")
    if "SendDigits" in form:
        detection = Detection.OFF
    background = Hook()
    if detection is not Detection.OFF and _one(form, "AsyncAmd") == "true":
        background = Hook.of(_url(form, "AsyncAmdStatusCallback"), _method(form, "AsyncAmdStatusCallbackMethod"))
    order = Order(
        account=account.name,
        from_number=from_number,
        to=to,
        ring_timeout_s=_seconds(form, "Timeout", 60, 600),
        max_duration_s=_seconds(form, "TimeLimit", 14400, 86400),
        detection=detection,
        token=naming.token_of(status.url),
        attempt=naming.attempt_of(url, status.url),
    )
    return Creation(order, status, _events(form), background)


def _one(form: Form, name: str) -> str:
    return form[name][0] if name in form else ""


def _numbers(form: Form, account: Account) -> tuple[str, str]:
    to, from_number = _one(form, "To"), _one(form, "From")
    if not to:
        raise ApiError(400, 21201, "No 'To' number specified.")
    if not from_number:
        raise ApiError(400, 21213, "'From' phone number is required.")
    if not E164_PATTERN.fullmatch(to) or to == from_number:
        raise ApiError(400, 21211, "Invalid 'To' phone number.")
    if not E164_PATTERN.fullmatch(from_number):
        raise ApiError(400, 21212, "Invalid 'From' phone number.")
    if from_number not in account.numbers and not account.any_number:
        raise ApiError(400, 21210, "'From' phone number is not verified for this account.")
    return to, from_number


def _instructions(form: Form) -> tuple[str, bool]:
    """The answer URL, and whether an application takes the status callbacks over."""
    application = _one(form, "ApplicationSid")
    if application:
        if not re.fullmatch(r"AP[0-9a-fA-F]{32}", application):
            raise ApiError(400, 21218, "Invalid 'ApplicationSid'.")
        return "", True
    url, twiml = _url(form, "Url"), _one(form, "Twiml")
    if not url and not twiml:
        raise ApiError(400, 21205, "'Url', 'Twiml' or 'ApplicationSid' is required.")
    if not url and len(twiml) > _TWIML_LIMIT:
        raise ApiError(400, 20001, f"Invalid parameter: 'Twiml' is longer than {_TWIML_LIMIT} characters.")
    _method(form, "Method")
    return url, False


def _url(form: Form, name: str) -> str:
    value = _one(form, name)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    bad_host = not host or (name.endswith("StatusCallback") and "_" in host)
    if parts.scheme not in ("http", "https") or bad_host or len(value) > _URL_LIMIT or not value.isascii():
        raise ApiError(400, 21205, f"'{name}' is not a valid URL.")
    return value


def _method(form: Form, name: str) -> str:
    value = _one(form, name) or "POST"
    if value not in ("GET", "POST"):
        raise ApiError(400, 21209, f"'{name}' must be GET or POST.")
    return value


def _seconds(form: Form, name: str, default: int, most: int) -> float:
    value = _one(form, name)
    if not value:
        return float(default)
    if not re.fullmatch(r"\d{1,6}", value) or not 1 <= int(value) <= most:
        raise ApiError(400, 21208, f"'{name}' must be a whole number from 1 to {most}.")
    return float(value)


def _events(form: Form) -> frozenset[str]:
    asked = form.get("StatusCallbackEvent", ())
    unknown = [event for event in asked if event not in EVENTS]
    if unknown:
        raise ApiError(400, 21626, "'StatusCallbackEvent' contains an event that does not exist.")
    return frozenset(asked) or frozenset({"completed"})
