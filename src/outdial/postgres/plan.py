"""The plan step at the database: claim, lock, look; then reserve (intents) and park."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from outdial.ports.store import (
    Claimed,
    ContactFacts,
    Intent,
    Line,
    LineAsk,
    Locks,
    OpenCall,
    Parked,
    WaitingAttempt,
)
from outdial.postgres import statements
from outdial.postgres.bundle import Part
from outdial.postgres.readings import read
from outdial.postgres.rows import Row, columns, waiting_of
from outdial.rules.capacity import Limit, LimitKey, LimitKind, lock_order
from outdial.rules.circuit import Circuit
from outdial.rules.ids import E164, AttemptKey, CampaignId, NumberId
from outdial.rules.sticky import Assignment

SQL = statements.load("plan")

CALLED_BEFORE_S = 30 * 86_400.0
HOUR_S = 3_600.0
"""How far back an earlier call makes this attempt a retry for the baseline."""


async def claim_and_lock(connection: Any, asks: Sequence[LineAsk], locks: Locks) -> Claimed:
    """Lock waiting attempts of the asked lines, then limits."""
    if not asks:
        return [], await lock(connection, locks.keys)
    limits = [("", *key) for key in lock_order(locks.keys)]
    limits += [(campaign, *key) for campaign, keys in sorted(locks.with_campaign.items()) for key in keys]
    parts = [Part("plan", "claim", columns(asks, 3)), Part("plan", "lock_with_claimed", columns(limits, 3))]
    rows = await read(connection, parts)
    return [waiting_of(row) for row in rows["claim"]], _limits_of(rows["lock_with_claimed"])


def lines_left_part(claimed: Mapping[Line, int]) -> Part:
    """Lines where more waits than was claimed of them, to be one of several readings."""
    return Part("plan", "lines_left", columns(((*line, count) for line, count in sorted(claimed.items())), 3))


def lines_left_of(rows: Sequence[Row]) -> frozenset[Line]:
    """What the rows of that reading say."""
    return frozenset(Line(CampaignId(row["campaign"]), row["line"]) for row in rows)


async def claim_due(connection: Any, now: float, at_most: int) -> list[WaitingAttempt]:
    """Lock attempts whose time to be looked at has come."""
    return [waiting_of(row) for row in await connection.fetch(SQL["claim_due"], now, at_most)]


async def lock(connection: Any, keys: Iterable[LimitKey]) -> dict[LimitKey, Limit]:
    """Lock limits rows in lock order."""
    if not keys:
        return {}
    return _limits_of(await connection.fetch(SQL["lock_limits"], *columns(lock_order(keys), 2)))


def _limits_of(rows: Sequence[Row]) -> dict[LimitKey, Limit]:
    return {LimitKey(LimitKind(row["kind"]), row["id"]): limit_of(row) for row in rows}


def limit_of(row: Row) -> Limit:
    """A limits row as a value."""
    return Limit(
        max_calls=row["max_calls"],
        in_use=row["in_use"],
        paused=row["paused"],
        calls_per_second=row["calls_per_second"],
        next_start_at=row["next_start_at"],
        backoff_until=row["backoff_until"],
        circuit=Circuit(
            failures=row["failures"],
            recent=row["recent"],
            open_until=row["open_until"],
            probe=row["probe"],
        ),
    )


def contact_facts_part(attempts: Sequence[WaitingAttempt], now: float) -> Part:
    """The look at them, to be one of several."""
    arguments = columns(((*a.key, a.campaign, a.contact) for a in attempts), 4)
    return Part("plan", "contact_facts", [*arguments, now - CALLED_BEFORE_S])


def contact_facts_of(attempts: Sequence[WaitingAttempt], rows: Sequence[Row]) -> ContactFacts:
    """What the rows of that look say."""
    seen = [(attempts[row["n"] - 1], row) for row in rows]
    return ContactFacts(
        assignments={(a.campaign, a.contact): assignment_of(row) for a, row in seen if row["number"] is not None},
        in_call=frozenset((a.key.tenant, a.contact) for a, row in seen if row["in_call"]),
        suppressed=frozenset((a.key.tenant, a.contact) for a, row in seen if row["suppressed"]),
        canceled=frozenset(a.key for a, row in seen if row["canceled"]),
        called_before=frozenset(a.key for a, row in seen if row["called_before"]),
    )


def assignment_of(row: Row) -> Assignment:
    """A row of `sticky` as a value."""
    return Assignment(
        number=NumberId(row["number"]),
        epoch=row["epoch"],
        bound_at=row["bound_at"],
        expires_at=row["expires_at"],
        bound_by=row["bound_by"],
    )


def leave(keys: Iterable[AttemptKey]) -> list[Part]:
    """Take attempts out of the waiting room; `count_gone` tells whether all were there."""
    arguments = columns(sorted(keys), 2)
    return [Part("plan", "delete_waiting", arguments, "count(*)")] if arguments[0] else []


def reserve(intents: Sequence[Intent], worker: UUID, epoch: int) -> list[Part]:
    """Write the intents, each the lease of its slots."""
    if not intents:
        return []
    intents = sorted(intents, key=lambda intent: intent.attempt.key)
    head = columns((_identity_row(i) for i in intents), 11)
    tail = columns((_choice_row(i) for i in intents), 7)
    return [Part("plan", "insert_calls", [*head, worker, epoch, *tail])]


def count_dials(intents: Sequence[Intent], given_back: Iterable[OpenCall], now: float) -> list[Part]:
    """Each number's dials by hour: those of the intents, less those that were given back because there was no call."""
    dials = Counter((intent.number, now - now % HOUR_S) for intent in intents)
    dials.subtract((call.identity.number, call.intent_at - call.intent_at % HOUR_S) for call in given_back)
    rows = sorted((number, hour, count) for (number, hour), count in dials.items() if count)
    return [Part("plan", "count_volume", columns(rows, 3))] if rows else []


def _identity_row(i: Intent) -> tuple[Any, ...]:
    a = i.attempt
    return (
        *a.key, i.placement, a.campaign, a.contact, i.slots.connection, i.number, i.intent_at, i.place_at, i.deadline,
        i.next_check_at,
    )  # fmt: skip


def _choice_row(i: Intent) -> tuple[Any, ...]:
    return (i.counted, i.h, i.r, i.baseline_class, i.sticky_epoch, dict(i.decision), carry_of(i.attempt, i.intent_at))


def carry_of(attempt: WaitingAttempt, intent_at: float) -> dict[str, Any]:
    """What a give-back needs to let the attempt wait again as before."""
    return {
        "urgency": attempt.urgency,
        "due_at": attempt.due_at,
        "not_after": attempt.not_after,
        "received_at": attempt.received_at,
        "attempt_no": attempt.attempt_no,
        "picks": attempt.picks + 1,
        "excluded": sorted(attempt.excluded),
        "spilled": attempt.spilled,
        "sticky_waited": attempt.sticky_waited,
        "waited": list(attempt.waits.until(intent_at)),
    }


def park(parked: Sequence[Parked]) -> list[Part]:
    """Write where attempts wait now."""
    rows = sorted(parked, key=lambda p: p.key)
    return [Part("plan", "park", columns(map(_parked_row, rows), 11))] if rows else []


def _parked_row(p: Parked) -> tuple[Any, ...]:
    return (
        *p.key, p.line, p.blocker, p.look_at, p.next_eligible_at, p.blocked_since, p.spilled, p.sticky_waited,
        *p.waited,
    )  # fmt: skip


def keep_pictures(pictures: Mapping[str, tuple[CampaignId, Mapping[str, Any]]], now: float) -> list[Part]:
    """Store the pools as these picks saw them, once each."""
    rows = [(digest, campaign, dict(body)) for digest, (campaign, body) in sorted(pictures.items())]
    return [Part("plan", "keep_pictures", [*columns(rows, 3), now])] if rows else []


def write_limits(limits: Mapping[LimitKey, Limit]) -> list[Part]:
    """Write the counters of the locked rows."""
    rows = [_limit_row(key, limit) for key, limit in sorted(limits.items())]
    return [Part("plan", "write_limits", columns(rows, 9))] if rows else []


def _limit_row(key: LimitKey, limit: Limit) -> tuple[Any, ...]:
    c = limit.circuit
    return (
        key.kind, key.id, limit.in_use, limit.next_start_at, limit.backoff_until, c.failures, c.recent, c.open_until,
        c.probe,
    )  # fmt: skip


def contact_key(campaign: str, contact: str) -> tuple[CampaignId, E164]:
    """The key of a sticky assignment."""
    return CampaignId(campaign), E164(contact)
