"""Part 4, tables: Plivo's words and codes on the left, outdial's on the right. docs/reference/outcomes.md shows them."""

from __future__ import annotations

from collections.abc import Mapping

from outdial.providers.tables import StatusRow
from outdial.rules.call_progress import AnsweredBy, Progress
from outdial.rules.outcome import Outcome

CREATE_ERRORS: Mapping[str, Outcome] = {
    "http_400": Outcome.APP_ERROR,  # unless its text tells more: see ERROR_TEXTS
    "http_401": Outcome.ACCOUNT_BLOCKED,
    "http_403": Outcome.ACCOUNT_BLOCKED,  # unless its text tells more
    "http_404": Outcome.ACCOUNT_BLOCKED,  # no such auth id
    "http_405": Outcome.APP_ERROR,
    "http_422": Outcome.APP_ERROR,  # unless its text tells more
    "http_429": Outcome.CAPACITY,
    # Server errors: there may be a call.
    "http_500": Outcome.AMBIGUOUS,
    "http_503": Outcome.AMBIGUOUS,
}
"""By HTTP status: Plivo's errors have no codes, only a text."""

ERROR_TEXTS: Mapping[str, tuple[str, Outcome]] = {
    "from_not_owned": (r"not associated with your account", Outcome.CALLER_ID_REJECTED),
    "compliance": (r"\bcompliance\b|\bcaller ?id\b", Outcome.CALLER_ID_REJECTED),
    "bad_from": (r"\bfrom\b\W{0,2}(parameter|number)", Outcome.CALLER_ID_REJECTED),
    "bad_to": (r"\bto\b\W{0,2}(parameter|number)|\bdestination number\b", Outcome.INVALID_NUMBER),
    "geo": (r"\bgeo|\bcountry\b|\bdestination\b|\binternational\b", Outcome.BLOCKED_DESTINATION),
}
"""Our name for it, the words in the text of a 400, 403 or 422 (the first row that matches), and what it means."""

_ANSWERED = Outcome.ANSWERED_UNKNOWN

CAUSES: Mapping[str, Outcome] = {
    "0": Outcome.UNKNOWN,
    "1000": Outcome.CANCELED,
    "1010": Outcome.ACCOUNT_BLOCKED,  # no credits
    "1020": Outcome.CAPACITY,  # simultaneous dials
    "2000": Outcome.INVALID_NUMBER,
    "2010": Outcome.INVALID_NUMBER,  # out of service
    "2020": Outcome.UNREACHABLE,  # endpoint not registered
    "2030": Outcome.BLOCKED_DESTINATION,  # country
    "2040": Outcome.BLOCKED_DESTINATION,  # premium
    "2050": Outcome.BLOCKED_DESTINATION,  # prefix
    "2060": Outcome.APP_ERROR,  # loop
    "2070": Outcome.APP_ERROR,  # media anchoring (India)
    "3000": Outcome.UNREACHABLE,  # called "No Answer", but means: cannot be reached
    "3010": Outcome.BUSY,
    "3020": Outcome.REJECTED,
    "3030": Outcome.CALLER_ID_REJECTED,
    "3040": Outcome.SPAM_BLOCKED,
    "3050": Outcome.INVALID_NUMBER,  # unallocated
    "3070": Outcome.CARRIER_FAILED,
    "3080": Outcome.CARRIER_FAILED,
    "3090": Outcome.CARRIER_FAILED,
    "3100": Outcome.BUSY,
    "3110": Outcome.REJECTED,
    "3120": Outcome.INVALID_NUMBER,
    "3130": Outcome.SPAM_BLOCKED,
    "3140": Outcome.CALLER_ID_REJECTED,  # do not originate
    "4000": _ANSWERED,
    "4010": _ANSWERED,  # end of the XML
    "4020": _ANSWERED,
    "4030": _ANSWERED,
    "5000": Outcome.CARRIER_FAILED,
    "5010": Outcome.CARRIER_FAILED,
    "5020": Outcome.CARRIER_FAILED,
    "5030": Outcome.CAPACITY,  # concurrency (India)
    "6000": _ANSWERED,  # the call limit
    "6010": Outcome.NO_ANSWER,  # the ring limit: the real no-answer
    "6020": _ANSWERED,  # media lost
    **{str(code): Outcome.APP_ERROR for code in (*range(7011, 7035), *range(8011, 8015))},  # URL and XML errors
    "9000": Outcome.CANCELED,  # lost the race of a bulk call
    "9100": Outcome.ANSWERED_MACHINE,
    "9110": _ANSWERED,  # the confirm key
}
"""`HangupCauseCode`. The URL and XML errors of a call that was answered leave it answered."""

_ANY_CAUSE = frozenset(CAUSES.values())

CALL_STATUS: Mapping[str, StatusRow] = {
    "queued": StatusRow(Progress.QUEUED),
    "ringing": StatusRow(Progress.RINGING),
    "in-progress": StatusRow(Progress.ANSWERED, was_answered=True),
    "completed": StatusRow(
        Progress.FINAL, _ANSWERED, True, refined_by=frozenset({_ANSWERED, Outcome.ANSWERED_MACHINE})
    ),
    "busy": StatusRow(Progress.FINAL, Outcome.BUSY, refined_by=_ANY_CAUSE),
    "failed": StatusRow(Progress.FINAL, Outcome.CARRIER_FAILED, refined_by=_ANY_CAUSE),
    "timeout": StatusRow(Progress.FINAL, Outcome.NO_ANSWER, refined_by=_ANY_CAUSE),
    "no-answer": StatusRow(Progress.FINAL, Outcome.NO_ANSWER, refined_by=_ANY_CAUSE),
    "cancel": StatusRow(Progress.FINAL, Outcome.CANCELED, refined_by=_ANY_CAUSE),
}

NO_STATUS = StatusRow(Progress.QUEUED)
"""A status that Plivo may add one day: counted, and not taken for an end, which would free the slot of a live call."""

ANSWERED_BY: Mapping[str, AnsweredBy] = {
    "true": AnsweredBy.MACHINE,
    "false": AnsweredBy.HUMAN,
}
"""The `Machine` of a machine detection callback. Plivo documents one for machines only; people get none."""
