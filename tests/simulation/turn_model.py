"""A turn's transaction on the model: the same locks in the same order as postgres/turn.py, the same write.

What is read is what is committed at that moment; what is written takes effect at the commit, in one moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from uuid import UUID

from outdial.ports.records import (
    BaselineKey,
    CallIdentity,
    ContactFacts,
    Line,
    LineAsk,
    Locks,
    MemberKey,
    OpenCall,
    PastCall,
    Statistics,
    TurnChanges,
    WaitingAttempt,
)
from outdial.ports.store import Claimed
from outdial.postgres.plan import CALLED_BEFORE_S
from outdial.rules.call_fate import CallState
from outdial.rules.capacity import Limit, LimitKey, lock_order
from outdial.rules.ids import AttemptKey, CampaignId, NumberId, Placement
from outdial.rules.number_health import SPAM_WINDOW_S
from outdial.rules.outcome import Outcome, is_carrier_failure
from tests.simulation.database_model import Database
from tests.simulation.model_rows import past_call
from tests.simulation.row_locks import Transaction
from tests.simulation.turn_write import TurnWrite


class ModelTurn:
    """`ports.TurnTransaction`."""

    def __init__(self, database: Database, transaction: Transaction, worker: UUID) -> None:
        self._database, self._tables, self._transaction = database, database.tables, transaction
        self._worker = worker
        self._canceling: set[AttemptKey] = set()
        """Calls that this transaction marked: it sees its own writes."""
        self.looked_at = 0.0

    async def _statement(self) -> None:
        await self._database.statement(self._transaction)

    def _try_lock(self, table: str, key: Hashable) -> bool:
        return self._database.locks.try_lock(self._transaction, (table, key))

    async def _lock(self, table: str, key: Hashable) -> None:
        await self._database.locks.lock(self._transaction, (table, key))

    # -- claim

    async def claim_and_lock(self, asks: Sequence[LineAsk], locks: Locks) -> Claimed:
        """See the port."""
        claimed = await self._claim(asks) if asks else []
        return claimed, await self._lock_limits(locks.of({attempt.campaign for attempt in claimed}))

    async def _claim(self, asks: Sequence[LineAsk]) -> list[WaitingAttempt]:
        await self._statement()
        claimed: list[WaitingAttempt] = []
        for ask in asks:
            in_line = [
                s.attempt
                for s in self._tables.waiting.values()
                if s.attempt.campaign == ask.campaign and s.attempt.line == ask.line
            ]
            in_line.sort(key=lambda a: (a.urgency, a.due_at, a.key.attempt_id))
            got = 0
            for attempt in in_line:
                if got < ask.at_most and self._try_lock("waiting", attempt.key):
                    claimed.append(attempt)
                    got += 1
        return claimed

    async def lines_left(self, claimed: Mapping[Line, int]) -> Set[Line]:
        """See the port."""
        await self._statement()
        waiting = Counter(
            Line(s.attempt.campaign, s.attempt.line or "")
            for s in self._tables.waiting.values()
            if s.attempt.line is not None
        )
        return {line for line, count in claimed.items() if waiting[line] > count}

    async def claim_due(self, now: float, at_most: int) -> Sequence[WaitingAttempt]:
        """See the port."""
        await self._statement()
        due = sorted((s for s in self._tables.waiting.values() if s.look_at <= now), key=lambda s: s.look_at)
        return [s.attempt for s in due if self._try_lock("waiting", s.attempt.key)][:at_most]

    async def claim_canceled(self, keys: Sequence[AttemptKey]) -> Sequence[WaitingAttempt]:
        """See the port."""
        await self._statement()
        waiting = []
        for key in sorted(set(keys)):
            if key in self._tables.waiting:
                await self._lock("waiting", key)
            if (seat := self._tables.waiting.get(key)) is not None:
                waiting.append(seat.attempt)
        return waiting

    async def cancel(self, keys: Sequence[AttemptKey], now: float) -> None:
        """See the port, and sql/cancel.sql: marked, hung up, or remembered."""
        await self._statement()
        tables, effects = self._tables, self._transaction.effects
        for key in sorted(set(keys)):
            if key in tables.waiting and self._try_lock("waiting", key):
                effects.append(partial(self._mark_waiting, key, now))
                continue
            if key in tables.calls:
                await self._lock("call", key)
            row = tables.calls.get(key)
            if row is not None and row.call.facts.answered_at is None:
                self._canceling.add(key)
                effects.append(partial(self._mark_call, key, now))
            elif row is None and key not in tables.outcomes:
                self._database.book.reach("cancel_before_its_attempt")
                effects.append(partial(tables.cancellations.__setitem__, key, now))

    def _mark_waiting(self, key: AttemptKey, now: float) -> None:
        seat = self._tables.waiting[key]
        seat.attempt, seat.look_at = replace(seat.attempt, canceled=True), min(seat.look_at, now)

    def _mark_call(self, key: AttemptKey, now: float) -> None:
        row = self._tables.calls[key]
        facts = row.call.facts
        if facts.state is CallState.PLACED:
            facts = replace(facts, next_check_at=min(facts.next_check_at, now))
        row.call = replace(row.call, cancel_requested=True, facts=facts)
        self._database.book.reach("cancel_of_a_call_under_way")

    # -- lock and look

    async def _lock_limits(self, keys: Collection[LimitKey]) -> Mapping[LimitKey, Limit]:
        if keys:
            await self._statement()
        for key in lock_order(keys):
            if key in self._tables.limits:
                await self._lock("limit", key)
        return {key: self._tables.limits[key] for key in lock_order(keys) if key in self._tables.limits}

    async def look(
        self,
        identities: Sequence[CallIdentity],
        countries: Mapping[Placement, str],
        attempts: Sequence[WaitingAttempt],
        claimed: Mapping[Line, int],
        now: float,
    ) -> None:
        """See the port: each reading is made when it is asked for."""

    async def open_calls(self, identities: Sequence[CallIdentity]) -> Mapping[Placement, OpenCall]:
        """See the port."""
        await self._statement()
        found = {}
        for identity in sorted(identities, key=lambda i: i.key):
            if identity.key in self._tables.calls:
                await self._lock("call", identity.key)
            row = self._tables.calls.get(identity.key)
            if row is not None and row.call.identity.placement == identity.placement:
                canceled = row.call.cancel_requested or identity.key in self._canceling
                found[identity.placement] = replace(row.call, cancel_requested=canceled)
        return found

    async def catalogue_version(self) -> int:
        """See the port."""
        await self._statement()
        self.looked_at = self._database.book.now()
        return self._tables.catalogue.version

    async def contact_facts(self, attempts: Sequence[WaitingAttempt], now: float) -> ContactFacts:
        """See the port."""
        if not attempts:
            return ContactFacts({}, frozenset(), frozenset(), frozenset(), frozenset())
        await self._statement()
        tables = self._tables
        in_call = {(key.tenant, row.call.identity.contact) for key, row in tables.calls.items()}
        contacts = {(a.key.tenant, a.contact) for a in attempts}
        before = {
            (row.ended.campaign, row.ended.contact)
            for row in tables.outcomes.values()
            if row.ended.call is not None and row.ended.ended_at >= now - CALLED_BEFORE_S
        }
        sticky = {(a.campaign, a.contact): tables.sticky.get((a.campaign, a.contact)) for a in attempts}
        return ContactFacts(
            assignments={key: assignment for key, assignment in sticky.items() if assignment is not None},
            in_call=frozenset(contacts & in_call),
            suppressed=frozenset(contacts & tables.suppressed),
            canceled=frozenset(a.key for a in attempts if a.key in tables.cancellations),
            called_before=frozenset(a.key for a in attempts if (a.campaign, a.contact) in before),
        )

    async def volumes(self, numbers: Sequence[NumberId], now: float) -> Mapping[NumberId, int]:
        """See the port."""
        await self._statement()
        dials = self._tables.dials_since(now - 86_400.0)
        return {number: dials[number] for number in numbers if number in dials}

    async def statistics(
        self, calls: Sequence[tuple[OpenCall, Outcome]], countries: Mapping[Placement, str], now: float
    ) -> Statistics:
        """See the port."""
        await self._statement()
        tables = self._tables
        members = {MemberKey(c.identity.slots.campaign, c.identity.number) for c, _ in calls}
        lines = {
            BaselineKey(c.identity.slots.campaign, countries[c.identity.placement], c.baseline_class) for c, _ in calls
        }
        numbers = {c.identity.number for c, _ in calls}
        contacts = {(c.identity.slots.campaign, c.identity.contact) for c, _ in calls}
        assignments = {key: tables.sticky[key] for key in contacts if key in tables.sticky}
        concerned = members | {MemberKey(campaign, a.number) for (campaign, _), a in assignments.items()}
        rows = tables.catalogue.members
        blocked = {c.identity.number for c, outcome in calls if outcome is Outcome.SPAM_BLOCKED}
        failed = {c.identity.number for c, outcome in calls if is_carrier_failure(outcome)}
        return Statistics(
            members={key: tables.members[key] for key in members if key in tables.members},
            baselines={key: tables.baselines[key] for key in lines if key in tables.baselines},
            health={number: tables.health[number] for number in numbers if number in tables.health},
            assignments=assignments,
            memberships={key: rows[key].added_at or 0.0 for key in concerned if key in rows},
            spam_contacts={
                number: frozenset(
                    c for (n, c), at in tables.spam_signals.items() if n == number and at >= now - SPAM_WINDOW_S
                )
                for number in blocked
            },
            others_worked=self._others_worked(failed),
        )

    def _others_worked(self, numbers: set[NumberId]) -> dict[NumberId, float]:
        rows, worked = self._tables.catalogue.numbers, {}
        for number in numbers & rows.keys():
            times = [
                health.last_worked_at
                for other, health in self._tables.health.items()
                if other != number
                and health.last_worked_at is not None
                and rows[other].connection == rows[number].connection
            ]
            if times:
                worked[number] = max(times)
        return worked

    async def past_calls(self, placements: Sequence[Placement]) -> Mapping[Placement, PastCall]:
        """See the port."""
        await self._statement()
        found = {}
        for placement in placements:
            row = self._tables.outcomes.get(self._tables.keys.get(placement))  # type: ignore[arg-type]  # None is no key
            if row is not None and row.ended.call is not None and row.ended.call.identity.placement == placement:
                found[placement] = past_call(row)
        return found

    # -- write

    async def write(self, changes: TurnChanges, now: float) -> Sequence[CampaignId]:
        """See the port. Refuses what PostgreSQL would refuse; the effect itself is one moment, at the commit."""
        await self._statement()
        return TurnWrite(self._database, self._transaction, self._worker, changes, now, self.looked_at).prepare()
