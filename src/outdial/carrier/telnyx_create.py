"""Reads Telnyx's create request (Dial): every check that the API documents, then the order behind it."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from outdial.carrier.calls import Detection, Order
from outdial.carrier.naming import Naming
from outdial.carrier.scenario import E164_PATTERN, Account
from outdial.carrier.telnyx_resource import ApiError

_DETECTIONS = {
    "disabled": Detection.OFF,
    "detect": Detection.START,
    "detect_words": Detection.START,
    "premium": Detection.START,
    "detect_beep": Detection.MESSAGE_END,
    "greeting_end": Detection.MESSAGE_END,
}

REFUSALS = {
    "not_permitted": (
        403,
        "10010",
        "Authorization failed",
        "Dialed number is not included in whitelisted countries D13",
    ),
    "blocked": (403, "10010", "Authorization failed", "Dialed number is blocked D41"),
    "unreachable": (422, "10002", "Invalid phone number", "The dialed number cannot be reached."),
    "invalid": (422, "10002", "Invalid phone number", "The dialed number is not valid."),
    "caller_id": (403, "10010", "Authorization failed", "Caller origination number is invalid D35"),
}
"""The scenario's neutral words as errors of the create request."""

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Creation:
    """A create request that was found valid."""

    order: Order
    webhook_url: str
    client_state: str
    command_id: str
    premium: bool
    """Machine detection of the dearer kind, whose event has another name."""


def read_creation(body: Json, account: Account, naming: Naming) -> Creation:
    """The order behind a create request. Raises `ApiError`."""
    for name in ("connection_id", "to", "from"):
        if not body.get(name):
            detail = f"The '{name}' parameter is required and cannot be blank."
            raise ApiError(422, "10004", "Missing required parameter", detail, f"/{name}")
    if body["connection_id"] != account.account_id:
        title = "Invalid value for connection_id (Call Control App ID)"
        raise ApiError(422, "10015", title, pointer="/connection_id")
    to, from_number = _number(body, "to"), _number(body, "from")
    if from_number not in account.numbers and not account.any_number:
        raise ApiError(403, "10010", "Authorization failed", "Caller origination number is not verified D51")
    webhook_url = _webhook_url(body)
    detection = str(body.get("answering_machine_detection", "disabled"))
    if detection not in _DETECTIONS:
        raise _invalid("answering_machine_detection")
    order = Order(
        account=account.name,
        from_number=from_number,
        to=to,
        ring_timeout_s=_seconds(body, "timeout_secs", 30, 5, 600),
        max_duration_s=_seconds(body, "time_limit_secs", 14400, 30, 14400),
        detection=_DETECTIONS[detection],
        token=naming.token_of(webhook_url),
        attempt=naming.attempt_of(webhook_url),
    )
    return Creation(order, webhook_url, _client_state(body), str(body.get("command_id") or ""), detection == "premium")


def _invalid(name: str) -> ApiError:
    return ApiError(422, "10015", "Invalid value", f"The value of the '{name}' parameter is invalid.", f"/{name}")


def _number(body: Json, name: str) -> str:
    value = body[name]
    if not isinstance(value, str) or not E164_PATTERN.fullmatch(value):
        detail = f"The '{name}' parameter must be in E164 format."
        raise ApiError(422, "10016", "Phone number must be in +E164 format", detail, f"/{name}")
    return value


def _webhook_url(body: Json) -> str:
    """Where events go. Without it they would go to the application's own address, which nobody has here."""
    value = body.get("webhook_url", "")
    if not isinstance(value, str) or not value.isascii() or body.get("webhook_url_method", "POST") != "POST":
        raise _invalid("webhook_url")
    try:
        usable = not value or (urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).hostname))
    except ValueError:
        usable = False
    if not usable:
        raise _invalid("webhook_url")
    return value.partition("#")[0]


def _client_state(body: Json) -> str:
    value = body.get("client_state") or ""
    try:
        b64decode(str(value), validate=True)
    except (ValueError, binascii.Error):
        raise ApiError(422, "90017", "Invalid Base64 encoding for client_state", pointer="/client_state") from None
    return str(value)


def _seconds(body: Json, name: str, default: int, low: int, high: int) -> float:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(name)
    if not low <= value <= high:
        code = "10033" if value < low else "10032"
        raise ApiError(
            422, code, "Value out of range", f"The '{name}' parameter must be from {low} to {high}.", f"/{name}"
        )
    return float(value)
