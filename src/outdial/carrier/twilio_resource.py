"""Twilio's Call resource and its error body, as JSON shapes."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from outdial.carrier.calls import Answerer, Call, Detection, Ending, Phase
from outdial.carrier.http_api import Answer

VERSION = "2010-04-01"

STATUSES = {Phase.QUEUED: "queued", Phase.INITIATED: "queued", Phase.RINGING: "ringing", Phase.ANSWERED: "in-progress"}
"""The resource's status of a call under way; `initiated` exists in callbacks only."""

FINAL_STATUSES = {
    Ending.COMPLETED: "completed",
    Ending.BUSY: "busy",
    Ending.REJECTED: "busy",
    Ending.NO_ANSWER: "no-answer",
    Ending.CANCELED: "canceled",
    Ending.UNREACHABLE: "failed",
    Ending.INVALID: "failed",
    Ending.BLOCKED: "failed",
    Ending.FAILED: "failed",
}

_MACHINES = {Detection.START: "machine_start", Detection.MESSAGE_END: "machine_end_beep"}


class ApiError(Exception):
    """A refusal in Twilio's terms."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message

    def answer(self) -> Answer:
        """As it is sent."""
        more_info = f"https://www.twilio.com/docs/errors/{self.code}"
        payload = {"code": self.code, "message": self.message, "more_info": more_info, "status": self.status}
        return Answer(self.status, payload)


@lru_cache(maxsize=1024)
def _rfc2822_of_second(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def rfc2822(at: float | None) -> str | None:
    """A moment (Unix seconds) in whole seconds, as all of Twilio's dates are."""
    return None if at is None else _rfc2822_of_second(math.floor(at))


def status_of(call: Call) -> str:
    """The resource's status."""
    return STATUSES[call.phase] if call.ending is None else FINAL_STATUSES[call.ending]


def answered_by(call: Call) -> str | None:
    """What machine detection said, in Twilio's words."""
    if call.detected is None:
        return None
    return _MACHINES[call.order.detection] if call.detected is Answerer.MACHINE else call.detected.value


def duration_of(call: Call) -> str | None:
    """Whole seconds from answer to end, once ended."""
    return None if call.open else str(round(call.talked_s))


def resource(call: Call, account_id: str) -> dict[str, object]:
    """The Call resource."""
    uri = f"/{VERSION}/Accounts/{account_id}/Calls/{call.call_id}"
    order, completed = call.order, call.ending is Ending.COMPLETED
    return {
        "sid": call.call_id,
        "date_created": rfc2822(call.accepted_at),
        "date_updated": rfc2822(call.ended_at or call.answered_at or call.initiated_at or call.accepted_at),
        "parent_call_sid": None,
        "account_sid": account_id,
        "to": order.to,
        "to_formatted": _formatted(order.to),
        "from": order.from_number,
        "from_formatted": _formatted(order.from_number),
        "phone_number_sid": _number_sid(order.from_number),
        "status": status_of(call),
        "start_time": rfc2822(call.initiated_at),
        "end_time": rfc2822(call.ended_at),
        "duration": duration_of(call),
        "price": f"{-0.014 * max(1, math.ceil(call.talked_s / 60)):.5f}" if completed else None,
        "price_unit": "USD",
        "direction": "outbound-api",
        "answered_by": answered_by(call),
        "api_version": VERSION,
        "forwarded_from": None,
        "group_sid": None,
        "caller_name": None,
        "queue_time": str(round(call.queue_s * 1000)),
        "trunk_sid": None,
        "uri": f"{uri}.json",
        "subresource_uris": {
            "recordings": f"{uri}/Recordings.json",
            "notifications": f"{uri}/Notifications.json",
            "events": f"{uri}/Events.json",
        },
    }


def _formatted(number: str) -> str:
    if number.startswith("+1") and len(number) == 12:
        return f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    return number


@lru_cache(maxsize=4096)
def _number_sid(number: str) -> str:
    return "PN" + hashlib.blake2b(number.encode(), digest_size=16).hexdigest()
