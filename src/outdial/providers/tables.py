"""The neutral shape of a provider's tables: its words on the left, outdial's on the right, and no code in between.

A create error's class follows from its outcome: `capacity` = try later, `ambiguous` = the call may exist, every other
= the provider documents that there is no call. What no table lists is never guessed: a create error is ambiguous, a
cause of a call's end becomes `unknown`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from outdial.ports.carriers import Ambiguous, PlaceResult, Refused, RefusedForNow
from outdial.rules.call_progress import Progress
from outdial.rules.outcome import Outcome


@dataclass(frozen=True, slots=True)
class StatusRow:
    """What a call status says. `outcome` only with FINAL; `refined_by`: causes that may replace it."""

    progress: Progress
    outcome: Outcome | None = None
    was_answered: bool = False
    refined_by: frozenset[Outcome] = frozenset()


SIP_OUTCOMES: Mapping[str, Outcome] = {
    "400": Outcome.CARRIER_FAILED,
    "401": Outcome.ACCOUNT_BLOCKED,
    "403": Outcome.REJECTED,  # the reason text would tell caller ID, geography or limit apart; without it: declined
    "404": Outcome.INVALID_NUMBER,
    "406": Outcome.CARRIER_FAILED,
    "408": Outcome.UNREACHABLE,
    "410": Outcome.INVALID_NUMBER,
    "415": Outcome.CARRIER_FAILED,
    "480": Outcome.UNREACHABLE,
    "481": Outcome.CARRIER_FAILED,
    "484": Outcome.INVALID_NUMBER,
    "486": Outcome.BUSY,
    "487": Outcome.NO_ANSWER,  # our own ring limit
    "488": Outcome.CARRIER_FAILED,
    "500": Outcome.CARRIER_FAILED,
    "502": Outcome.CARRIER_FAILED,
    "503": Outcome.CARRIER_FAILED,
    "504": Outcome.CARRIER_FAILED,
    "580": Outcome.CARRIER_FAILED,
    "600": Outcome.BUSY,
    "603": Outcome.REJECTED,
    "604": Outcome.INVALID_NUMBER,
    "606": Outcome.CARRIER_FAILED,
    "607": Outcome.SPAM_BLOCKED,
    "608": Outcome.SPAM_BLOCKED,
}
"""SIP response codes of calls that were not answered, for every provider that passes them on."""


def cause_of(row: StatusRow, code: str | None, causes: Mapping[str, Outcome]) -> tuple[Outcome | None, bool]:
    """A status' outcome, refined by the cause where the row allows it; and whether the tables knew the cause."""
    if code is None or not row.refined_by:
        return row.outcome, True
    cause = causes.get(code)
    if cause is None:
        # Only a status that says nothing by itself becomes unknown; busy with an unlisted code is still busy.
        return (Outcome.UNKNOWN, False) if row.outcome is Outcome.CARRIER_FAILED else (row.outcome, False)
    return (cause, True) if cause in row.refined_by else (row.outcome, True)


def refusal(outcome: Outcome, status: int, code: str, delay_s: float | None, known: bool = True) -> PlaceResult:
    """The class of a documented create error."""
    if outcome is Outcome.CAPACITY:
        return RefusedForNow(code, delay_s)
    if outcome is Outcome.AMBIGUOUS:
        return Ambiguous("documented_as_ambiguous", code)
    return Refused(outcome, provider_status=f"http_{status}", provider_code=code, known_code=known)
