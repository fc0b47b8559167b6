"""The intake step at the database: new attempts, cancels and dead letters, each batch one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outdial.ports.store import DeadLetter, Doors, NewAttempt, TakenIn, WaitingAttempt
from outdial.postgres import bundle, settle, statements
from outdial.postgres.rows import columns, key_of, waiting_of
from outdial.rules.ids import E164, AttemptKey, CampaignId, TenantId

SQL = statements.load("intake")


async def take_in(connection: Any, attempts: Sequence[NewAttempt]) -> list[TakenIn]:
    """Store a batch. The first of several with one id stands, in the batch as in the database."""
    first: dict[AttemptKey, NewAttempt] = {}
    for attempt in attempts:
        first.setdefault(attempt.key, attempt)
    rows = await connection.fetch(SQL["take_in"], *columns(map(_row, first.values()), 15))
    fresh = {key_of(row): row["canceled"] for row in rows}
    events = [a.event for a in first.values() if a.event is not None and a.key in fresh]
    await bundle.run(connection, settle.insert_events(events, max(a.received_at for a in attempts)))
    standing = {key: attempt.body_hash for key, attempt in first.items()}
    known = [key for key in first if key not in fresh]
    if known:
        for row in await connection.fetch(SQL["known_hashes"], *columns(known, 2)):
            standing[key_of(row)] = row["body_hash"]
    return [_verdict(attempt, first, fresh, standing) for attempt in attempts]


def _row(a: NewAttempt) -> tuple[Any, ...]:
    outcome, reason = a.ended or (None, "")
    return (
        *a.key, a.campaign, a.contact, dict(a.request), a.body_hash, a.received_at, a.urgency, a.attempt_no, a.due_at,
        a.not_after, a.blocker, a.look_at, outcome, reason,
    )  # fmt: skip


def _verdict(
    attempt: NewAttempt,
    first: dict[AttemptKey, NewAttempt],
    fresh: dict[AttemptKey, bool],
    standing: dict[AttemptKey, bytes],
) -> TakenIn:
    if attempt.key in fresh and first[attempt.key] is attempt:
        return TakenIn.CANCELED if fresh[attempt.key] else TakenIn.STORED
    return TakenIn.DUPLICATE if standing[attempt.key] == attempt.body_hash else TakenIn.CONFLICTING


async def doors(connection: Any, asks: Sequence[tuple[TenantId, CampaignId, E164]]) -> list[Doors]:
    """Ask the database itself, so that what was created a moment ago is known."""
    rows = await connection.fetch(SQL["doors"], *columns(asks, 3))
    by_n = sorted(rows, key=lambda row: row["n"])
    return [Doors(row["tenant_known"], row["campaign_known"], row["suppressed"]) for row in by_n]


async def keep_dead_letters(connection: Any, letters: Sequence[DeadLetter]) -> None:
    """Store messages that could not be understood, whole."""
    rows = (
        (
            d.queue,
            d.routing_key,
            d.message_id,
            d.message_type,
            d.body,
            dict(d.headers),
            d.reason,
            d.field,
            d.received_at,
        )
        for d in letters
    )
    await connection.execute(SQL["insert_dead_letters"], *columns(rows, 9))


async def claim_canceled(connection: Any, keys: Sequence[AttemptKey]) -> list[WaitingAttempt]:
    """Lock those that wait, by key; this waits for a turn that holds one of them."""
    rows = await connection.fetch(SQL["claim_canceled"], *columns(sorted(set(keys)), 2))
    return [waiting_of(row) for row in rows]
