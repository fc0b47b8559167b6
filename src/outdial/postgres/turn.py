"""A turn's transaction: the reads in lock order, and the one write that applies what the rules decided.

The write is one statement, or three where what comes takes the place of what leaves (calls, waiting attempts): of two
parts of one statement that touch the same row, only one would count. All rows are locked by then, or belong to tenants
whose limits rows are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from outdial.errors import Permanent
from outdial.ports.store import (
    CallIdentity,
    Claimed,
    ContactFacts,
    Line,
    LineAsk,
    Locks,
    OpenCall,
    PastCall,
    Statistics,
    TurnChanges,
    WaitingAttempt,
)
from outdial.postgres import bundle, intake, plan, settle, statements
from outdial.postgres.bundle import Part
from outdial.postgres.cancel import cancel
from outdial.postgres.look import Seen, look
from outdial.postgres.rows import past_call_of
from outdial.rules.ids import AttemptKey, CampaignId, NumberId, Placement
from outdial.rules.outcome import Outcome

SQL_SETTLE = statements.load("settle")
SQL_PLAN = statements.load("plan")


class PostgresTurn:
    """`ports.TurnTransaction` on one connection with an open transaction."""

    def __init__(self, connection: Any, worker: UUID, epoch: int) -> None:
        self._connection, self._worker, self._epoch = connection, worker, epoch
        self._seen: Seen | None = None

    async def claim_and_lock(self, asks: Sequence[LineAsk], locks: Locks) -> Claimed:
        """See the port."""
        return await plan.claim_and_lock(self._connection, asks, locks)

    async def lines_left(self, claimed: Mapping[Line, int]) -> Set[Line]:
        """See the port."""
        seen = self._seen
        if seen is None or seen.claimed != claimed:
            seen = await look(self._connection, (), {}, (), claimed, 0.0)
        return seen.lines_left

    async def claim_due(self, now: float, at_most: int) -> Sequence[WaitingAttempt]:
        """See the port."""
        return await plan.claim_due(self._connection, now, at_most)

    async def claim_canceled(self, keys: Sequence[AttemptKey]) -> Sequence[WaitingAttempt]:
        """See the port."""
        return await intake.claim_canceled(self._connection, keys)

    async def cancel(self, keys: Sequence[AttemptKey], now: float) -> None:
        """See the port."""
        for tenant in sorted({key.tenant for key in keys}):
            await cancel(self._connection, tenant, [key.attempt_id for key in keys if key.tenant == tenant], now)

    async def look(
        self,
        identities: Sequence[CallIdentity],
        countries: Mapping[Placement, str],
        attempts: Sequence[WaitingAttempt],
        claimed: Mapping[Line, int],
        now: float,
    ) -> None:
        """See the port."""
        self._seen = await look(self._connection, identities, countries, attempts, claimed, now)

    async def open_calls(self, identities: Sequence[CallIdentity]) -> Mapping[Placement, OpenCall]:
        """See the port."""
        wanted = {identity.placement for identity in identities}
        seen = self._seen
        if seen is None or not wanted <= seen.countries.keys():
            seen = await look(self._connection, identities, {}, (), {}, 0.0)
        return {placement: call for placement, call in seen.calls.items() if placement in wanted}

    async def catalogue_version(self) -> int:
        """See the port."""
        seen = self._seen or await look(self._connection, (), {}, (), {}, 0.0)
        return seen.version

    async def contact_facts(self, attempts: Sequence[WaitingAttempt], now: float) -> ContactFacts:
        """See the port."""
        seen = self._seen
        if seen is None or seen.attempts != attempts:
            seen = await look(self._connection, (), {}, attempts, {}, now)
        return seen.facts

    async def volumes(self, numbers: Sequence[NumberId], now: float) -> Mapping[NumberId, int]:
        """See the port."""
        rows = await self._connection.fetch(SQL_PLAN["volumes"], list(numbers), now - 86_400.0)
        return {NumberId(row["number"]): row["dials"] for row in rows}

    async def statistics(
        self, calls: Sequence[tuple[OpenCall, Outcome]], countries: Mapping[Placement, str], now: float
    ) -> Statistics:
        """See the port."""
        identities = [call.identity for call, _ in calls]
        seen = self._seen
        if seen is None or any(seen.countries.get(i.placement) != countries[i.placement] for i in identities):
            seen = await look(self._connection, identities, countries, (), {}, now)
        return await settle.statistics(self._connection, calls, seen.rows, now)

    async def past_calls(self, placements: Sequence[Placement]) -> Mapping[Placement, PastCall]:
        """See the port."""
        rows = await self._connection.fetch(SQL_SETTLE["past_calls"], list(placements))
        return {Placement(row["placement"]): past_call_of(row) for row in rows}

    async def write(self, changes: TurnChanges, now: float) -> Sequence[CampaignId]:
        """See the port."""
        c = self._connection
        over = [e.call.identity for e in changes.ended if e.call is not None]
        over += [call.identity for call, *_ in changes.given_back]
        leaving = [i.attempt.key for i in changes.intents] + changes.ended_waiting
        waking = settle.wake_contacts((i.key.tenant, i.contact) for i in over)
        making_way = [
            *settle.update_calls(changes.updated_calls),
            *settle.delete_calls(over),
            *plan.leave(leaving),
        ]
        filling = self._filling(changes, now)
        stages = [[*waking, *making_way, *filling]]
        if not _is_independent(changes, over):
            stages = [waking, making_way, filling]
        freed: dict[str, Any] = {}
        for parts in stages:
            freed |= await bundle.run(c, parts)
        if freed.get("delete_calls", 0) != len(over):
            raise Permanent("a call vanished while it was locked")
        if freed.get("delete_waiting", 0) != len(leaving):
            raise Permanent("an attempt left the waiting room while it was locked")
        if changes.eligibility_changed:
            await c.execute(SQL_SETTLE["bump_catalogue"])
        return [CampaignId(campaign) for campaign in freed.get("wake_contacts") or ()]

    def _filling(self, changes: TurnChanges, now: float) -> list[Part]:
        """What may be written once the rows that made way for it are gone: no part touches another one's rows."""
        return [
            *settle.insert_outcomes(changes.ended),
            *settle.give_back(changes.given_back),
            *plan.keep_pictures(changes.pictures, now),
            *plan.reserve(changes.intents, self._worker, self._epoch),
            *plan.count_dials(changes.intents, (call for call, *_ in changes.given_back), now),
            *plan.park([parked for _, parked in changes.parked]),
            *plan.write_limits(changes.limits),
            *settle.write_statistics(changes.members, changes.baselines),
            *settle.write_health(changes.health, changes.spam_signals, now),
            *settle.write_assignments(changes.assignments),
            *settle.correct_outcomes(changes.corrected),
            *settle.insert_events(changes.events, now),
        ]


def _is_independent(changes: TurnChanges, over: Sequence[CallIdentity]) -> bool:
    """Whether no part of the write needs what another part leaves, as nearly always. A call may follow another one to
    the same contact; attempts may come back to the waiting room; and who is woken there may be parked or end."""
    contacts = {(i.key.tenant, i.contact) for i in over}
    followed = any((i.attempt.key.tenant, i.attempt.contact) in contacts for i in changes.intents)
    return not (followed or changes.given_back or (over and (changes.parked or changes.ended_waiting)))
