"""Part 4, tables: Telnyx's words and codes on the left, outdial's on the right. docs/reference/outcomes.md shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from outdial.providers.tables import SIP_OUTCOMES, StatusRow
from outdial.rules.call_progress import AnsweredBy, Progress
from outdial.rules.outcome import Outcome

PROVING_STATUSES = frozenset({400, 401, 402, 403, 404, 409, 422})
"""HTTP statuses of refusals. Which one comes with a channel limit is not documented, so only the code decides; with a
5xx it proves nothing."""

CREATE_ERRORS: Mapping[str, Outcome] = {
    # The numbers. Which of the two it is, `CREATE_ERRORS_AT` says.
    "10002": Outcome.INVALID_NUMBER,  # invalid phone number
    "10001": Outcome.CALLER_ID_REJECTED,
    # Room.
    "10011": Outcome.CAPACITY,  # too many requests
    "10036": Outcome.CAPACITY,
    "10039": Outcome.CAPACITY,  # a limit of the account's level
    "90041": Outcome.CAPACITY,  # the user's channels
    "90042": Outcome.CAPACITY,  # the outbound voice profile's channels
    "90043": Outcome.CAPACITY,  # the connection's channels
    # The account.
    "10009": Outcome.ACCOUNT_BLOCKED,  # not authenticated
    "10010": Outcome.ACCOUNT_BLOCKED,  # not authorized; a reason code in its detail says more
    "10038": Outcome.ACCOUNT_BLOCKED,  # a feature that the account's level lacks
    "20002": Outcome.ACCOUNT_BLOCKED,
    "20012": Outcome.ACCOUNT_BLOCKED,  # inactive
    "20013": Outcome.ACCOUNT_BLOCKED,  # blocked
    "20014": Outcome.ACCOUNT_BLOCKED,  # not verified
    "20016": Outcome.ACCOUNT_BLOCKED,  # not verified
    "20017": Outcome.ACCOUNT_BLOCKED,  # not verified
    "20100": Outcome.ACCOUNT_BLOCKED,  # no funds
    # Server errors: there may be a call.
    "10007": Outcome.AMBIGUOUS,
    "10008": Outcome.AMBIGUOUS,
    "10037": Outcome.AMBIGUOUS,  # "service unavailable" is not documented as unprocessed
    # A mistake of ours.
    "10004": Outcome.APP_ERROR,  # a parameter is missing
    "10015": Outcome.APP_ERROR,  # a bad value
    "10017": Outcome.APP_ERROR,
    "10032": Outcome.APP_ERROR,  # out of range
    "10033": Outcome.APP_ERROR,  # out of range
}

CREATE_ERRORS_AT: Mapping[tuple[str, str], Outcome] = {
    ("10016", "/to"): Outcome.INVALID_NUMBER,  # not E.164
    ("10016", "/from"): Outcome.CALLER_ID_REJECTED,
    ("10015", "/connection_id"): Outcome.ACCOUNT_BLOCKED,  # no such application, or it has no webhook address
    ("10011", "/media_encryption"): Outcome.APP_ERROR,  # the code of a rate limit, used a second time
}
"""The same by code and the parameter that the error points at; wins over `CREATE_ERRORS`."""

REASON_CODES: Mapping[str, Outcome] = {
    **dict.fromkeys(("D1", "D2", "D3", "D5", "D9", "D22", "D56", "P05"), Outcome.CAPACITY),
    **dict.fromkeys(("D13", "D24", "D41", "TM1"), Outcome.BLOCKED_DESTINATION),
    **dict.fromkeys(
        ("D35", "D36", "D49", "D51", "D52", "D53", "D54", "D60", "D61", "D63", "D64", "D65"),
        Outcome.CALLER_ID_REJECTED,
    ),
    **dict.fromkeys(
        ("D7", "D10", "D11", "D12", "D14", "D15", "D16", "D17", "D18", "D19", "D38"), Outcome.ACCOUNT_BLOCKED
    ),
    **dict.fromkeys(("D40", "PE1", "PE2", "PE3", "PE4", "PE5", "PE6", "TV1"), Outcome.CARRIER_FAILED),
    "D59": Outcome.INVALID_NUMBER,
}
"""Telnyx's own reason codes, in the detail of an error and beside the SIP code of a call's end."""

_REASON = re.compile(r"\b(D[1-9][0-9]?|P05|TM1|PE[1-6]|TV1)\b")


def reason_in(text: str) -> str | None:
    """The first listed reason code of a text."""
    return next((code for code in _REASON.findall(text) if code in REASON_CODES), None)


EVENTS: Mapping[str, StatusRow] = {
    "call.initiated": StatusRow(Progress.INITIATED),
    "call.answered": StatusRow(Progress.ANSWERED, was_answered=True),
}
"""Events that say how far a call got; there is none for ringing. Others (playback, recording, cost, …) say nothing
about that."""

MACHINE_EVENTS = frozenset({"call.machine.detection.ended", "call.machine.premium.detection.ended"})

MACHINE_RESULTS: Mapping[str, AnsweredBy] = {
    "human": AnsweredBy.HUMAN,
    "human_residence": AnsweredBy.HUMAN,
    "human_business": AnsweredBy.HUMAN,
    "machine": AnsweredBy.MACHINE,
    "fax_detected": AnsweredBy.FAX,
    "not_sure": AnsweredBy.UNKNOWN,
    "silence": AnsweredBy.UNKNOWN,
}

_ANY_CAUSE = frozenset(SIP_OUTCOMES.values()) | {Outcome.ANSWERED_UNKNOWN}
_DECLINED = frozenset({Outcome.REJECTED, Outcome.SPAM_BLOCKED})

HANGUP_CAUSES: Mapping[str, StatusRow] = {
    "normal_clearing": StatusRow(Progress.FINAL, Outcome.NO_ANSWER, refined_by=_ANY_CAUSE),
    "time_limit": StatusRow(Progress.FINAL, Outcome.ANSWERED_UNKNOWN, was_answered=True),
    "timeout": StatusRow(Progress.FINAL, Outcome.NO_ANSWER),
    "no_answer": StatusRow(Progress.FINAL, Outcome.NO_ANSWER),
    "originator_cancel": StatusRow(Progress.FINAL, Outcome.CANCELED),
    "user_busy": StatusRow(Progress.FINAL, Outcome.BUSY, refined_by=_DECLINED),
    "call_rejected": StatusRow(Progress.FINAL, Outcome.REJECTED, refined_by=_DECLINED),
    "not_found": StatusRow(Progress.FINAL, Outcome.INVALID_NUMBER),
    "unspecified": StatusRow(Progress.FINAL, Outcome.CARRIER_FAILED, refined_by=_ANY_CAUSE),
}
"""`hangup_cause` of `call.hangup`. `normal_clearing` ends answered calls (SIP 200, or `call.answered` was seen) and
others; without either word it is not answered."""

NO_CAUSE = StatusRow(Progress.FINAL, Outcome.UNKNOWN)
"""A cause that Telnyx may add one day: the call is over, why is not known."""

SIP_CAUSES: Mapping[str, Outcome] = {**SIP_OUTCOMES, "200": Outcome.ANSWERED_UNKNOWN}
