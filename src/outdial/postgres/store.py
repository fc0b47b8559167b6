"""PostgreSQL as the story sees it: `ports.Store` over a connection pool, every driver error translated on the way out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg

from outdial.ports.messages import OutgoingEvent
from outdial.ports.store import (
    CallIdentity,
    DeadLetter,
    Doors,
    DueCheck,
    Line,
    NewAttempt,
    TakenIn,
)
from outdial.postgres import intake, numbers, statements
from outdial.postgres.plan import limit_of
from outdial.postgres.pool import translate_errors
from outdial.postgres.rows import facts_of, identity_of
from outdial.postgres.turn import PostgresTurn
from outdial.rules.attempt import HealthReport
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.ids import E164, CampaignId, Placement, TenantId

PLAN, SETTLE = statements.load("plan"), statements.load("settle")
RELOOK_AT_ONCE = 1_000
FORGET_WORKERS_S = 3_600.0
RELAY, RECOVER = statements.load("relay"), statements.load("recover")


class PostgresStore:
    """One replica's door to the database. `worker` and `epoch` mark what this replica began."""

    def __init__(self, pool: asyncpg.Pool, worker: UUID, epoch: int, *, acquire_timeout_s: float = 3.0) -> None:
        self._pool, self.worker, self.epoch = pool, worker, epoch
        self._acquire_timeout_s = acquire_timeout_s

    @asynccontextmanager
    async def _connection(self, *, transaction: bool = False) -> AsyncIterator[Any]:
        with translate_errors():
            async with self._pool.acquire(timeout=self._acquire_timeout_s) as connection:
                try:
                    if not transaction:
                        yield connection
                        return
                    async with connection.transaction():
                        yield connection
                except asyncpg.InternalClientError:
                    connection.terminate()  # it would hang in that statement for whoever gets it next
                    raise

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[PostgresTurn]:
        """See the port."""
        async with self._connection(transaction=True) as connection:
            yield PostgresTurn(connection, self.worker, self.epoch)

    async def take_in(self, attempts: Sequence[NewAttempt]) -> Sequence[TakenIn]:
        """See the port."""
        if not attempts:
            return []
        several = any(attempt.event is not None for attempt in attempts)
        async with self._connection(transaction=several) as connection:  # else it is one statement that writes
            return await intake.take_in(connection, attempts)

    async def doors(self, asks: Sequence[tuple[TenantId, CampaignId, E164]]) -> Sequence[Doors]:
        """See the port."""
        async with self._connection() as connection:
            return await intake.doors(connection, asks)

    async def keep_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """See the port."""
        async with self._connection() as connection:
            await intake.keep_dead_letters(connection, letters)

    async def lines(self) -> Sequence[Line]:
        """See the port."""
        async with self._connection() as connection:
            return [Line(CampaignId(row["campaign"]), row["line"]) for row in await connection.fetch(PLAN["lines"])]

    async def anything_due(self, now: float) -> bool:
        """See the port."""
        async with self._connection() as connection:
            return bool(await connection.fetchval(PLAN["anything_due"], now))

    async def relook(self, campaigns: Sequence[CampaignId]) -> int:
        """See the port."""
        moved = 0
        while True:
            async with self._connection() as connection:
                tag = await connection.execute(PLAN["relook"], list(campaigns), RELOOK_AT_ONCE)
            count = int(tag.split()[-1])
            moved += count
            if count < RELOOK_AT_ONCE:
                return moved

    async def limits(self) -> Mapping[LimitKey, Limit]:
        """See the port."""
        async with self._connection() as connection:
            rows = await connection.fetch(PLAN["all_limits"])
            return {LimitKey(LimitKind(row["kind"]), row["id"]): limit_of(row) for row in rows}

    async def identify(self, placements: Sequence[Placement]) -> Mapping[Placement, CallIdentity]:
        """See the port."""
        async with self._connection() as connection:
            rows = await connection.fetch(SETTLE["identify_calls"], list(placements))
            return {Placement(row["placement"]): identity_of(row) for row in rows}

    async def remove_events(self, event_ids: Sequence[str]) -> None:
        """See the port."""
        async with self._connection() as connection:
            await connection.execute(RELAY["remove_events"], list(event_ids))

    async def leftover_events(self, now: float, again_at: float, at_most: int) -> Sequence[OutgoingEvent]:
        """See the port."""
        async with self._connection() as connection:
            rows = await connection.fetch(RELAY["leftover_events"], now, again_at, at_most)
            return [OutgoingEvent(str(row["event_id"]), row["routing_key"], row["body"]) for row in rows]

    async def due_checks(self, now: float, ask_again_at: float, at_most: int) -> Sequence[DueCheck]:
        """See the port."""
        async with self._connection() as connection:
            rows = await connection.fetch(RECOVER["due_checks"], now, ask_again_at, at_most)
        return [
            DueCheck(
                identity=identity_of(row),
                facts=facts_of(row),
                intent_at=row["intent_at"],
                deadline=row["deadline"],
                from_number=E164(row["from_number"] or ""),
                cancel_requested=row["cancel_requested"],
                calls_of_others=frozenset(row["calls_of_others"] or ()),
            )
            for row in rows
        ]

    async def report_health(
        self, reports: Sequence[HealthReport], now: float, spam_threshold: float
    ) -> tuple[int, Sequence[OutgoingEvent]]:
        """See the port."""
        async with self._connection(transaction=True) as connection:
            return await numbers.report(connection, reports, now, spam_threshold)

    async def heartbeat(self, now: float) -> None:
        """See the port."""
        async with self._connection() as connection:
            await connection.execute(RECOVER["heartbeat"], self.worker, self.epoch, now)
            await connection.execute(RECOVER["forget_workers"], now - FORGET_WORKERS_S)
