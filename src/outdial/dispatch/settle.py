"""Step 5, settle: fold what is new about calls into outcomes, slots, statistics, sticky assignments and events.

Pure bookkeeping on locked rows: `rules/` decides, this writes the decisions into the turn's changes. A call that was
settled before is not among the locked rows, so a replay changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from outdial.dispatch.announce import Announcer
from outdial.dispatch.learning import Learning, concerns_sticky, policy_of
from outdial.ports.catalogue import Pools
from outdial.ports.store import ANY_LINE, CallIdentity, EndedAttempt, OpenCall, Parked, TurnChanges
from outdial.rules import call_fate as fate
from outdial.rules.capacity import Ledger
from outdial.rules.ids import NumberId
from outdial.rules.outcome import Ending, Outcome
from outdial.rules.policy import CampaignPolicy
from outdial.rules.waits import Waited
from outdial.telemetry.traces import span

ASK_PLACED_AFTER_S = 15.0
"""A placed call whose news stays out is first asked about after its ring limit and this margin."""


class Settlement:
    """One turn's settling. Used once: `judge` first, then `apply` with what the judged calls teach."""

    def __init__(self, pools: Pools, ledger: Ledger, changes: TurnChanges, announcer: Announcer, now: float) -> None:
        self._pools, self._ledger, self._changes = pools, ledger, changes
        self._announce, self._now = announcer, now
        self._fates: list[tuple[OpenCall, fate.Fate]] = []

    def judge(self, calls: Sequence[tuple[OpenCall, Sequence[fate.Report]]]) -> None:
        """Decide what becomes of each call."""
        for call, reports in calls:
            policy = policy_of(call, self._pools)
            decided = fate.decide(
                call.facts,
                reports,
                now=self._now,
                detects_machine=_detects_machine(call, policy),
                picks=call.carry.get("picks", 1),
                overdue_after_s=ring_timeout(call.request, policy) + ASK_PLACED_AFTER_S,
            )
            self._fates.append((call, self._canceled_or(call, decided)))

    def needing_statistics(self) -> list[tuple[OpenCall, Outcome]]:
        """The calls that fold into statistics or stickies, with the outcome that matters for it."""
        needing = []
        for call, decided in self._fates:
            if isinstance(decided, fate.Ends):
                needing.append((call, decided.outcome))
            elif isinstance(decided, fate.WaitsAgain) and decided.exclude_number:
                needing.append((call, Outcome.CALLER_ID_REJECTED))
            elif isinstance(decided, fate.StaysOpen) and self._renews_or_binds(call, decided.facts):
                needing.append((call, Outcome.UNKNOWN))
        return needing

    def apply(self, learning: Learning) -> None:
        """Write everything into the turn's changes."""
        for call, decided in self._fates:
            match decided:
                case fate.StaysOpen(facts=facts):
                    self._keep_open(call, facts, learning)
                case fate.WaitsAgain():
                    self._give_back(call, decided, learning)
                case fate.Ends(facts=facts, outcome=outcome):
                    self._end(call, facts, outcome, learning)

    # -- the three fates

    def _keep_open(self, call: OpenCall, facts: fate.CallFacts, learning: Learning) -> None:
        if facts != call.facts:
            self._changes.updated_calls.append((call.identity, facts))
        policy = policy_of(call, self._pools)
        self._accept(call, facts, policy, learning)
        if facts.answered_at is not None and call.facts.answered_at is None:
            self._announce.call(call, policy, "answered", facts, self._now)

    def _give_back(self, call: OpenCall, decided: fate.WaitsAgain, learning: Learning) -> None:
        identity, carry = call.identity, call.carry
        if carry["not_after"] <= self._now:
            self._without_outcome(call, Ending.EXPIRED, "not_after")
            return
        excluded = set(carry["excluded"])
        if decided.exclude_number:
            excluded.add(identity.number)
            learning.showed(call, Outcome.CALLER_ID_REJECTED)
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
            waited=Waited(*carry["waited"]),
        )
        self._changes.given_back.append((call, parked, frozenset(NumberId(n) for n in excluded), picks))
        self._ledger.free(identity.slots)

    def _end(self, call: OpenCall, facts: fate.CallFacts, outcome: Outcome, learning: Learning) -> None:
        policy, key = policy_of(call, self._pools), call.identity.key
        parent = call.request.get("traceparent")
        with span("attempt.settle", parent, attempt_id=str(key.attempt_id), tenant=key.tenant, outcome=outcome.value):
            self._accept(call, facts, policy, learning)
            learning.ended(call, facts, outcome)
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

    def _accept(self, call: OpenCall, facts: fate.CallFacts, policy: CampaignPolicy | None, learning: Learning) -> None:
        if self._is_accepted_now(call, facts):
            self._announce.call(call, policy, "placed", facts, self._now)
            learning.accepted(call, facts)

    def _renews_or_binds(self, call: OpenCall, facts: fate.CallFacts) -> bool:
        return self._is_accepted_now(call, facts) and concerns_sticky(call, policy_of(call, self._pools))

    def _is_accepted_now(self, call: OpenCall, facts: fate.CallFacts) -> bool:
        return facts.state is fate.CallState.PLACED and call.facts.state is not fate.CallState.PLACED

    def _canceled_or(self, call: OpenCall, decided: fate.Fate) -> fate.Fate:
        """An attempt that would wait again although it was canceled ends instead; a call that the carrier has only now
        is hung up by whoever looks at it next, which is at once."""
        if call.cancel_requested and isinstance(decided, fate.WaitsAgain):
            return fate.Ends(call.facts, Outcome.CANCELED)
        if call.cancel_requested and isinstance(decided, fate.StaysOpen) and self._is_accepted_now(call, decided.facts):
            return fate.StaysOpen(replace(decided.facts, next_check_at=self._now))
        return decided


def tell_circuit(ledger: Ledger, identity: CallIdentity, reports: Iterable[fate.Report], now: float) -> None:
    """Tell the connection what a create request showed, also when its call is over already: a probe must not be waited
    for in vain."""
    for report in reports:
        result = fate.request_result(report)
        if result is not None:
            ledger.record(identity.slots.connection, result, str(identity.placement))
        if isinstance(report, fate.WasDeferred):
            delay = report.delay_s if report.delay_s is not None else fate.DEFAULT_BACKOFF_S
            ledger.back_off(identity.slots.connection, now + delay)


def ring_timeout(request: Mapping[str, object], policy: CampaignPolicy | None) -> int:
    """Seconds to ring: the job's, else the campaign's."""
    value = request.get("ring_timeout_s")
    return int(value) if isinstance(value, int) else (policy.ring_timeout_s if policy else 30)


def _detects_machine(call: OpenCall, policy: CampaignPolicy | None) -> bool:
    asked = call.request.get("machine_detection")
    return (asked or (policy.machine_detection if policy else "off")) != "off"
