"""What calls teach: sticky assignments, answer-rate statistics and the health of numbers.

Settling and late corrections both go through here, so that one turn folds everything in the order in which it was
decided, and later calls of the turn see what earlier ones changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from outdial.dispatch.announce import Announcer
from outdial.ports.catalogue import Pools
from outdial.ports.store import BaselineKey, MemberKey, OpenCall, Statistics, TurnChanges
from outdial.rules.call_fate import CallFacts
from outdial.rules.decision import seen_sticky
from outdial.rules.ids import E164, CampaignId, NumberId
from outdial.rules.number_health import NumberHealth, after_outcome, turns
from outdial.rules.outcome import Outcome, answer_for_rate, is_reached
from outdial.rules.phone import geography
from outdial.rules.policy import BindOn, CampaignPolicy, SelectionPolicy
from outdial.rules.rotation import BaselineSums, MemberStats
from outdial.rules.sticky import Assignment, CallFromNumber, Saw, StickyChange, on_accepted, on_reached

NOTHING_SEEN = Statistics({}, {}, {}, {}, {}, {}, {})
_StickyRule = Callable[
    [CampaignPolicy, Assignment | None, CallFromNumber, Mapping[NumberId, float], float], StickyChange | None
]


def policy_of(call: OpenCall, pools: Pools) -> CampaignPolicy | None:
    """The policy of the call's campaign as it stands; None = the campaign is gone."""
    view = pools.view(call.identity.slots.campaign)
    return view.policy if view is not None else None


def country_of(contact: E164) -> str:
    """The contact's country as baselines know it; empty = unknown."""
    return geography(contact).country or ""


def concerns_sticky(call: OpenCall, policy: CampaignPolicy | None) -> bool:
    """Whether the carrier's acceptance of the call can change the contact's assignment."""
    if policy is None or not policy.sticky.enabled:
        return False
    return policy.sticky.bind_on is BindOn.PLACED or seen_sticky(call.decision).saw is Saw.USED


class Learning:
    """The lessons of one turn, written into its changes. `seen`: the rows as they stand under the tenants' locks."""

    def __init__(self, pools: Pools, seen: Statistics, changes: TurnChanges, announcer: Announcer, now: float) -> None:
        self._pools, self._seen, self._changes = pools, seen, changes
        self._announce, self._now = announcer, now
        self._assignments = dict(seen.assignments)
        self._health = dict(seen.health)
        self._blocked = dict(seen.spam_contacts)

    def accepted(self, call: OpenCall, facts: CallFacts) -> None:
        """The carrier took the call: a sticky number's life time starts anew, or it binds (`bind_on = "placed"`)."""
        policy = policy_of(call, self._pools)
        if policy is not None and concerns_sticky(call, policy):
            self._stick(call, facts, policy, on_accepted)

    def ended(self, call: OpenCall, facts: CallFacts, outcome: Outcome) -> None:
        """The call ended so."""
        policy = policy_of(call, self._pools)
        if policy is not None:
            self._count(call, outcome, policy)
            if is_reached(outcome, policy):
                self._stick(call, facts, policy, on_reached)
        self.showed(call, outcome)

    def showed(self, call: OpenCall, outcome: Outcome) -> None:
        """What the outcome shows of the number's health, whoever's campaign it was."""
        number, contact = call.identity.number, call.identity.contact
        before = self._health.get(number, NumberHealth())
        blocked = self._blocked.get(number, frozenset())
        if outcome is Outcome.SPAM_BLOCKED:
            blocked = self._blocked[number] = blocked | {contact}
            self._changes.spam_signals.append((number, contact))
        worked_at = self._seen.others_worked.get(number)
        after = after_outcome(before, outcome, contact, self._now, spam_contacts=blocked, others_worked_at=worked_at)
        if after == before:
            return
        self._health[number] = self._changes.health[number] = after
        for kind in turns(before, after, self._now, self._spam_threshold(call)):
            self._changes.eligibility_changed = True
            self._announce.number(call, kind, self._now)

    def _spam_threshold(self, call: OpenCall) -> float:
        policy = policy_of(call, self._pools)
        return (policy.selection if policy is not None else SelectionPolicy()).spam_threshold

    def _count(self, call: OpenCall, outcome: Outcome, policy: CampaignPolicy) -> None:
        """Only freely drawn calls feed the index; sticky ones answer differently (ROTATION)."""
        answered = answer_for_rate(outcome, policy)
        if answered is None or not call.counted:
            return
        campaign, changes, seen = call.identity.slots.campaign, self._changes, self._seen
        member = MemberKey(campaign, call.identity.number)
        stats = changes.members.get(member) or seen.members.get(member) or MemberStats()
        changes.members[member] = stats.observe(answered, call.h, self._now, policy.rotation)
        line = BaselineKey(campaign, country_of(call.identity.contact), call.baseline_class)
        sums = changes.baselines.get(line) or seen.baselines.get(line) or BaselineSums()
        changes.baselines[line] = sums.observe(answered, call.r, self._now, policy.rotation)

    def _stick(self, call: OpenCall, facts: CallFacts, policy: CampaignPolicy, rule: _StickyRule) -> None:
        key = (call.identity.slots.campaign, call.identity.contact)
        change = rule(policy, self._assignments.get(key), _caller(call, facts), self._added_at(key[0]), self._now)
        if change is None:
            return
        self._assignments[key] = self._changes.assignments[key] = change.assignment
        self._announce.sticky(call, change, self._now)

    def _added_at(self, campaign: CampaignId) -> Mapping[NumberId, float]:
        return {number: at for (of, number), at in self._seen.memberships.items() if of == campaign}


def _caller(call: OpenCall, facts: CallFacts) -> CallFromNumber:
    return CallFromNumber(
        number=call.identity.number,
        epoch=call.sticky_epoch,
        by=f"attempt {call.identity.key.attempt_id}",
        seen=seen_sticky(call.decision),
        accepted_at=facts.accepted_at,
    )
