"""Rows of the model as the values of the ports, and the few changes of a row that several statements make."""

from __future__ import annotations

from dataclasses import replace

from outdial.ports.records import CallIdentity, DueCheck, EndedAttempt, OpenCall, PastCall, WaitingAttempt
from outdial.ports.store import NewAttempt
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import CallFacts, CallState
from outdial.rules.call_progress import Progress
from outdial.rules.ids import E164, Placement
from tests.simulation.tables import OutcomeRow, Seat, Tables


def wake(seat: Seat) -> None:
    """Runnable again, in the any-line."""
    seat.attempt = replace(seat.attempt, line="", blocker=Blocker.IN_LINE, blocked_since=None)
    seat.look_at, seat.next_eligible_at = seat.attempt.not_after, None


def waiting_attempt(new: NewAttempt, line: str | None, blocker: Blocker) -> WaitingAttempt:
    """A new attempt as it waits first."""
    return WaitingAttempt(
        key=new.key, campaign=new.campaign, contact=new.contact, line=line, urgency=new.urgency, due_at=new.due_at,
        not_after=new.not_after, blocker=blocker, blocked_since=None, spilled=0, sticky_waited=False,
        excluded=frozenset(), picks=0, attempt_no=new.attempt_no, received_at=new.received_at, request=new.request,
    )  # fmt: skip


def ended_at_the_door(new: NewAttempt) -> EndedAttempt:
    """An attempt that intake refused."""
    outcome, reason = new.ended or ("", "")
    return EndedAttempt(
        key=new.key, campaign=new.campaign, contact=new.contact, outcome=outcome, reason=reason,
        ended_at=new.received_at, received_at=new.received_at,
    )  # fmt: skip


def find_identity(tables: Tables, placement: Placement) -> CallIdentity | None:
    """A call by its token, open or past."""
    key = tables.keys.get(placement)
    if key is None:
        return None
    row, past = tables.calls.get(key), tables.outcomes.get(key)
    for call in (row.call if row else None, past.ended.call if past else None):
        if call is not None and call.identity.placement == placement:
            return call.identity
    return None


def due_check(tables: Tables, call: OpenCall) -> DueCheck:
    """A call as recovery is handed it."""
    number = tables.catalogue.numbers.get(call.identity.number)
    return DueCheck(
        identity=call.identity,
        facts=call.facts,
        intent_at=call.intent_at,
        deadline=call.deadline,
        from_number=number.e164 if number else E164(""),
        cancel_requested=call.cancel_requested,
    )


def past_call(row: OutcomeRow) -> PastCall:
    """An outcome that had a call, as rows.past_call_of reads it: `placed`, final, without the outcome among the facts."""
    call = row.ended.call
    assert call is not None
    facts = row.ended.facts or call.facts
    shown = CallFacts(
        state=CallState.PLACED,
        progress=Progress.FINAL,
        carrier_call_id=facts.carrier_call_id,
        accepted_at=facts.accepted_at,
        ringing_at=facts.ringing_at,
        answered_at=facts.answered_at,
        ended_at=facts.ended_at,
        answered_by=facts.answered_by,
        provider_status=facts.provider_status,
        provider_code=facts.provider_code,
    )
    stored = replace(
        call,
        facts=shown,
        place_at=call.intent_at,
        deadline=row.ended.ended_at,
        cancel_requested=False,
        carry={"received_at": row.ended.received_at},
    )
    return PastCall(call=stored, outcome=row.outcome, ended_at=row.ended.ended_at, corrections=row.corrections)
