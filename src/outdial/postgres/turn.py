"""A turn's transaction: the reads in lock order, and the one write that applies what the rules decided.

The order of the write is the order of the locks: calls, then everything else by key, limits' counters last among the
hot rows (they are locked since the beginning). Empty parts cost no statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from outdial.errors import Permanent
from outdial.ports.store import (
    CallIdentity,
    ContactFacts,
    LineAsk,
    OpenCall,
    PastCall,
    Statistics,
    TurnChanges,
    WaitingAttempt,
)
from outdial.postgres import intake, plan, settle, statements
from outdial.postgres.rows import columns, past_call_of
from outdial.rules.capacity import Limit, LimitKey
from outdial.rules.ids import AttemptKey, CampaignId, NumberId, Placement
from outdial.rules.outcome import Outcome

SQL_SETTLE = statements.load("settle")
SQL_PLAN = statements.load("plan")


class PostgresTurn:
    """`ports.TurnTransaction` on one connection with an open transaction."""

    def __init__(self, connection: Any, worker: UUID, epoch: int) -> None:
        self._connection, self._worker, self._epoch = connection, worker, epoch

    async def claim(self, asks: Sequence[LineAsk], now: float) -> Sequence[WaitingAttempt]:
        """See the port."""
        return await plan.claim(self._connection, asks)

    async def claim_due(self, now: float, at_most: int) -> Sequence[WaitingAttempt]:
        """See the port."""
        return await plan.claim_due(self._connection, now, at_most)

    async def claim_canceled(self, keys: Sequence[AttemptKey], now: float) -> Sequence[WaitingAttempt]:
        """See the port."""
        return await intake.claim_canceled(self._connection, keys, now)

    async def lock(self, keys: Sequence[LimitKey]) -> Mapping[LimitKey, Limit]:
        """See the port."""
        return await plan.lock(self._connection, keys)

    async def open_calls(self, identities: Sequence[CallIdentity]) -> Mapping[Placement, OpenCall]:
        """See the port."""
        return await settle.open_calls(self._connection, identities)

    async def catalogue_version(self) -> int:
        """See the port."""
        return int(await self._connection.fetchval(SQL_PLAN["catalogue_version"]))

    async def contact_facts(self, attempts: Sequence[WaitingAttempt], now: float) -> ContactFacts:
        """See the port."""
        return await plan.contact_facts(self._connection, attempts, now)

    async def volumes(self, numbers: Sequence[NumberId], now: float) -> Mapping[NumberId, int]:
        """See the port."""
        rows = await self._connection.fetch(SQL_PLAN["volumes"], list(numbers), now - 86_400.0)
        return {NumberId(row["number"]): row["dials"] for row in rows}

    async def statistics(
        self, calls: Sequence[tuple[OpenCall, Outcome]], countries: Mapping[Placement, str], now: float
    ) -> Statistics:
        """See the port."""
        return await settle.statistics(self._connection, calls, countries, now)

    async def past_calls(self, placements: Sequence[Placement]) -> Mapping[Placement, PastCall]:
        """See the port."""
        rows = await self._connection.fetch(SQL_SETTLE["past_calls"], list(placements))
        return {Placement(row["placement"]): past_call_of(row) for row in rows}

    async def write(self, changes: TurnChanges, now: float) -> Sequence[CampaignId]:
        """See the port."""
        c = self._connection
        over = [e.call.identity for e in changes.ended if e.call is not None]
        over += [call.identity for call, *_ in changes.given_back]
        await settle.update_calls(c, changes.updated_calls)
        await settle.delete_calls(c, over)
        await self._end_waiting(changes)
        await settle.insert_outcomes(c, changes.ended)
        await settle.give_back(c, changes.given_back)
        await plan.keep_pictures(c, changes.pictures, now)
        await plan.reserve(c, changes.intents, self._worker, self._epoch, now)
        await plan.park(c, [parked for _, parked in changes.parked])
        await plan.write_limits(c, changes.limits)
        await settle.write_statistics(c, changes.members, changes.baselines)
        await settle.write_health(c, changes.health, changes.spam_signals, now)
        await settle.write_assignments(c, changes.assignments)
        await settle.correct_outcomes(c, changes.corrected)
        await settle.insert_events(c, changes.events, now)
        woken = await settle.wake_contacts(c, ((i.key.tenant, i.contact) for i in over)) if over else []
        if changes.eligibility_changed:
            await c.execute(SQL_SETTLE["bump_catalogue"])
        return woken

    async def _end_waiting(self, changes: TurnChanges) -> None:
        keys = sorted(changes.ended_waiting)
        if not keys:
            return
        gone = await self._connection.execute(SQL_PLAN["delete_waiting"], *columns(keys, 2))
        if gone != f"DELETE {len(keys)}":
            raise Permanent("an attempt left the waiting room while it was locked")
