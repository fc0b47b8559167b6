"""Step 5, settle: fold what is new about calls into outcomes, slots, statistics, sticky assignments and events.

Pure bookkeeping on locked rows: `rules/` decides, this writes the decisions into the turn's changes. A call that was
settled before is not among the locked rows, so a replay changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from outdial.dispatch.announce import Announcer
from outdial.ports.catalogue import Pools
from outdial.ports.store import (
    ANY_LINE,
    BaselineKey,
    EndedAttempt,
    MemberKey,
    OpenCall,
    Parked,
    Statistics,
    TurnChanges,
)
from outdial.rules import call_fate as fate
from outdial.rules.capacity import Ledger
from outdial.rules.decision import seen_sticky
from outdial.rules.ids import E164, CampaignId, NumberId
from outdial.rules.number_health import NumberHealth, after_outcome
from outdial.rules.outcome import Ending, Outcome, answer_for_rate, is_reached
from outdial.rules.phone import geography
from outdial.rules.policy import BindOn, CampaignPolicy
from outdial.rules.rotation import BaselineSums, MemberStats
from outdial.rules.sticky import CallFromNumber, Saw, StickyChange, on_accepted, on_reached

ASK_PLACED_AFTER_S = 15.0
"""A placed call whose news stays out is first asked about after its ring limit and this margin."""


class Settlement:
    """One turn's settling. Used once: `judge` first, then `apply` with the statistics that the judged calls need."""

    def __init__(self, pools: Pools, ledger: Ledger, changes: TurnChanges, announcer: Announcer, now: float) -> None:
        self._pools, self._ledger, self._changes = pools, ledger, changes
        self._announce, self._now = announcer, now
        self._fates: list[tuple[OpenCall, fate.Fate]] = []

    def judge(self, calls: Sequence[tuple[OpenCall, Sequence[fate.Report]]]) -> None:
        """Decide what becomes of each call, and tell the circuits what create requests showed."""
        for call, reports in calls:
            policy = self._policy(call)
            decided = fate.decide(
                call.facts,
                reports,
                now=self._now,
                detects_machine=_detects_machine(call, policy),
                picks=call.carry.get("picks", 1),
                overdue_after_s=ring_timeout(call.request, policy) + ASK_PLACED_AFTER_S,
            )
            self._tell_circuit(call, reports)
            self._fates.append((call, self._canceled_or(call, decided)))

    def needing_statistics(self) -> list[tuple[OpenCall, Outcome]]:
        """The calls that fold into statistics or stickies, with the outcome that matters for it."""
        needing = []
        for call, decided in self._fates:
            if isinstance(decided, fate.Ends):
                needing.append((call, decided.outcome))
            elif isinstance(decided, fate.WaitsAgain) and decided.exclude_number:
                needing.append((call, Outcome.CALLER_ID_REJECTED))
            elif self._is_accepted_now(call, decided.facts if isinstance(decided, fate.StaysOpen) else call.facts):
                needing.append((call, Outcome.UNKNOWN))
        return needing

    def apply(self, statistics: Statistics | None) -> None:
        """Write everything into the turn's changes."""
        book = _Book(statistics or Statistics({}, {}, {}, {}, {}, {}, {}), self._changes)
        for call, decided in self._fates:
            match decided:
                case fate.StaysOpen(facts=facts):
                    self._keep_open(call, facts, book)
                case fate.WaitsAgain():
                    self._give_back(call, decided, book)
                case fate.Ends(facts=facts, outcome=outcome):
                    self._end(call, facts, outcome, book)

    # -- the three fates

    def _keep_open(self, call: OpenCall, facts: fate.CallFacts, book: _Book) -> None:
        if facts != call.facts:
            self._changes.updated_calls.append((call.identity, facts))
        if self._is_accepted_now(call, facts):
            self._accepted(call, facts, book)
        policy = self._policy(call)
        if facts.answered_at is not None and call.facts.answered_at is None:
            self._announce.call(call, policy, "answered", facts, self._now)

    def _give_back(self, call: OpenCall, decided: fate.WaitsAgain, book: _Book) -> None:
        identity, carry = call.identity, call.carry
        if carry["not_after"] <= self._now:
            self._without_outcome(call, Ending.EXPIRED, "not_after")
            return
        excluded = set(carry["excluded"])
        if decided.exclude_number:
            excluded.add(identity.number)
            self._fold_health(call, Outcome.CALLER_ID_REJECTED, book)
        picks = carry["picks"] if decided.counts_as_pick else carry["picks"] - 1
        wake_at = decided.wake_at if decided.wake_at is not None else carry["not_after"]
        parked = Parked(
            key=identity.key,
            line=ANY_LINE if decided.wake_at is None else None,
            blocker=decided.blocker,
            look_at=wake_at,
            next_eligible_at=decided.wake_at,
            blocked_since=self._now,
            spilled=carry["spilled"],
            sticky_waited=carry["sticky_waited"],
        )
        self._changes.given_back.append((call, parked, frozenset(NumberId(n) for n in excluded), picks))
        self._ledger.free(identity.slots)

    def _end(self, call: OpenCall, facts: fate.CallFacts, outcome: Outcome, book: _Book) -> None:
        policy = self._policy(call)
        if self._is_accepted_now(call, facts):
            self._accepted(call, facts, book)
        if policy is not None:
            self._fold(call, outcome, policy, book)
            if is_reached(outcome, policy):
                self._reached(call, facts, policy, book)
        self._fold_health(call, outcome, book)
        self._close(call, facts, outcome, "")
        self._announce.ended(call, policy, outcome, facts, self._now)

    def _without_outcome(self, call: OpenCall, ending: Ending, reason: str) -> None:
        self._close(call, call.facts, ending, reason)
        self._announce.ended_without_call(call.identity, call.request, ending, reason, self._now)

    def _close(self, call: OpenCall, facts: fate.CallFacts, outcome: str, reason: str) -> None:
        identity = call.identity
        self._changes.ended.append(
            EndedAttempt(
                key=identity.key,
                campaign=identity.slots.campaign,
                contact=identity.contact,
                outcome=outcome,
                reason=reason,
                ended_at=self._now,
                received_at=call.carry["received_at"],
                call=call,
                facts=facts,
            )
        )
        self._ledger.free(identity.slots)

    # -- what it means for stickies, statistics and health

    def _is_accepted_now(self, call: OpenCall, facts: fate.CallFacts) -> bool:
        return facts.state is fate.CallState.PLACED and call.facts.state is not fate.CallState.PLACED

    def _accepted(self, call: OpenCall, facts: fate.CallFacts, book: _Book) -> None:
        policy = self._policy(call)
        self._announce.call(call, policy, "placed", facts, self._now)
        if policy is None:
            return
        renews = seen_sticky(call.decision).saw is Saw.USED
        if renews or policy.sticky.bind_on is BindOn.PLACED:
            key = (call.identity.slots.campaign, call.identity.contact)
            change = on_accepted(
                policy, book.assignments.get(key), _call_from(call, facts), book.added_at(call), self._now
            )
            self._stick(call, change, book)

    def _reached(self, call: OpenCall, facts: fate.CallFacts, policy: CampaignPolicy, book: _Book) -> None:
        key = (call.identity.slots.campaign, call.identity.contact)
        change = on_reached(policy, book.assignments.get(key), _call_from(call, facts), book.added_at(call), self._now)
        self._stick(call, change, book)

    def _stick(self, call: OpenCall, change: StickyChange | None, book: _Book) -> None:
        if change is not None:
            book.assign((call.identity.slots.campaign, call.identity.contact), change)
            self._announce.sticky(call, change, self._now)

    def _fold(self, call: OpenCall, outcome: Outcome, policy: CampaignPolicy, book: _Book) -> None:
        """Only freely drawn calls feed the index; sticky ones answer differently (ROTATION)."""
        answered = answer_for_rate(outcome, policy)
        if answered is None or not call.counted:
            return
        country = geography(call.identity.contact).country or ""
        member = MemberKey(call.identity.slots.campaign, call.identity.number)
        book.observe(member, lambda s: s.observe(answered, call.h, self._now, policy.rotation))
        line = BaselineKey(call.identity.slots.campaign, country, call.baseline_class)
        book.observe_baseline(line, lambda b: b.observe(answered, call.r, self._now, policy.rotation))

    def _fold_health(self, call: OpenCall, outcome: Outcome, book: _Book) -> None:
        number, contact = call.identity.number, call.identity.contact
        before = book.health.get(number, NumberHealth())
        blocked = book.spam_contacts(number)
        if outcome is Outcome.SPAM_BLOCKED:
            blocked = blocked | {contact}
            self._changes.spam_signals.append((number, contact))
            book.blocked[number] = blocked
        after = after_outcome(
            before, outcome, contact, self._now, spam_contacts=blocked, others_worked_at=book.others_worked.get(number)
        )
        if after != before:
            book.set_health(number, after)
            for kind in _turned_bad(before, after, self._now):
                self._changes.eligibility_changed = True
                self._announce.number(call, kind, self._now)

    def _tell_circuit(self, call: OpenCall, reports: Sequence[fate.Report]) -> None:
        identity = call.identity
        for report in reports:
            result = fate.request_result(report)
            if result is not None:
                self._ledger.record(identity.slots.connection, result, str(identity.placement))
            if isinstance(report, fate.WasDeferred):
                delay = report.delay_s if report.delay_s is not None else fate.DEFAULT_BACKOFF_S
                self._ledger.back_off(identity.slots.connection, self._now + delay)

    def _canceled_or(self, call: OpenCall, decided: fate.Fate) -> fate.Fate:
        """An attempt that would wait again although its producer canceled it ends instead."""
        if call.cancel_requested and isinstance(decided, fate.WaitsAgain):
            return fate.Ends(call.facts, Outcome.CANCELED)
        return decided

    def _policy(self, call: OpenCall) -> CampaignPolicy | None:
        view = self._pools.view(call.identity.slots.campaign)
        return view.policy if view is not None else None


class _Book:
    """The statistics of one turn while they are folded: later calls of the turn see what earlier ones changed."""

    def __init__(self, seen: Statistics, changes: TurnChanges) -> None:
        self._seen, self._changes = seen, changes
        self.assignments = dict(seen.assignments)
        self.health = dict(seen.health)
        self.others_worked = seen.others_worked
        self.blocked = dict(seen.spam_contacts)

    def observe(self, key: MemberKey, fold: Callable[[MemberStats], MemberStats]) -> None:
        before = self._changes.members.get(key) or self._seen.members.get(key) or MemberStats()
        self._changes.members[key] = fold(before)

    def observe_baseline(self, key: BaselineKey, fold: Callable[[BaselineSums], BaselineSums]) -> None:
        before = self._changes.baselines.get(key) or self._seen.baselines.get(key) or BaselineSums()
        self._changes.baselines[key] = fold(before)

    def added_at(self, call: OpenCall) -> Mapping[NumberId, float]:
        campaign = call.identity.slots.campaign
        return {number: at for (of, number), at in self._seen.memberships.items() if of == campaign}

    def assign(self, key: tuple[CampaignId, E164], change: StickyChange) -> None:
        self.assignments[key] = change.assignment
        self._changes.assignments[key] = change.assignment

    def spam_contacts(self, number: NumberId) -> frozenset[E164]:
        return self.blocked.get(number, frozenset())

    def set_health(self, number: NumberId, health: NumberHealth) -> None:
        self.health[number] = health
        self._changes.health[number] = health


def _call_from(call: OpenCall, facts: fate.CallFacts) -> CallFromNumber:
    return CallFromNumber(
        number=call.identity.number,
        epoch=call.sticky_epoch,
        by=f"attempt {call.identity.key.attempt_id}",
        seen=seen_sticky(call.decision),
        accepted_at=facts.accepted_at,
    )


def _turned_bad(before: NumberHealth, after: NumberHealth, now: float) -> list[str]:
    kinds = []
    if after.carrier_rejected_at is not None and before.carrier_rejected_at is None:
        kinds.append("carrier_rejected")
    if (after.failing_since is None) != (before.failing_since is None):
        kinds.append("failing" if after.failing_since is not None else "recovered")
    if after.own_score_at == now and before.own_score_at != now:
        kinds.append("flagged")
    return kinds


def ring_timeout(request: Mapping[str, object], policy: CampaignPolicy | None) -> int:
    """Seconds to ring: the job's, else the campaign's."""
    value = request.get("ring_timeout_s")
    return int(value) if isinstance(value, int) else (policy.ring_timeout_s if policy else 30)


def _detects_machine(call: OpenCall, policy: CampaignPolicy | None) -> bool:
    asked = call.request.get("machine_detection")
    return (asked or (policy.machine_detection if policy else "off")) != "off"
