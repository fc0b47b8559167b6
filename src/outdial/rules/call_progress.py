"""A call's progress as a join-semilattice: news from the carrier may come in any order, repeated, or not at all.

`merge` is commutative, associative and idempotent, so every permutation of one call's callbacks, with any
duplicates, ends in the same state. The SQL of the follow step applies the same join with greatest/coalesce.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from outdial.rules.outcome import Outcome


class Progress(IntEnum):
    """How far the call got. A higher rank is never undone by a lower one that arrives later."""

    QUEUED = 0
    INITIATED = 1
    RINGING = 2
    ANSWERED = 3
    MACHINE_RESULT = 4
    FINAL = 9


class AnsweredBy(StrEnum):
    """What machine detection said."""

    HUMAN = "human"
    MACHINE = "machine"
    FAX = "fax"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallNews:
    """What a carrier said about one call, in outdial's words: from a callback, a look-up or a search.

    `at`: the carrier's own time of the event in Unix seconds, None when it gives none worth trusting.
    `outcome`: only with FINAL; for an answered call what it is without a machine result (`answered_unknown`).
    `provider_status`, `provider_code`: as they came, kept for explanation and for unknown codes.
    `known_code`: False when the adapter's tables had no row for it (counted, never guessed).
    """

    progress: Progress
    carrier_call_id: str | None = None
    at: float | None = None
    outcome: Outcome | None = None
    answered_by: AnsweredBy | None = None
    was_answered: bool = False
    provider_status: str | None = None
    provider_code: str | None = None
    known_code: bool = True
    duration_s: float | None = None
    to: str | None = None
    from_number: str | None = None
    event_id: str | None = None


_BY_MACHINE_DETECTION = {
    AnsweredBy.HUMAN: Outcome.ANSWERED_HUMAN,
    AnsweredBy.MACHINE: Outcome.ANSWERED_MACHINE,
    AnsweredBy.FAX: Outcome.ANSWERED_FAX,
    AnsweredBy.UNKNOWN: Outcome.ANSWERED_UNKNOWN,
}


def final_outcome(outcome: Outcome, answered_by: AnsweredBy | None) -> Outcome:
    """The outcome once machine detection is taken into account; only answered calls are changed by it."""
    if answered_by is None or not outcome.startswith("answered_"):
        return outcome
    return _BY_MACHINE_DETECTION[answered_by]
