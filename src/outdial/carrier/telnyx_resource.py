"""Telnyx's shapes as JSON: a call's status, a live call, events, and its error body."""

from __future__ import annotations

import hashlib
import uuid
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from http import HTTPStatus

from outdial.carrier.calls import Answerer, Call, Ending, Phase
from outdial.carrier.http_api import Answer

VERSION = "v2"

CAUSES = {
    Ending.COMPLETED: ("normal_clearing", "callee"),
    Ending.BUSY: ("user_busy", "callee"),
    Ending.REJECTED: ("call_rejected", "callee"),
    Ending.NO_ANSWER: ("timeout", "unknown"),
    Ending.UNREACHABLE: ("unspecified", "unknown"),
    Ending.INVALID: ("not_found", "unknown"),
    Ending.BLOCKED: ("call_rejected", "unknown"),
    Ending.FAILED: ("unspecified", "unknown"),
    Ending.CANCELED: ("originator_cancel", "caller"),
}
"""`hangup_cause` and `hangup_source` of each ending; the SIP code tells more."""

RESULTS = {
    Answerer.HUMAN: "human",
    Answerer.MACHINE: "machine",
    Answerer.FAX: "machine",
    Answerer.UNKNOWN: "not_sure",
}
"""Machine detection; only the premium one knows fax machines."""


class ApiError(Exception):
    """A refusal in Telnyx's terms. `pointer`: the parameter it is about."""

    def __init__(self, status: int, code: str, title: str, detail: str = "", pointer: str = "") -> None:
        super().__init__(title)
        self.status, self.code, self.title, self.detail, self.pointer = status, code, title, detail or title, pointer

    def answer(self) -> Answer:
        """As it is sent; a rate limit begins anew after a second."""
        error: dict[str, object] = {"code": self.code, "title": self.title, "detail": self.detail}
        if self.pointer:
            error["source"] = {"pointer": self.pointer}
        headers = (("x-ratelimit-reset", "1"),) if self.status == HTTPStatus.TOO_MANY_REQUESTS else ()
        return Answer(self.status, {"errors": [error]}, headers)


def call_id_of(leg_id: str) -> str:
    """A leg's `call_control_id`: made from it, so that a call is found by either without a list."""
    return "v3:" + urlsafe_b64encode(hashlib.blake2b(leg_id.encode(), digest_size=42).digest()).decode()


def moment(at: float) -> str:
    """A time as Telnyx writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def names_of(call: Call, leg_id: str, client_state: str) -> dict[str, object]:
    """What every shape says of a call. The session has one leg here."""
    names: dict[str, object] = {
        "call_control_id": call.call_id,
        "call_leg_id": leg_id,
        "call_session_id": str(uuid.UUID(int=uuid.UUID(leg_id).int ^ 1)),
    }
    return names | ({"client_state": client_state} if client_state else {})


def status_of(call: Call, names: dict[str, object], now: float) -> dict[str, object]:
    """The answer to a create and to a fetch. It has no cause."""
    status = {
        "record_type": "call",
        **names,
        "is_alive": call.phase in (Phase.INITIATED, Phase.RINGING, Phase.ANSWERED),
    }
    if call.initiated_at is not None:
        status |= {"start_time": moment(call.initiated_at), "call_duration": duration_of(call, now)}
    if call.ended_at is not None:
        status["end_time"] = moment(call.ended_at)
    return status


def live_call(call: Call, names: dict[str, object], now: float) -> dict[str, object]:
    """One row of the list of active calls."""
    return {"record_type": "call", "client_state": "", **names, "call_duration": duration_of(call, now)}


def duration_of(call: Call, now: float) -> int:
    """Whole seconds since the call began, until its end."""
    return 0 if call.initiated_at is None else int((call.ended_at or now) - call.initiated_at)
