"""What a dead worker left, what stayed ambiguous, and calls whose news is overdue: ask the carrier, and end every attempt.

Every call has a time at which somebody looks at it. Handing it out moves that time on, so one replica asks at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from outdial.clock import Clock
from outdial.dispatch.desk import Desk
from outdial.errors import NotFound, Retryable
from outdial.ports.carriers import Carrier, Carriers, SearchQuery
from outdial.ports.store import DueCheck, Store
from outdial.rules import call_fate as fate
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.ids import ConnectionId
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

ASK_AGAIN_S = 30.0
"""When a call that was asked about without result is asked about again."""
FIRST_SEARCH_S = 5.0
"""A first search for a call that may exist; its answer counts only after the carrier's settle time."""
CHECKS_AT_ONCE = 4
"""Questions under way per connection: look-ups share the account's request limits with placing."""


class Recovery:
    """Checks calls whose time has come."""

    def __init__(self, store: Store, carriers: Carriers, desk: Desk, clock: Clock, metrics: Metrics) -> None:
        self._store, self._carriers, self._desk = store, carriers, desk
        self._clock, self._metrics = clock, metrics
        self._gates: dict[ConnectionId, asyncio.Semaphore] = {}

    async def check_due(self, at_most: int = 100) -> None:
        """Check the calls that are due now; returns when their reports are committed."""
        now = self._clock.now()
        due = await self._store.due_checks(now, now + ASK_AGAIN_S, at_most)
        await asyncio.gather(*(self._check(one) for one in due))

    async def _check(self, due: DueCheck) -> None:
        connection = due.identity.slots.connection
        gate = self._gates.setdefault(connection, asyncio.Semaphore(CHECKS_AT_ONCE))
        try:
            async with gate:
                reports = await self._ask(due, self._carriers.of(connection))
        except (Retryable, NotFound) as error:
            log.warning("recovery.cannot_ask", connection_id=connection, error_message=str(error))
            reports = self._without_answer(due)
        await asyncio.gather(*(self._desk.report(due.identity, report) for report in reports))

    def _without_answer(self, due: DueCheck) -> list[fate.Report]:
        """The carrier cannot be asked. A lost worker is noted all the same; past the deadline by a day, give up."""
        now = self._clock.now()
        if due.facts.state is fate.CallState.PLACING:
            return [fate.MayExist(fate.WORKER_LOST, FIRST_SEARCH_S)]
        return [fate.IsOverdue(now)] if now >= due.deadline + 86_400 else []

    async def _ask(self, due: DueCheck, carrier: Carrier) -> Sequence[fate.Report]:
        now = self._clock.now()
        facts = due.facts
        if facts.outcome is not None:
            return [fate.IsOverdue(now)]  # only machine detection was awaited
        if facts.state is fate.CallState.PLACING:
            return [fate.MayExist(fate.WORKER_LOST, FIRST_SEARCH_S)]
        if facts.carrier_call_id is None:
            return await self._search(due, carrier, now)
        if now >= due.deadline or (due.cancel_requested and facts.answered_at is None):
            await carrier.hang_up(facts.carrier_call_id)
        news = await carrier.look_up(facts.carrier_call_id)
        if news is not None and (news.progress is Progress.FINAL or now < due.deadline):
            return [fate.HasNews(news, now)]
        return [fate.IsOverdue(now)] if now >= due.deadline else []

    async def _search(self, due: DueCheck, carrier: Carrier, now: float) -> Sequence[fate.Report]:
        query = SearchQuery(
            placement=due.identity.placement,
            from_number=due.from_number,
            to=due.identity.contact,
            begun_at=due.intent_at,
            until=now,
        )
        # Where no search proves anything, one that succeeds still adopts the call, and the hard deadline ends it.
        last_word = not carrier.searchable and now >= due.deadline
        try:
            found = [news for news in await carrier.search(query) if news.carrier_call_id not in due.calls_of_others]
        except Retryable:
            if not last_word:
                raise
            found = []
        if found:
            return [self._adopted(due, found)]
        if not carrier.searchable:
            return [fate.IsOverdue(now)] if last_word else []
        counts = now >= due.intent_at + carrier.settle_time_s
        again = now + (fate.SEARCH_GAP_S if counts else min(ASK_AGAIN_S, carrier.settle_time_s))
        return [fate.IsNowhere(counts, again)]

    def _adopted(self, due: DueCheck, found: Sequence[CallNews]) -> fate.Report:
        if len(found) > 1:
            self._metrics.invariant_violations.labels(invariant="several_calls_found").inc()
            log.error("recovery.several_calls", placement=str(due.identity.placement), found=len(found))
        return fate.HasNews(found[0], self._clock.now())
