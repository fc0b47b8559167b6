"""What a pick needs to know of its attempt: whom it calls, what it may not use, and what it has waited for so far."""

from __future__ import annotations

from dataclasses import dataclass

from outdial.rules.blocker import Blocker
from outdial.rules.ids import NumberId
from outdial.rules.pool import Geography


@dataclass(frozen=True, slots=True)
class Waits:
    """The attempt's row in the waiting room, as far as it bounds waiting. Times in Unix seconds.

    `blocked_since`: since when `blocker` holds; `spilled`: proximity tiers it no longer waits for;
    `sticky_waited`: it no longer waits for the contact's own number.
    """

    blocker: Blocker = Blocker.IN_LINE
    blocked_since: float | None = None
    spilled: int = 0
    sticky_waited: bool = False

    def since(self, blocker: Blocker, now: float) -> float:
        """Since when that blocker has held without a break; `now` if it did not hold until now."""
        return self.blocked_since if self.blocker is blocker and self.blocked_since is not None else now


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt as a pick sees it.

    `answers`: the providers that the job itself names an answer instruction for (the campaign's own are added).
    `excluded`: numbers that must not be used for this attempt, such as those the carrier refused for it.
    """

    contact: Geography
    answers: frozenset[str] = frozenset()
    excluded: frozenset[NumberId] = frozenset()
    waits: Waits = Waits()
