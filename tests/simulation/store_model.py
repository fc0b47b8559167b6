"""The model of the database: `ports.Store` of one replica, in memory.

It does what postgres/*.py and postgres/sql/*.sql do, statement by statement: every statement sees what is committed at
its moment (READ COMMITTED) and waits for row locks; a transaction takes effect in one moment, at its commit.
test_model_matches_postgres.py holds it to the real one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from outdial.ports.messages import OutgoingEvent
from outdial.ports.records import CallIdentity, DueCheck, Line
from outdial.ports.store import DeadLetter, Doors, NewAttempt, TakenIn
from outdial.postgres.settle import RELAY_GRACE_S
from outdial.rules.attempt import HealthReport
from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit, LimitKey
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.rules.ids import E164, AttemptKey, CampaignId, NumberId, Placement, TenantId
from outdial.rules.pool_weights import PoolWeights
from outdial.rules.rotation import BaselineSums
from tests.simulation.database_model import Database
from tests.simulation.model_rows import due_check, ended_at_the_door, find_identity, waiting_attempt, wake
from tests.simulation.row_locks import Transaction
from tests.simulation.tables import OutcomeRow, Seat
from tests.simulation.turn_model import ModelTurn
from tests.simulation.virtual_loop import PROCESS


class ModelStore:
    """`ports.Store` of one replica."""

    def __init__(self, database: Database, worker: UUID) -> None:
        self._database, self._tables, self._worker = database, database.tables, worker

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[ModelTurn]:
        """See the port."""
        async with self._database.transaction() as transaction:
            yield ModelTurn(self._database, transaction, self._worker)

    async def take_in(self, attempts: Sequence[NewAttempt]) -> Sequence[TakenIn]:
        """See the port. Inserts of one id wait for each other, as a unique index makes them."""
        first: dict[AttemptKey, NewAttempt] = {}
        for attempt in attempts:
            first.setdefault(attempt.key, attempt)
        tables, database = self._tables, self._database
        async with database.transaction() as transaction:
            await database.statement(transaction)
            for key in sorted(first):
                await database.locks.lock(transaction, ("attempt", key))
            fresh = {key: key in tables.cancellations for key in first if key not in tables.attempts}

            def effect() -> None:
                for key, canceled in fresh.items():
                    self._seat(first[key], canceled)
                tables.check(fresh, (), ())

            transaction.effects.append(effect)
        verdicts = []
        for attempt in attempts:
            if attempt.key in fresh and first[attempt.key] is attempt:
                canceled = fresh[attempt.key] and attempt.ended is None
                verdicts.append(TakenIn.CANCELED if canceled else TakenIn.STORED)
            else:
                same = tables.attempts[attempt.key].body_hash == attempt.body_hash
                verdicts.append(TakenIn.DUPLICATE if same else TakenIn.CONFLICTING)
                database.book.reach("duplicate_delivery_absorbed" if same else "conflicting_body")
        return verdicts

    def _seat(self, new: NewAttempt, canceled: bool) -> None:
        tables = self._tables
        tables.attempts[new.key] = new
        if new.event is not None:
            tables.add_events([new.event], new.received_at + RELAY_GRACE_S)
        if new.ended is not None:
            tables.outcomes[new.key] = OutcomeRow(ended_at_the_door(new), new.ended[0])
            return
        runnable = canceled or new.blocker is Blocker.IN_LINE
        look_at = new.not_after if canceled else min(new.look_at, new.not_after)
        waiting = waiting_attempt(new, "" if runnable else None, Blocker.IN_LINE if canceled else new.blocker)
        tables.waiting[new.key] = Seat(waiting, look_at, None if runnable else new.look_at)

    async def doors(self, asks: Sequence[tuple[TenantId, CampaignId, E164]]) -> Sequence[Doors]:
        """See the port."""
        await self._database.ask()
        rows = self._tables.catalogue
        return [
            Doors(
                tenant in rows.tenants,
                campaign in rows.campaigns and rows.campaigns[campaign].tenant == tenant,
                (tenant, contact) in self._tables.suppressed,
            )
            for tenant, campaign, contact in asks
        ]

    async def keep_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """See the port."""

        def effect() -> None:
            self._tables.dead_letters += len(letters)

        await self._database.single(effect)

    async def lines(self) -> Sequence[Line]:
        """See the port."""
        await self._database.ask()
        seats = self._tables.waiting.values()
        return sorted({Line(s.attempt.campaign, s.attempt.line) for s in seats if s.attempt.line is not None})

    async def limits(self) -> Mapping[LimitKey, Limit]:
        """See the port."""
        await self._database.ask()
        return dict(self._tables.limits)

    async def identify(self, placements: Sequence[Placement]) -> Mapping[Placement, CallIdentity]:
        """See the port."""
        await self._database.ask()
        found = {}
        for placement in placements:
            identity = find_identity(self._tables, placement)
            if identity is not None:
                found[placement] = identity
        return found

    async def remove_events(self, event_ids: Sequence[str]) -> None:
        """See the port."""

        def effect() -> None:
            for event_id in event_ids:
                self._tables.outbox.pop(event_id, None)

        await self._database.single(effect)

    async def anything_due(self, now: float) -> bool:
        """See the port."""
        await self._database.ask()
        found = any(seat.look_at <= now for seat in self._tables.waiting.values())
        await self._database.reply()
        return found

    async def leftover_events(self, now: float, again_at: float, at_most: int) -> Sequence[OutgoingEvent]:
        """See the port."""
        await self._database.ask()
        due = sorted((row for row in self._tables.outbox.values() if row.retry_at <= now), key=lambda r: r.retry_at)
        for row in due[:at_most]:
            row.retry_at = again_at
            self._database.book.reach("event_published_from_the_outbox")
        await self._database.reply()
        return [row.event for row in due[:at_most]]

    async def due_checks(self, now: float, ask_again_at: float, at_most: int) -> Sequence[DueCheck]:
        """See the port."""
        database, tables = self._database, self._tables
        await database.ask()
        transaction = Transaction(PROCESS.get())
        due = sorted(
            (row for row in tables.calls.values() if row.call.facts.next_check_at <= now),
            key=lambda row: (row.call.facts.next_check_at, row.call.identity.key),
        )
        checks: list[DueCheck] = []
        for row in due:
            key = row.call.identity.key
            if len(checks) == at_most or not database.locks.try_lock(transaction, ("call", key)):
                continue
            row.call = replace(row.call, facts=replace(row.call.facts, next_check_at=ask_again_at))
            if row.worker != self._worker and row.call.facts.state == "placing":
                database.book.reach("call_of_another_worker_adopted")
            checks.append(due_check(tables, row.call))
        database.locks.release(transaction)
        await database.reply()
        return checks

    async def relook(self, campaigns: Sequence[CampaignId]) -> int:
        """See the port."""
        database, transaction, moved = self._database, Transaction(PROCESS.get()), 0
        await database.ask()
        for key, seat in self._tables.waiting.items():
            if seat.attempt.campaign in campaigns and seat.attempt.line:
                if not database.locks.try_lock(transaction, ("waiting", key)):
                    continue
                seat.attempt = replace(seat.attempt, line="")
                moved += 1
        database.locks.release(transaction)
        await database.reply()
        return moved

    async def report_health(
        self, reports: Sequence[HealthReport], now: float, spam_threshold: float
    ) -> tuple[int, Sequence[OutgoingEvent]]:
        """See the port; without the events, no run reports by message."""
        tables = self._tables
        known = [r for r in reports if r.number in tables.catalogue.numbers]

        def effect() -> None:
            tables.spam_scores.update({NumberId(report.number): report.score for report in known})
            tables.bump()

        await self._database.single(effect)
        return len(reports) - len(known), []

    async def heartbeat(self, now: float) -> None:
        """See the port."""
        await self._database.ask()

    # -- what LivePools and Upkeep ask

    async def load_catalogue(self) -> CatalogueRows:
        """The catalogue at one moment."""
        await self._database.ask()
        return self._tables.catalogue

    async def load_weights(self, now: float) -> PoolWeights:
        """The weights at one moment."""
        await self._database.ask()
        tables = self._tables
        baselines: dict[CampaignId, dict[tuple[str, str], BaselineSums]] = {}
        for key, sums in tables.baselines.items():
            baselines.setdefault(key.campaign, {})[key.country, key.klass] = sums
        return PoolWeights(
            stats={(key.campaign, key.number): sums for key, sums in tables.members.items()},
            baselines=baselines,
            dials_24h=tables.dials_since(now - 86_400.0),
            health=dict(tables.health),
            spam_scores=dict(tables.spam_scores),
        )

    async def catalogue_version(self) -> int:
        """The version that stands."""
        await self._database.ask()
        return self._tables.catalogue.version

    async def wake_ineligible(self, _: float) -> int:
        """Attempts that no number could serve are runnable again, unless a turn holds them."""
        database, transaction, woken = self._database, Transaction(PROCESS.get()), 0
        await database.ask()
        for key, seat in self._tables.waiting.items():
            blocked = seat.attempt.blocker in (Blocker.NO_ELIGIBLE_NUMBER, Blocker.NUMBERS_AT_DAILY_CAP)
            if blocked and database.locks.try_lock(transaction, ("waiting", key)):
                wake(seat)
                woken += 1
        database.locks.release(transaction)
        await database.reply()
        return woken
