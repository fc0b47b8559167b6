"""The settle step at the database: lock calls, read what is folded into, and write what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from outdial.ports.messages import OutgoingEvent
from outdial.ports.store import (
    BaselineKey,
    CallIdentity,
    EndedAttempt,
    MemberKey,
    OpenCall,
    Parked,
    PastCall,
    Statistics,
)
from outdial.postgres import statements
from outdial.postgres.bundle import Part
from outdial.postgres.plan import assignment_of, contact_key
from outdial.postgres.rows import Row, columns
from outdial.rules.call_fate import CallFacts
from outdial.rules.ids import E164, CampaignId, NumberId
from outdial.rules.number_health import SPAM_WINDOW_S, NumberHealth
from outdial.rules.outcome import Outcome, is_carrier_failure
from outdial.rules.rotation import BaselineSums, MemberStats
from outdial.rules.sticky import Assignment

SQL = statements.load("settle")

RELAY_GRACE_S = 5.0
"""How long the replica that wrote an event has to publish it from memory before another one takes it up."""


async def statistics(
    connection: Any, calls: Sequence[tuple[OpenCall, Outcome]], rows: Mapping[str, Sequence[Row]], now: float
) -> Statistics:
    """Everything that settling these calls folds into. Their tenants' rows are locked, so nobody else writes it.
    `rows`: what was read already, by block (look.py)."""
    failed = sorted({c.identity.number for c, outcome in calls if is_carrier_failure(outcome)})
    blocked = sorted({c.identity.number for c, outcome in calls if outcome is Outcome.SPAM_BLOCKED})
    stats, sticky = rows["member_stats"], rows["assignments"]
    return Statistics(
        members={
            MemberKey(CampaignId(row["campaign"]), NumberId(row["number"])): stats_of(row)
            for row in stats
            if row["at"] is not None
        },
        memberships={
            MemberKey(CampaignId(row["campaign"]), NumberId(row["number"])): row["added_at"]
            for row in (*stats, *sticky)
            if row["added_at"] is not None
        },
        baselines={
            BaselineKey(row["campaign"], row["country"], row["class"]): BaselineSums(row["y"], row["x"], row["at"])
            for row in rows["baselines"]
        },
        health={NumberId(row["number"]): health_of(row) for row in rows["number_health"]},
        assignments={contact_key(row["campaign"], row["contact"]): assignment_of(row) for row in sticky},
        spam_contacts=await _spam_contacts(connection, blocked, now) if blocked else {},
        others_worked=await _others_worked(connection, failed) if failed else {},
    )


def stats_of(row: Row) -> MemberStats:
    """A row of `member_stats` as a value."""
    return MemberStats(
        attempts=row["attempts"],
        answered=row["answered"],
        y=row["y"],
        e=row["e"],
        yf=row["yf"],
        ef=row["ef"],
        at=row["at"],
    )


def health_of(row: Row) -> NumberHealth:
    """A row of `number_health` as a value."""
    return NumberHealth(
        own_score=row["own_score"],
        own_score_at=row["own_score_at"],
        carrier_rejected_at=row["carrier_rejected_at"],
        failures=row["failures"],
        failed_contacts=frozenset(E164(contact) for contact in row["failed_contacts"]),
        failed_since=row["failed_since"],
        failing_since=row["failing_since"],
        probe_after=row["probe_after"],
        last_worked_at=row["last_worked_at"],
    )


async def _spam_contacts(connection: Any, numbers: Sequence[NumberId], now: float) -> dict[NumberId, frozenset[E164]]:
    rows = await connection.fetch(SQL["spam_contacts"], numbers, now - SPAM_WINDOW_S)
    found: dict[NumberId, set[E164]] = {}
    for row in rows:
        found.setdefault(NumberId(row["number"]), set()).add(E164(row["contact"]))
    return {number: frozenset(contacts) for number, contacts in found.items()}


async def _others_worked(connection: Any, numbers: Sequence[NumberId]) -> dict[NumberId, float]:
    rows = await connection.fetch(SQL["others_worked"], numbers)
    return {NumberId(row["number"]): row["last_worked_at"] for row in rows if row["last_worked_at"] is not None}


def update_calls(updated: Sequence[tuple[CallIdentity, CallFacts]]) -> list[Part]:
    """Write what the carrier's word changed about calls that stay open."""
    rows = [_facts_row(identity, facts) for identity, facts in sorted(updated, key=lambda pair: pair[0].key)]
    return [Part("settle", "update_calls", columns(rows, 15))] if rows else []


def _facts_row(identity: CallIdentity, f: CallFacts) -> tuple[Any, ...]:
    return (
        *identity.key, f.state, f.progress, f.next_check_at, f.checks, f.carrier_call_id, f.accepted_at, f.ringing_at,
        f.answered_at, f.ended_at, f.answered_by, f.provider_status, f.provider_code, f.outcome,
    )  # fmt: skip


def delete_calls(identities: Iterable[CallIdentity]) -> list[Part]:
    """End the leases; the result tells how many were there."""
    gone = sorted((*i.key, i.placement) for i in identities)
    return [Part("settle", "delete_calls", columns(gone, 3), "count(*)")] if gone else []


def insert_outcomes(ended: Sequence[EndedAttempt]) -> list[Part]:
    """Write how attempts ended."""
    return [Part("settle", "insert_outcomes", columns(map(_outcome_row, ended), 26))] if ended else []


def _outcome_row(e: EndedAttempt) -> tuple[Any, ...]:
    head = (*e.key, e.campaign, e.contact, e.outcome, e.reason, e.ended_at, e.received_at)
    if e.call is None:
        return (*head, *(None,) * 18)
    c, f = e.call, e.facts or e.call.facts
    return (
        *head, c.identity.placement, c.identity.slots.connection, c.identity.number, c.decision.get("tier"),
        f.carrier_call_id, c.intent_at, f.accepted_at, f.ringing_at, f.answered_at, f.answered_by, f.provider_status,
        f.provider_code, c.counted, c.h, c.r, c.baseline_class, c.sticky_epoch, dict(c.decision),
    )  # fmt: skip


def give_back(given_back: Sequence[tuple[OpenCall, Parked, frozenset[NumberId], int]]) -> list[Part]:
    """Let attempts wait again whose call is proven not to be."""
    rows = [_waiting_row(*item) for item in given_back]
    return [Part("settle", "insert_waiting", columns(rows, 20))] if rows else []


def _waiting_row(call: OpenCall, p: Parked, excluded: frozenset[NumberId], picks: int) -> tuple[Any, ...]:
    i, carry = call.identity, call.carry
    return (
        *i.key, i.slots.campaign, i.contact, p.line, carry["urgency"], carry["due_at"], carry["not_after"], p.look_at,
        p.blocker, p.next_eligible_at, p.blocked_since, p.spilled, p.sticky_waited, " ".join(sorted(excluded)), picks,
        carry["attempt_no"], carry["received_at"], *p.waited,
    )  # fmt: skip


def wake_contacts(contacts: Iterable[tuple[str, str]]) -> list[Part]:
    """Wake attempts that waited for these contacts' other calls; the result is their campaigns."""
    arguments = columns(sorted(set(contacts)), 2)
    return [Part("settle", "wake_contacts", arguments, "array_agg(distinct campaign)")] if arguments[0] else []


def write_statistics(
    members: Mapping[MemberKey, MemberStats], baselines: Mapping[BaselineKey, BaselineSums]
) -> list[Part]:
    """Write the folded statistics."""
    stats = [(*k, s.attempts, s.answered, s.y, s.e, s.yf, s.ef, s.at) for k, s in sorted(members.items())]
    lines = [(*k, b.y, b.x, b.at) for k, b in sorted(baselines.items())]
    parts = [Part("settle", "write_member_stats", columns(stats, 9))] if stats else []
    return parts + ([Part("settle", "write_baselines", columns(lines, 6))] if lines else [])


def write_health(
    health: Mapping[NumberId, NumberHealth], signals: Sequence[tuple[NumberId, E164]], now: float
) -> list[Part]:
    """Write what calls showed about numbers."""
    rows = [_health_row(n, h) for n, h in sorted(health.items())]
    parts = [Part("settle", "write_health", columns(rows, 10))] if rows else []
    return parts + ([Part("settle", "write_spam_signals", [*columns(sorted(signals), 2), now])] if signals else [])


def _health_row(number: NumberId, h: NumberHealth) -> tuple[Any, ...]:
    return (
        number, h.own_score, h.own_score_at, h.carrier_rejected_at, h.failures, " ".join(sorted(h.failed_contacts)),
        h.failed_since, h.failing_since, h.probe_after, h.last_worked_at,
    )  # fmt: skip


def write_assignments(assignments: Mapping[tuple[CampaignId, E164], Assignment]) -> list[Part]:
    """Write sticky assignments: made, moved, or with a new life time."""
    rows = [(*key, a.number, a.epoch, a.bound_at, a.expires_at, a.bound_by) for key, a in sorted(assignments.items())]
    return [Part("settle", "write_assignments", columns(rows, 7))] if rows else []


def correct_outcomes(corrected: Sequence[tuple[PastCall, CallFacts, str]]) -> list[Part]:
    """Write late evidence into outcomes."""
    rows = [
        (p.call.identity.placement, p.ended_at, outcome, f.answered_by, f.answered_at, f.provider_status,
         f.provider_code, f.carrier_call_id, f.accepted_at, f.ringing_at)
        for p, f, outcome in corrected
    ]  # fmt: skip
    return [Part("settle", "correct_outcomes", columns(rows, 10))] if rows else []


def insert_events(events: Sequence[OutgoingEvent], now: float, *, grace_s: float = RELAY_GRACE_S) -> list[Part]:
    """Put events into the outbox. `grace_s` 0: whoever writes them cannot publish, so any replica may at once."""
    rows = [(e.event_id, e.routing_key, e.body) for e in events]
    return [Part("settle", "insert_events", [*columns(rows, 3), now, now + grace_s])] if rows else []
