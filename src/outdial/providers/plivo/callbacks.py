"""Part 3, second half: callbacks in outdial's words. They come in any order, repeated, late, or not at all.

Ring, hangup and machine detection come to one address and name themselves; the answer goes to the customer's answer
address, so a call's answer is known from its end, or by asking. Plivo's times have no zone: ours of receipt counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback
from outdial.providers.answers import e164, seconds_of
from outdial.providers.plivo.account import Account
from outdial.providers.plivo.signature import is_signed
from outdial.providers.plivo.tables import ANSWERED_BY, CALL_STATUS, CAUSES, NO_STATUS
from outdial.providers.tables import cause_of
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.outcome import Outcome

MAX_FIELDS = 200
"""Plivo sends about 30."""
MACHINE_EVENT = "MachineDetection"


class PlivoCallbacks:
    """A `ports.CallbackReader` for one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def read(self, request: CallbackRequest) -> Sequence[CallNews]:
        """Raises `ForgedCallback`; `BadInput` when it is Plivo's but cannot be read."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        fields = _fields(request.body)
        if not is_signed(request.url, fields, headers, self._account.auth_tokens):
            raise ForgedCallback("the signature is wrong or missing")
        form = dict(fields)
        return (_machine_result(form) if form.get("Event") == MACHINE_EVENT else _progress(form),)


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )  # fmt: skip
    except ValueError:
        raise ForgedCallback("the body is not a form") from None


def _progress(form: Mapping[str, str]) -> CallNews:
    status = form.get("CallStatus")
    if not status:
        raise BadInput("CallStatus", "is missing from a callback")
    row = CALL_STATUS.get(status, NO_STATUS)
    final = row.progress is Progress.FINAL
    code = form.get("HangupCauseCode") or None
    outcome, known_cause = cause_of(row, code, CAUSES)
    machine = outcome is Outcome.ANSWERED_MACHINE
    return CallNews(
        progress=row.progress,
        carrier_call_id=_call_id(form),
        outcome=Outcome.ANSWERED_UNKNOWN if machine else outcome,
        answered_by=AnsweredBy.MACHINE if machine else None,
        was_answered=row.was_answered or (outcome is not None and outcome.startswith("answered_")),
        provider_status=status,
        provider_code=code,
        known_code=row is not NO_STATUS and known_cause,
        duration_s=seconds_of(form.get("Duration")) if final else None,
        to=e164(form.get("To")),
        from_number=e164(form.get("From")),
        event_id=_event_id(form),
    )


def _machine_result(form: Mapping[str, str]) -> CallNews:
    said = form.get("Machine", "").lower()
    return CallNews(
        progress=Progress.MACHINE_RESULT,
        carrier_call_id=_call_id(form),
        answered_by=ANSWERED_BY.get(said, AnsweredBy.UNKNOWN),
        was_answered=True,
        provider_code=None if said in ANSWERED_BY else said or None,
        known_code=said in ANSWERED_BY,
        event_id=_event_id(form),
    )


def _call_id(form: Mapping[str, str]) -> str | None:
    """The request's id, since that is what the create answer named; a single outbound call has the same."""
    return form.get("RequestUUID") or form.get("CallUUID") or None


def _event_id(form: Mapping[str, str]) -> str | None:
    """The same for every repetition of one callback."""
    call_id, event = _call_id(form), form.get("Event") or form.get("CallStatus")
    return f"{call_id}:{event}" if call_id and event else None
