"""Part 4, tables: Twilio's words and codes on the left, outdial's on the right. docs/reference/outcomes.md shows them."""

from __future__ import annotations

from collections.abc import Mapping

from outdial.providers.tables import SIP_OUTCOMES, StatusRow
from outdial.rules.call_progress import AnsweredBy, Progress
from outdial.rules.outcome import Outcome

PROVING_STATUSES = frozenset({400, 401, 403, 404, 409, 422})
"""HTTP statuses with which Twilio documents refusals. The same code with a 5xx proves nothing."""

CREATE_ERRORS: Mapping[str, Outcome] = {
    # The number called.
    "21201": Outcome.INVALID_NUMBER,  # To missing
    "21211": Outcome.INVALID_NUMBER,  # To invalid, or the same as From
    "21217": Outcome.INVALID_NUMBER,  # To not valid
    "21214": Outcome.INVALID_NUMBER,  # To cannot be reached
    "13223": Outcome.INVALID_NUMBER,  # invalid number format
    "13224": Outcome.INVALID_NUMBER,  # unsupported or invalid
    "13226": Outcome.INVALID_NUMBER,  # unknown country
    # A destination that this account may not call.
    "21202": Outcome.BLOCKED_DESTINATION,  # premium
    "21203": Outcome.BLOCKED_DESTINATION,  # international calls are off
    "21215": Outcome.BLOCKED_DESTINATION,  # geographic permission
    "21216": Outcome.BLOCKED_DESTINATION,  # block list
    "13225": Outcome.BLOCKED_DESTINATION,  # block list
    "13227": Outcome.BLOCKED_DESTINATION,  # geographic permission
    "32203": Outcome.BLOCKED_DESTINATION,  # block list (trunk)
    "32205": Outcome.BLOCKED_DESTINATION,  # geographic permission (trunk)
    "21219": Outcome.BLOCKED_DESTINATION,  # trial account, To not verified
    "573005": Outcome.BLOCKED_DESTINATION,  # trial account, To not verified
    # Our own number.
    "21210": Outcome.CALLER_ID_REJECTED,  # not verified
    "21212": Outcome.CALLER_ID_REJECTED,  # invalid, or on the do-not-originate list
    "21213": Outcome.CALLER_ID_REJECTED,  # From missing
    "32204": Outcome.CALLER_ID_REJECTED,
    "32206": Outcome.CALLER_ID_REJECTED,
    "32017": Outcome.SPAM_BLOCKED,  # carriers block the caller ID for its reputation
    "32016": Outcome.CARRIER_FAILED,
    # Room.
    "10004": Outcome.CAPACITY,  # calls at once
    "20429": Outcome.CAPACITY,  # requests at once
    "22005": Outcome.CAPACITY,  # 24 hours of calls queued
    "32001": Outcome.CAPACITY,  # the trunk's calls per second
    # The account.
    "10001": Outcome.ACCOUNT_BLOCKED,  # not active, often for lack of funds
    "10002": Outcome.ACCOUNT_BLOCKED,
    "20003": Outcome.ACCOUNT_BLOCKED,  # not authenticated
    "20005": Outcome.ACCOUNT_BLOCKED,  # not active
    "20006": Outcome.ACCOUNT_BLOCKED,  # no access
    "20403": Outcome.ACCOUNT_BLOCKED,  # forbidden
    "70051": Outcome.ACCOUNT_BLOCKED,  # not authorized
    # Server errors: there may be a call.
    "20500": Outcome.AMBIGUOUS,
    "20503": Outcome.AMBIGUOUS,  # "service unavailable" is not documented as unprocessed
    "20504": Outcome.AMBIGUOUS,
    # A mistake of ours.
    "21205": Outcome.APP_ERROR,  # Url
    "21208": Outcome.APP_ERROR,  # Timeout
    "21209": Outcome.APP_ERROR,  # a callback method
    "21218": Outcome.APP_ERROR,  # application
    "21626": Outcome.APP_ERROR,  # a status event's name
}

_ANY_CAUSE = frozenset(SIP_OUTCOMES.values())
_DECLINED = frozenset({Outcome.REJECTED, Outcome.SPAM_BLOCKED})

CALL_STATUS: Mapping[str, StatusRow] = {
    "queued": StatusRow(Progress.QUEUED),
    "initiated": StatusRow(Progress.INITIATED),
    "ringing": StatusRow(Progress.RINGING),
    "in-progress": StatusRow(Progress.ANSWERED, was_answered=True),
    "completed": StatusRow(Progress.FINAL, Outcome.ANSWERED_UNKNOWN, was_answered=True),
    "busy": StatusRow(Progress.FINAL, Outcome.BUSY, refined_by=_DECLINED),
    "no-answer": StatusRow(Progress.FINAL, Outcome.NO_ANSWER),
    "canceled": StatusRow(Progress.FINAL, Outcome.CANCELED),
    "failed": StatusRow(Progress.FINAL, Outcome.CARRIER_FAILED, refined_by=_ANY_CAUSE),
}
"""`completed` = connected, voicemail included. `busy` is also what Twilio says of a declined call: SIP 603, 607, 608."""

NO_STATUS = StatusRow(Progress.QUEUED)
"""A status that Twilio may add one day: counted, and not taken for an end, which would free the slot of a live call."""

SIP_CAUSES: Mapping[str, Outcome] = SIP_OUTCOMES

ANSWERED_BY: Mapping[str, AnsweredBy] = {
    "human": AnsweredBy.HUMAN,
    "machine_start": AnsweredBy.MACHINE,
    "machine_end_beep": AnsweredBy.MACHINE,
    "machine_end_silence": AnsweredBy.MACHINE,
    "machine_end_other": AnsweredBy.MACHINE,
    "fax": AnsweredBy.FAX,
    "unknown": AnsweredBy.UNKNOWN,
}

SIGNALWIRE_CREATE_ERRORS: Mapping[str, Outcome] = {
    # The number called.
    "21201": Outcome.INVALID_NUMBER,
    "21211": Outcome.INVALID_NUMBER,
    "21217": Outcome.INVALID_NUMBER,
    # A destination that this project may not call.
    "21219": Outcome.BLOCKED_DESTINATION,  # trial limits
    "30010": Outcome.BLOCKED_DESTINATION,  # dearer than the price limit
    # Our own number.
    "21210": Outcome.CALLER_ID_REJECTED,
    "21212": Outcome.CALLER_ID_REJECTED,
    "21213": Outcome.CALLER_ID_REJECTED,
    "21601": Outcome.CALLER_ID_REJECTED,
    # Room.
    "20429": Outcome.CAPACITY,
    "21611": Outcome.CAPACITY,  # the backlog of 10,000 calls is full
    # The account.
    "4001": Outcome.ACCOUNT_BLOCKED,  # balance
    "30002": Outcome.ACCOUNT_BLOCKED,  # balance
    "10001": Outcome.ACCOUNT_BLOCKED,
    "20003": Outcome.ACCOUNT_BLOCKED,  # not authenticated
    "20010": Outcome.ACCOUNT_BLOCKED,
    # Server errors: there may be a call.
    "20504": Outcome.AMBIGUOUS,
    # A mistake of ours.
    "21205": Outcome.APP_ERROR,
    "21208": Outcome.APP_ERROR,
    "21218": Outcome.APP_ERROR,
    "21402": Outcome.APP_ERROR,
}

SIGNALWIRE_ANSWERED_BY: Mapping[str, AnsweredBy] = {**ANSWERED_BY, "machine": AnsweredBy.MACHINE}
