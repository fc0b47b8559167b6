"""The twenty normalized outcomes and what each one says (SPEC 5): was the contact reached, does the number's answer rate count it.

Adapters map provider statuses, causes and SIP codes to these by table; nothing else in outdial knows a provider's words.
"""

from __future__ import annotations

from enum import StrEnum

from outdial.rules.policy import CampaignPolicy


class Outcome(StrEnum):
    """How an attempt ended. The last four, with `rejected_request`, never had a call that rang."""

    ANSWERED_HUMAN = "answered_human"
    ANSWERED_UNKNOWN = "answered_unknown"
    ANSWERED_MACHINE = "answered_machine"
    ANSWERED_FAX = "answered_fax"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    SPAM_BLOCKED = "spam_blocked"
    BUSY = "busy"
    UNREACHABLE = "unreachable"
    INVALID_NUMBER = "invalid_number"
    BLOCKED_DESTINATION = "blocked_destination"
    CALLER_ID_REJECTED = "caller_id_rejected"
    CARRIER_FAILED = "carrier_failed"
    APP_ERROR = "app_error"
    CANCELED = "canceled"
    CAPACITY = "capacity"
    ACCOUNT_BLOCKED = "account_blocked"
    PROVIDER_ERROR = "provider_error"
    AMBIGUOUS = "ambiguous"
    UNKNOWN = "unknown"


class Ending(StrEnum):
    """How an attempt ended that never got a call: stored where outcomes are, never fed to statistics."""

    REJECTED_REQUEST = "rejected_request"
    EXPIRED = "expired"
    CANCELED = "canceled"


_ANSWERED = frozenset({Outcome.ANSWERED_HUMAN, Outcome.ANSWERED_UNKNOWN})
_ATTEMPTS = _ANSWERED | {Outcome.ANSWERED_MACHINE, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.SPAM_BLOCKED}
_CARRIER_FAILURES = frozenset({Outcome.CARRIER_FAILED, Outcome.PROVIDER_ERROR, Outcome.CALLER_ID_REJECTED})


def is_answered(outcome: Outcome) -> bool:
    """Whether somebody or something picked up."""
    return outcome.startswith("answered_")


def is_reached(outcome: Outcome, policy: CampaignPolicy) -> bool:
    """Whether the outcome says that the contact was reached, which is what a sticky assignment follows."""
    return outcome in _ANSWERED or (outcome is Outcome.ANSWERED_MACHINE and policy.voicemail_is_reached)


def answer_for_rate(outcome: Outcome, policy: CampaignPolicy) -> bool | None:
    """True = a success of the number, False = an attempt without success, None = says nothing about the number."""
    if outcome not in _ATTEMPTS:
        return None
    return outcome in _ANSWERED or (outcome is Outcome.ANSWERED_MACHINE and policy.machine_counts_as_answer)


def is_carrier_failure(outcome: Outcome) -> bool:
    """Whether the outcome counts towards a number's failures in a row by the carrier (`failing`, SPEC 3.1)."""
    return outcome in _CARRIER_FAILURES
