"""News about calls that are settled already: most of it repeats what is known and changes nothing.

Machine detection that comes after its grace annotates. A final word about a call that had ended as `ambiguous` or
`unknown` corrects outcome, statistics and sticky assignment, and an event says so (SPEC 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from outdial.dispatch.announce import Announcer
from outdial.ports.catalogue import Pools
from outdial.ports.store import BaselineKey, MemberKey, PastCall, TurnChanges, TurnTransaction
from outdial.rules import call_fate as fate
from outdial.rules.decision import seen_sticky
from outdial.rules.ids import Placement
from outdial.rules.outcome import Outcome, answer_for_rate, is_reached
from outdial.rules.phone import geography
from outdial.rules.policy import CampaignPolicy
from outdial.rules.rotation import BaselineSums, MemberStats
from outdial.rules.sticky import CallFromNumber, on_reached

CORRECTABLE = frozenset({Outcome.AMBIGUOUS, Outcome.UNKNOWN})


async def settle_late(
    pools: Pools,
    turn: TurnTransaction,
    reports: Mapping[Placement, Sequence[fate.Report]],
    changes: TurnChanges,
    announcer: Announcer,
    now: float,
) -> set[Placement]:
    """Apply late news; returns the placements that are known at all."""
    past = await turn.past_calls(list(reports))
    for placement, call in past.items():
        view = pools.view(call.call.identity.slots.campaign)
        decided = fate.decide(
            call.call.facts, reports[placement], now=now, detects_machine=False, picks=1, overdue_after_s=0.0
        )
        if not isinstance(decided, fate.Ends | fate.StaysOpen):
            continue
        if isinstance(decided, fate.Ends) and call.outcome in CORRECTABLE and decided.outcome not in CORRECTABLE:
            await _correct(turn, call, decided, view.policy if view else None, changes, announcer, now)
        elif decided.facts.answered_by != call.call.facts.answered_by:
            annotated = replace(call.call.facts, answered_by=decided.facts.answered_by)
            changes.corrected.append((call, annotated, call.outcome))
    return set(past)


async def _correct(
    turn: TurnTransaction,
    past: PastCall,
    decided: fate.Ends,
    policy: CampaignPolicy | None,
    changes: TurnChanges,
    announcer: Announcer,
    now: float,
) -> None:
    call = past.call
    changes.corrected.append((past, decided.facts, decided.outcome))
    announcer.corrected(call, policy, past.outcome, decided.outcome, decided.facts, now, past.corrections)
    if policy is None:
        return
    slots, number = call.identity.slots, call.identity.number
    country = geography(call.identity.contact).country or ""
    seen = await turn.statistics([(call, decided.outcome)], {call.identity.placement: country}, now)
    answered = answer_for_rate(decided.outcome, policy)
    if answered is not None and call.counted:
        member, line = MemberKey(slots.campaign, number), BaselineKey(slots.campaign, country, call.baseline_class)
        stats = changes.members.get(member) or seen.members.get(member) or MemberStats()
        changes.members[member] = stats.observe(answered, call.h, now, policy.rotation)
        sums = changes.baselines.get(line) or seen.baselines.get(line) or BaselineSums()
        changes.baselines[line] = sums.observe(answered, call.r, now, policy.rotation)
    if is_reached(decided.outcome, policy):
        key = (slots.campaign, call.identity.contact)
        added = {n: at for (of, n), at in seen.memberships.items() if of == slots.campaign}
        by = f"attempt {call.identity.key.attempt_id}"
        caller = CallFromNumber(number, call.sticky_epoch, by, seen_sticky(call.decision), decided.facts.accepted_at)
        current = changes.assignments.get(key) or seen.assignments.get(key)
        change = on_reached(policy, current, caller, added, now)
        if change is not None:
            changes.assignments[key] = change.assignment
            announcer.sticky(call, change, now)
