"""Rows to values and back, shared by the steps: the waiting attempt, the open call, the past call, arrays by column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outdial.ports.store import CallIdentity, OpenCall, PastCall, WaitingAttempt
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import CallFacts, CallState
from outdial.rules.call_progress import AnsweredBy, Progress
from outdial.rules.capacity import Slots
from outdial.rules.ids import (
    E164,
    AttemptId,
    AttemptKey,
    CampaignId,
    ConnectionId,
    NumberId,
    Placement,
    TenantId,
)
from outdial.rules.outcome import Outcome
from outdial.rules.waits import Waited

Row = Mapping[str, Any]


def columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows turned into one array per column, which is what unnest takes; `width` keeps an empty batch in shape."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    return turned or [[] for _ in range(width)]


def key_of(row: Row) -> AttemptKey:
    """The attempt's key."""
    return AttemptKey(TenantId(row["tenant"]), AttemptId(row["attempt_id"]))


def waiting_of(row: Row) -> WaitingAttempt:
    """A row of `waiting` joined with its request."""
    return WaitingAttempt(
        key=key_of(row),
        campaign=CampaignId(row["campaign"]),
        contact=E164(row["contact"]),
        line=row["line"],
        urgency=row["urgency"],
        due_at=row["due_at"],
        not_after=row["not_after"],
        blocker=Blocker(row["blocker"]),
        blocked_since=row["blocked_since"],
        spilled=row["spilled"],
        sticky_waited=row["sticky_waited"],
        excluded=frozenset(NumberId(number) for number in row["excluded"]),
        picks=row["picks"],
        attempt_no=row["attempt_no"],
        received_at=row["received_at"],
        request=row["request"],
        waited=Waited(row["sticky_wait_s"], row["tier_wait_s"]),
        canceled=row["canceled"],
    )


def identity_of(row: Row) -> CallIdentity:
    """The unchanging part of a call."""
    key = key_of(row)
    return CallIdentity(
        key=key,
        placement=Placement(row["placement"]),
        contact=E164(row["contact"]),
        slots=Slots(key.tenant, CampaignId(row["campaign"]), ConnectionId(row["connection"])),
        number=NumberId(row["number"]),
    )


def facts_of(row: Row) -> CallFacts:
    """The changing part of a call."""
    answered_by, outcome = row["answered_by"], row["outcome"]
    return CallFacts(
        state=CallState(row["state"]),
        progress=Progress(row["progress"]),
        next_check_at=row["next_check_at"],
        checks=row["checks"],
        carrier_call_id=row["carrier_call_id"],
        accepted_at=row["accepted_at"],
        ringing_at=row["ringing_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        answered_by=AnsweredBy(answered_by) if answered_by else None,
        provider_status=row["provider_status"],
        provider_code=row["provider_code"],
        outcome=Outcome(outcome) if outcome else None,
    )


def open_call_of(row: Row) -> OpenCall:
    """A row of `calls` joined with its request."""
    return OpenCall(
        identity=identity_of(row),
        facts=facts_of(row),
        intent_at=row["intent_at"],
        place_at=row["place_at"],
        deadline=row["deadline"],
        counted=row["counted"],
        h=row["h"],
        r=row["r"],
        baseline_class=row["baseline_class"],
        sticky_epoch=row["sticky_epoch"],
        cancel_requested=row["cancel_requested"],
        decision=row["decision"],
        carry=row["carry"],
        request=row["request"],
        from_number=row["from_number"],
    )


def past_call_of(row: Row) -> PastCall:
    """A row of `outcomes` that had a call, joined with its request."""
    answered_by = row["answered_by"]
    facts = CallFacts(
        state=CallState.PLACED,
        progress=Progress.FINAL,
        carrier_call_id=row["carrier_call_id"],
        accepted_at=row["accepted_at"],
        ringing_at=row["ringing_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        answered_by=AnsweredBy(answered_by) if answered_by else None,
        provider_status=row["provider_status"],
        provider_code=row["provider_code"],
    )
    call = OpenCall(
        identity=identity_of(row),
        facts=facts,
        intent_at=row["intent_at"],
        place_at=row["intent_at"],
        deadline=row["ended_at"],
        counted=row["counted"],
        h=row["h"],
        r=row["r"],
        baseline_class=row["baseline_class"],
        sticky_epoch=row["sticky_epoch"],
        cancel_requested=False,
        decision=row["decision"],
        carry={"received_at": row["received_at"]},
        request=row["request"],
        from_number=row["from_number"],
    )
    return PastCall(call=call, outcome=row["outcome"], ended_at=row["ended_at"], corrections=row["corrections"])
