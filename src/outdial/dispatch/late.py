"""News about calls that are settled already: most of it repeats what is known and changes nothing.

Machine detection that comes after its grace annotates. A final word about a call that had ended as `ambiguous` or
`unknown` corrects outcome, statistics, sticky assignment and the number's health, and an event says so (SPEC 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from outdial.dispatch.announce import Announcer
from outdial.dispatch.learning import Learning, policy_of
from outdial.ports.catalogue import Pools
from outdial.ports.store import OpenCall, PastCall, TurnChanges
from outdial.rules import call_fate as fate
from outdial.rules.ids import Placement
from outdial.rules.outcome import Outcome

CORRECTABLE = frozenset({Outcome.AMBIGUOUS, Outcome.UNKNOWN})


class Corrections:
    """One turn's late news. Used once: `judge` first, then `apply` with what the corrected calls teach."""

    def __init__(self, pools: Pools, changes: TurnChanges, announcer: Announcer, now: float) -> None:
        self._pools, self._changes, self._announce, self._now = pools, changes, announcer, now
        self._corrected: list[tuple[PastCall, fate.Ends]] = []

    def judge(self, past: Mapping[Placement, PastCall], reports: Mapping[Placement, Sequence[fate.Report]]) -> None:
        """Decide which of them are corrected; annotations are written at once."""
        for placement, call in past.items():
            facts = call.call.facts
            decided = fate.decide(
                facts, reports[placement], now=self._now, detects_machine=False, picks=1, overdue_after_s=0.0
            )
            if not isinstance(decided, fate.Ends | fate.StaysOpen):
                continue
            if isinstance(decided, fate.Ends) and call.outcome in CORRECTABLE and decided.outcome not in CORRECTABLE:
                self._corrected.append((call, decided))
            elif decided.facts.answered_by != facts.answered_by:
                annotated = replace(facts, answered_by=decided.facts.answered_by)
                self._changes.corrected.append((call, annotated, call.outcome))

    def needing_statistics(self) -> list[tuple[OpenCall, Outcome]]:
        """The corrected calls, with their true outcome."""
        return [(past.call, decided.outcome) for past, decided in self._corrected]

    def apply(self, learning: Learning) -> None:
        """Correct: what was not known then is learnt now."""
        for past, decided in self._corrected:
            call, facts = past.call, decided.facts
            self._changes.corrected.append((past, facts, decided.outcome))
            policy = policy_of(call, self._pools)
            self._announce.corrected(call, policy, past.outcome, decided.outcome, facts, self._now, past.corrections)
            if call.facts.accepted_at is None and facts.accepted_at is not None:
                learning.accepted(call, facts)
            learning.ended(call, facts, decided.outcome)
