"""What a pick needs to know of its attempt: whom it calls, what it may not use, and what it has waited for so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from outdial.rules.blocker import Blocker
from outdial.rules.ids import NumberId
from outdial.rules.pool import Geography


class Waited(NamedTuple):
    """Seconds that an attempt has waited in all: for the contact's own number, and for its present proximity tier.

    Kept across other blockers, so that a wait which something else interrupts goes on instead of beginning again.
    """

    for_sticky: float = 0.0
    for_tier: float = 0.0


NOT_WAITED: Final = Waited()


@dataclass(frozen=True, slots=True)
class Waits:
    """The attempt's row in the waiting room, as far as it bounds waiting. Times in Unix seconds.

    `blocked_since`: since when `blocker` holds; `spilled`: the first so many proximity tiers, matching
    or not, are no longer waited for;
    `sticky_waited`: it no longer waits for the contact's own number; `waited`: before the present wait began.
    """

    blocker: Blocker = Blocker.IN_LINE
    blocked_since: float | None = None
    spilled: int = 0
    sticky_waited: bool = False
    waited: Waited = NOT_WAITED

    def since(self, blocker: Blocker, now: float) -> float:
        """Since when it has waited for that, earlier waits counted in as if there had been no break; `now` if never."""
        if self.blocker is blocker and self.blocked_since is not None:
            return self.blocked_since
        match blocker:
            case Blocker.STICKY_NUMBER_BUSY:
                return now - self.waited.for_sticky
            case Blocker.TIER_BUSY:
                return now - self.waited.for_tier
            case _:
                return now

    def until(self, now: float) -> Waited:
        """What it has waited when the present wait ends now."""
        present = now - self.blocked_since if self.blocked_since is not None else 0.0
        match self.blocker:
            case Blocker.STICKY_NUMBER_BUSY:
                return self.waited._replace(for_sticky=max(0.0, present))
            case Blocker.TIER_BUSY:
                return self.waited._replace(for_tier=max(0.0, present))
            case _:
                return self.waited


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt as a pick sees it.

    `answers`: the providers that the job itself names an answer instruction for (the campaign's own are added).
    `excluded`: numbers that must not be used for this attempt, such as those the carrier refused for it.
    `capped`: numbers that have used up their `max_calls_24h` since the pool was looked at: they are out likewise.
    """

    contact: Geography
    answers: frozenset[str] = frozenset()
    excluded: frozenset[NumberId] = frozenset()
    waits: Waits = Waits()
    capped: frozenset[NumberId] = frozenset()
