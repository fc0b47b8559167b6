"""What the turn tells the world: events for the outbox, built where things are decided so that none is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from outdial.ports.messages import OutgoingEvent
from outdial.ports.store import CallIdentity, OpenCall
from outdial.rules import events
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import CallFacts
from outdial.rules.ids import AttemptKey, CampaignId, TenantId
from outdial.rules.outcome import Outcome, answer_for_rate, is_reached
from outdial.rules.policy import CampaignPolicy
from outdial.rules.sticky import StickyChange, StickyEvent
from outdial.telemetry.metrics import Metrics


class Announcer:
    """Collects the events of one turn and counts what they tell."""

    def __init__(self, into: list[OutgoingEvent], metrics: Metrics) -> None:
        self._into, self._metrics = into, metrics
        self._stalled: set[tuple[CampaignId, Blocker]] = set()

    def call(self, call: OpenCall, policy: CampaignPolicy | None, kind: str, facts: CallFacts, at: float) -> None:
        """`placed` or `answered`, if the campaign wants it."""
        if policy is not None and kind in policy.optional_events:
            data = _call_data(call, facts)
            self._add(call.identity.key, call.identity.slots.campaign, kind, at, call.request, data)

    def ended(
        self, call: OpenCall, policy: CampaignPolicy | None, outcome: Outcome, facts: CallFacts, at: float
    ) -> None:
        """The attempt ended with a call."""
        reached = policy is not None and is_reached(outcome, policy)
        data = {"outcome": outcome, "reached": reached, **_call_data(call, facts)}
        self._add(call.identity.key, call.identity.slots.campaign, "ended", at, call.request, data)
        answered = None if policy is None else answer_for_rate(outcome, policy)
        self._metrics.ended(call.identity.slots.connection, call.identity.slots.campaign, outcome, answered)
        self._time(facts)

    def corrected(
        self, call: OpenCall, policy: CampaignPolicy | None, before: str, outcome: Outcome, facts: CallFacts, at: float,
        correction: int,
    ) -> None:  # fmt: skip
        """Later evidence changed the outcome of an ended attempt."""
        reached = policy is not None and is_reached(outcome, policy)
        data = {"outcome": outcome, "was": before, "reached": reached, **_call_data(call, facts)}
        self._add(call.identity.key, call.identity.slots.campaign, "corrected", at, call.request, data, correction)
        self._metrics.corrections.inc()

    def ended_without_call(
        self, identity: CallIdentity, request: Mapping[str, Any], outcome: str, reason: str, at: float
    ) -> None:
        """An attempt given back ended at once: expired or canceled."""
        self.attempt_ended(identity.key, identity.slots.campaign, request, outcome, reason, at)

    def attempt_ended(
        self, key: AttemptKey, campaign: CampaignId, request: Mapping[str, Any], outcome: str, reason: str, at: float
    ) -> None:
        """A waiting attempt ended: expired, rejected or canceled."""
        kind = {"expired": "expired", "rejected_request": "rejected"}.get(outcome, "ended")
        shown = "rejected" if kind == "rejected" else outcome
        self._add(key, campaign, kind, at, request, {"outcome": shown, "reason": reason, "reached": False})
        self._metrics.attempts_ended_without_call.labels(outcome=outcome).inc()

    def sticky(self, call: OpenCall, change: StickyChange, at: float) -> None:
        """A contact's number was bound or moved; renewals are no news."""
        if change.event is StickyEvent.RENEWED:
            return
        self._metrics.sticky_events.labels(event=change.event.value).inc()
        data = {
            "to": call.identity.contact,
            "number": change.assignment.number,
            "from": call.from_number,  # only the number that calls is ever bound
            "previous": change.previous,
        }
        self._into.append(
            OutgoingEvent(
                *events.sticky_event(call.identity.key, call.identity.slots.campaign, change.event.value, at, data)
            )
        )

    def number(self, call: OpenCall, kind: str, at: float) -> None:
        """A number's health changed so that it joins or leaves the draw."""
        slots = call.identity.slots
        data = {"from": call.from_number}
        made = events.number_event(slots.tenant, slots.campaign, call.identity.number, kind, at, data)
        self._into.append(OutgoingEvent(*made))

    def _time(self, facts: CallFacts) -> None:
        """How long it rang and was talked, as far as the carrier told the moments."""
        over = facts.answered_at if facts.answered_at is not None else facts.ended_at
        if facts.ringing_at is not None and over is not None:
            self._metrics.ring_seconds.observe(max(0.0, over - facts.ringing_at))
        if facts.answered_at is not None and facts.ended_at is not None:
            self._metrics.call_seconds.observe(max(0.0, facts.ended_at - facts.answered_at))

    def nobody_may_call(self, tenant: TenantId, campaign: CampaignId, blocker: Blocker, at: float) -> None:
        """No number of the campaign's pool may call some contact: told once a turn, and once a minute over all."""
        if (campaign, blocker) not in self._stalled:
            self._stalled.add((campaign, blocker))
            self._into.append(OutgoingEvent(*events.campaign_event(tenant, campaign, blocker.value, at)))

    def _add(
        self, key: AttemptKey, campaign: CampaignId, kind: str, at: float, request: Mapping[str, Any],
        data: Mapping[str, Any], correction: int = 0,
    ) -> None:  # fmt: skip
        self._into.append(OutgoingEvent(*events.attempt_event(key, campaign, kind, at, request, data, correction)))


def _call_data(call: OpenCall, facts: CallFacts) -> dict[str, Any]:
    times = {
        "intent_at": call.intent_at,
        "accepted_at": facts.accepted_at,
        "ringing_at": facts.ringing_at,
        "answered_at": facts.answered_at,
        "ended_at": facts.ended_at,
    }
    return {
        "number": call.identity.number,
        "from": call.from_number,
        "connection": call.identity.slots.connection,
        "tier": call.decision.get("tier"),
        "carrier_call_id": facts.carrier_call_id,
        "answered_by": facts.answered_by,
        "provider_status": facts.provider_status,
        "provider_code": facts.provider_code,
        **{name: events.timestamp(at) for name, at in times.items() if at is not None},
    }
