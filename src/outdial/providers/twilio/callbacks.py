"""Part 3, second half: callbacks in outdial's words. They come in any order, repeated, late, or not at all.

Two kinds come to one address: call progress (`CallStatus`), and the result of machine detection, told apart by a query
that the create request put there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlsplit

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback
from outdial.providers.tables import cause_of
from outdial.providers.twilio.account import Account
from outdial.providers.twilio.ask import moment
from outdial.providers.twilio.dialect import Dialect
from outdial.providers.twilio.signature import is_signed
from outdial.providers.twilio.tables import CALL_STATUS, NO_STATUS, SIP_CAUSES
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress

MACHINE_QUERY = "about=machine"
MAX_FIELDS = 200
"""Twilio sends about 30."""
REPETITION_HEADER = "i-twilio-idempotency-token"


class TwilioCallbacks:
    """A `ports.CallbackReader` for one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def read(self, request: CallbackRequest) -> Sequence[CallNews]:
        """Raises `ForgedCallback`; `BadInput` when it is Twilio's but cannot be read."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        fields = _fields(request.body)
        account = self._account
        if not is_signed(request.url, fields, headers, account.auth_tokens, account.shared_key, account.dialect):
            raise ForgedCallback("the signature is wrong or missing")
        form = dict(fields)
        if form.get("AccountSid", account.sid) != account.sid:
            raise ForgedCallback("signed for another account")
        about_machine = MACHINE_QUERY in urlsplit(request.url).query.split("&")
        if about_machine or ("CallStatus" not in form and "AnsweredBy" in form):
            return (_machine_result(form, headers, account.dialect),)
        return (_progress(form, headers, account.dialect),)


def _fields(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )  # fmt: skip
    except ValueError:
        raise ForgedCallback("the body is not a form") from None


def _progress(form: Mapping[str, str], headers: Mapping[str, str], dialect: Dialect) -> CallNews:
    status = form.get("CallStatus")
    if not status:
        raise BadInput("CallStatus", "is missing from a callback")
    row = CALL_STATUS.get(status, NO_STATUS)
    final = row.progress is Progress.FINAL
    code = form.get(dialect.sip_field) or None
    outcome, known_cause = cause_of(row, code, SIP_CAUSES)
    answered_by, known_answer = _answered_by(form, dialect)
    duration = form.get("CallDuration", "")
    return CallNews(
        progress=row.progress,
        carrier_call_id=form.get("CallSid") or None,
        at=moment(form.get("Timestamp")),
        outcome=outcome,
        answered_by=answered_by,
        was_answered=row.was_answered,
        provider_status=status,
        provider_code=code if known_answer else form["AnsweredBy"],
        known_code=row is not NO_STATUS and known_cause and known_answer,
        duration_s=float(duration) if final and duration.isdecimal() else None,
        to=form.get("To") or None,
        from_number=form.get("From") or None,
        event_id=_event_id(form, headers, form.get("SequenceNumber")),
    )


def _machine_result(form: Mapping[str, str], headers: Mapping[str, str], dialect: Dialect) -> CallNews:
    answered_by, known = _answered_by(form, dialect)
    if answered_by is None:
        raise BadInput("AnsweredBy", "is missing from a machine detection callback")
    return CallNews(
        progress=Progress.MACHINE_RESULT,
        carrier_call_id=form.get("CallSid") or None,
        answered_by=answered_by,
        was_answered=True,
        provider_code=None if known else form["AnsweredBy"],
        known_code=known,
        event_id=_event_id(form, headers, "machine"),
    )


def _answered_by(form: Mapping[str, str], dialect: Dialect) -> tuple[AnsweredBy | None, bool]:
    """A result that no table lists is a result all the same: unknown."""
    said = form.get("AnsweredBy")
    if not said:
        return None, True
    return dialect.answered_by.get(said, AnsweredBy.UNKNOWN), said in dialect.answered_by


def _event_id(form: Mapping[str, str], headers: Mapping[str, str], ordinal: str | None) -> str | None:
    """The same for every repetition of one callback."""
    if token := headers.get(REPETITION_HEADER):
        return token
    return f"{form['CallSid']}:{ordinal}" if form.get("CallSid") and ordinal else None
