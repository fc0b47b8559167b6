"""Part 4, tables: Vonage's words on the left, outdial's on the right. docs/reference/outcomes.md shows them."""

from __future__ import annotations

from collections.abc import Mapping

from outdial.providers.tables import StatusRow
from outdial.rules.call_progress import AnsweredBy, Progress
from outdial.rules.outcome import Outcome

CREATE_ERRORS: Mapping[str, Outcome] = {
    "http_400": Outcome.APP_ERROR,  # unless it names the parameter: see BAD_PARAMETERS
    "http_401": Outcome.ACCOUNT_BLOCKED,
    "http_403": Outcome.ACCOUNT_BLOCKED,
    "low-balance": Outcome.ACCOUNT_BLOCKED,
    "forbidden": Outcome.ACCOUNT_BLOCKED,
    "http_429": Outcome.CAPACITY,
    # Server errors: there may be a call.
    "http_500": Outcome.AMBIGUOUS,
    "http_503": Outcome.AMBIGUOUS,
}
"""By the last word of the problem's `type`, else by the HTTP status. Bad numbers mostly come as events, not here."""

BAD_PARAMETERS: Mapping[str, Outcome] = {
    "to": Outcome.INVALID_NUMBER,
    "from": Outcome.CALLER_ID_REJECTED,
}
"""The parameter that a 400 names."""

_ANSWERED = StatusRow(Progress.ANSWERED, was_answered=True)
_ALIVE = StatusRow(Progress.QUEUED)

REJECTED_CAUSES: Mapping[str, Outcome] = {
    "rejected/invalid_number": Outcome.INVALID_NUMBER,
    "rejected/restricted": Outcome.SPAM_BLOCKED,  # the network refused this caller: an attempt, and a spam signal
    "rejected/declined": Outcome.REJECTED,
}
UNANSWERED_CAUSES: Mapping[str, Outcome] = {
    "unanswered/unavailable": Outcome.UNREACHABLE,
    "unanswered/timeout": Outcome.NO_ANSWER,
}
FAILED_CAUSES: Mapping[str, Outcome] = {
    "failed/cannot_route": Outcome.BLOCKED_DESTINATION,
    "failed/number_out_of_service": Outcome.INVALID_NUMBER,
    "failed/internal_error": Outcome.CARRIER_FAILED,
}
CAUSES: Mapping[str, Outcome] = {**REJECTED_CAUSES, **UNANSWERED_CAUSES, **FAILED_CAUSES}
"""`status/detail`: the same detail means different things below different statuses."""

CALL_STATUS: Mapping[str, StatusRow] = {
    "started": StatusRow(Progress.INITIATED),
    "ringing": StatusRow(Progress.RINGING),
    "answered": _ANSWERED,
    "human": StatusRow(Progress.MACHINE_RESULT, was_answered=True),
    "machine": StatusRow(Progress.MACHINE_RESULT, was_answered=True),
    "completed": StatusRow(Progress.FINAL, Outcome.ANSWERED_UNKNOWN, was_answered=True),
    "busy": StatusRow(Progress.FINAL, Outcome.BUSY),
    "timeout": StatusRow(Progress.FINAL, Outcome.NO_ANSWER),
    "cancelled": StatusRow(Progress.FINAL, Outcome.CANCELED),
    "unanswered": StatusRow(Progress.FINAL, Outcome.NO_ANSWER, refined_by=frozenset(UNANSWERED_CAUSES.values())),
    "rejected": StatusRow(Progress.FINAL, Outcome.REJECTED, refined_by=frozenset(REJECTED_CAUSES.values())),
    "failed": StatusRow(Progress.FINAL, Outcome.CARRIER_FAILED, refined_by=frozenset(FAILED_CAUSES.values())),
    # Not about the call's progress, but signs that there is one.
    "record": _ALIVE,
    "input": _ALIVE,
    "transfer": _ALIVE,
    "disconnected": _ALIVE,
    "error": _ALIVE,
}
"""`completed` counts as answered only with a duration or a start time. `error` stands for events without a status."""

NO_STATUS = _ALIVE
"""A status that Vonage may add one day: counted, and not taken for an end, which would free the slot of a live call."""

ANSWERED_BY: Mapping[str, AnsweredBy] = {
    "human": AnsweredBy.HUMAN,
    "machine": AnsweredBy.MACHINE,
}
"""The statuses that are a result of machine detection."""
