"""Part 3, second half: events in outdial's words. They come in any order, repeated, at once, late, or not at all.

One reading for events that Telnyx calls back with and for those that its list of events gives back.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import time
from uuid import UUID

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback, HandOn
from outdial.providers.answers import as_object
from outdial.providers.tables import cause_of
from outdial.providers.telnyx.account import Account
from outdial.providers.telnyx.hand_on import hand_on
from outdial.providers.telnyx.signature import is_signed
from outdial.providers.telnyx.tables import (
    EVENTS,
    HANGUP_CAUSES,
    MACHINE_EVENTS,
    MACHINE_RESULTS,
    NO_CAUSE,
    REASON_CODES,
    SIP_CAUSES,
    reason_in,
)
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.ids import Placement

_SIP_CODE = re.compile(r"\s*([1-6][0-9]{2})\b")
Payload = Mapping[str, object]


class TelnyxCallbacks:
    """A `ports.CallbackReader` for one application."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def read(self, request: CallbackRequest) -> Sequence[CallNews]:
        """Raises `ForgedCallback`; `BadInput` when it is Telnyx's but cannot be read. Empty = of no concern to us."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not is_signed(request.body, headers, self._account.public_keys, time()):
            raise ForgedCallback("the signature is wrong, missing or too old")
        event = as_object(request.body).get("data")
        if not isinstance(event, dict) or not isinstance(event.get("event_type"), str):
            cure = 'set the application\'s webhook API version to "2"'
            raise BadInput("data.event_type", "is missing from a callback", cure)
        payload = payload_of(event)
        if str(payload.get("connection_id", self._account.connection_id)) != self._account.connection_id:
            raise ForgedCallback("signed for another application")
        if token_in(payload) not in {None, request.placement}:
            raise ForgedCallback("signed for another call")
        news = news_of(event)
        return () if news is None else (news,)

    def hand_on(self, request: CallbackRequest) -> HandOn | None:
        """What goes on to the customer's own application. The callback must have been read without objection."""
        return hand_on(request, self._account)


def payload_of(event: Mapping[str, object]) -> Payload:
    """An event's payload; empty when it has none."""
    payload = event.get("payload")
    return payload if isinstance(payload, dict) else {}


def token_in(payload: Payload) -> Placement | None:
    """The placement in `client_state`; None when it has another content, which a customer's application may set."""
    state = payload.get("client_state")
    try:
        return Placement(UUID(b64decode(state, validate=True).decode("ascii"))) if isinstance(state, str) else None
    except (ValueError, NotBase64):
        return None


def news_of(event: Mapping[str, object]) -> CallNews | None:
    """An event in outdial's words; None when it says nothing about how far the call got."""
    kind, payload = str(event.get("event_type")), payload_of(event)
    news = CallNews(
        progress=Progress.QUEUED,
        carrier_call_id=_text(payload, "call_control_id"),
        at=moment(_text(event, "occurred_at")),
        provider_status=kind,
        to=_text(payload, "to"),
        from_number=_text(payload, "from"),
        event_id=_text(event, "id"),
    )
    if kind == "call.hangup":
        return _ended(news, payload)
    if kind in MACHINE_EVENTS:
        return _machine_result(news, payload)
    row = EVENTS.get(kind)
    return None if row is None else replace(news, progress=row.progress, was_answered=row.was_answered)


def _ended(news: CallNews, payload: Payload) -> CallNews:
    cause = _text(payload, "hangup_cause")
    row = HANGUP_CAUSES.get(cause or "", NO_CAUSE)
    code, reason = sip_code(payload), reason_in(_reason_text(payload))
    outcome, known = cause_of(row, code, SIP_CAUSES)
    if reason is not None and row.refined_by:
        outcome, known = REASON_CODES[reason], True
    return replace(
        news,
        progress=Progress.FINAL,
        outcome=outcome,
        was_answered=outcome is not None and outcome.startswith("answered_"),
        provider_status=cause,
        provider_code=reason or code,
        known_code=row is not NO_CAUSE and known,
    )


def _machine_result(news: CallNews, payload: Payload) -> CallNews:
    result = _text(payload, "result")
    if result is None:
        raise BadInput("data.payload.result", "is missing from a machine detection event")
    known = result in MACHINE_RESULTS
    return replace(
        news,
        progress=Progress.MACHINE_RESULT,
        answered_by=MACHINE_RESULTS.get(result, AnsweredBy.UNKNOWN),
        was_answered=True,
        provider_code=None if known else result,
        known_code=known,
    )


def sip_code(payload: Payload) -> str | None:
    """The SIP code of a call's end, None when there is none (`unspecified`)."""
    said = _SIP_CODE.match(_text(payload, "sip_hangup_cause") or "")
    return said.group(1) if said else None


def _reason_text(payload: Payload) -> str:
    """Where Telnyx may say more about a refusal: behind the SIP code, and in the SIP headers of the answer."""
    headers = payload.get("sip_headers")
    values = (
        [str(one.get("value", "")) for one in headers if isinstance(one, dict)] if isinstance(headers, list) else []
    )
    return " ".join([_text(payload, "sip_hangup_cause") or "", *values])


def moment(text: str | None) -> float | None:
    """An ISO 8601 time in Unix seconds; None when it is none."""
    try:
        at = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.timestamp() if at is not None and at.tzinfo is not None else None


def _text(fields: Mapping[str, object], key: str) -> str | None:
    value = fields.get(key)
    return value if isinstance(value, str) and value else None
