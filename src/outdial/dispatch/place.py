"""Step 3, place: one create request per committed intent, at its time, never later than `place_within`, never twice.

The answer becomes a report for the next turn. Nothing here touches the database, and no transaction is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outdial.clock import Clock
from outdial.dispatch.recover import FIRST_SEARCH_S
from outdial.ports.carriers import (
    Accepted,
    Ambiguous,
    CallOrder,
    Carrier,
    NotSent,
    PlaceResult,
    Refused,
    RefusedForNow,
    StartTooLate,
)
from outdial.ports.store import CallIdentity, Intent
from outdial.rules import call_fate as fate
from outdial.rules.policy import CampaignPolicy
from outdial.telemetry.crashpoints import crashpoint
from outdial.telemetry.metrics import Metrics
from outdial.telemetry.traces import span


@dataclass(frozen=True, slots=True)
class PlacingLimits:
    """Seconds. `late_start_s`: how much later than its paced time a start may be; beyond, it is given back."""

    place_within_s: float
    late_start_s: float


async def place(intent: Intent, order: CallOrder, carrier: Carrier, clock: Clock, metrics: Metrics) -> fate.Report:
    """Wait for the intent's time, ask the carrier once, and say what is known then."""
    crashpoint("after_intent")
    await clock.sleep_until(intent.place_at)  # not a moment early: the carrier counts starts per second
    started = clock.monotonic()
    metrics.intake_to_start_seconds.observe(max(0.0, clock.now() - intent.attempt.received_at))
    key, connection = intent.attempt.key, intent.slots.connection
    parent = intent.attempt.request.get("traceparent")
    try:
        with span("attempt.place", parent, attempt_id=str(key.attempt_id), tenant=key.tenant, connection=connection):
            result = await carrier.place(order)
    except StartTooLate:
        result = NotSent("too_late")
    crashpoint("after_response")
    metrics.asked(connection, _RESULT_WORDS[type(result)], clock.monotonic() - started)
    return report_of(result, clock.now())


_RESULT_WORDS: Mapping[type, str] = {
    Accepted: "accepted",
    Refused: "refused",
    RefusedForNow: "deferred",
    NotSent: "not_sent",
    Ambiguous: "ambiguous",
}


@dataclass(frozen=True, slots=True)
class StartCheck:
    """The check that the adapter makes directly before the first byte. `committed_at`: monotonic, before the commit."""

    intent: Intent
    committed_at: float
    paced: bool
    limits: PlacingLimits
    clock: Clock

    def __call__(self) -> None:
        if self.clock.monotonic() - self.committed_at > self.limits.place_within_s:
            raise StartTooLate("the intent is too old")
        if self.paced and self.clock.now() > self.intent.place_at + self.limits.late_start_s:
            raise StartTooLate("the paced start has passed")


def report_of(result: PlaceResult, now: float) -> fate.Report:
    """The carrier's answer in the words of the rules."""
    match result:
        case Accepted(carrier_call_id=call_id, provider_status=status):
            return fate.WasAccepted(call_id, status, now)
        case Refused(outcome=outcome, provider_status=status, provider_code=code):
            return fate.WasRefused(outcome, status, code)
        case RefusedForNow(code=code, delay_s=delay_s):
            return fate.WasDeferred(code, delay_s)
        case NotSent(reason=reason):
            return fate.WasNotSent(reason)
        case Ambiguous(reason=reason):
            return fate.MayExist(reason, FIRST_SEARCH_S)


def order_for(intent: Intent, policy: CampaignPolicy, provider: str, callback_url: str, check: StartCheck) -> CallOrder:
    """The create request: the job's wishes over the campaign's."""
    request = intent.attempt.request
    answers: dict[str, Any] = {**policy.answer, **(request.get("answer") or {})}
    machine = request.get("machine_detection") or policy.machine_detection
    record = request.get("record")
    return CallOrder(
        placement=intent.placement,
        from_number=intent.from_number,
        to=intent.attempt.contact,
        ring_timeout_s=request.get("ring_timeout_s") or policy.ring_timeout_s,
        max_duration_s=request.get("max_duration_s") or policy.max_duration_s,
        detect_machine=machine != "off",
        record=policy.record if record is None else bool(record),
        instruction=answers.get(provider) or {},
        callback_url=callback_url,
        check_start=check,
    )


def identity_of(intent: Intent) -> CallIdentity:
    """The identity of the call that an intent makes."""
    return CallIdentity(
        key=intent.attempt.key,
        placement=intent.placement,
        contact=intent.attempt.contact,
        slots=intent.slots,
        number=intent.number,
    )
