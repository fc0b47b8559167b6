"""The baseline: the plain way that a team would write first. One transaction per step and attempt, no batches.

It keeps every rule and guarantee, since each step goes through the product's own code with batches of one; and it locks
only the three limits rows that a call needs. 32 attempts are under way at once, each until its end; statements are
prepared and connections pooled.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

from bench.throughput import replica

from outdial.app import App, AppOptions
from outdial.dispatch.announce import Announcer
from outdial.dispatch.desk import Desk, Work
from outdial.dispatch.dispatcher import Dispatcher
from outdial.dispatch.place import identity_of
from outdial.dispatch.plan import Planning
from outdial.dispatch.turn import take_turn
from outdial.errors import Retryable
from outdial.ports.carriers import Carriers
from outdial.ports.messages import Delivery
from outdial.ports.store import ANY_LINE, CallIdentity, Intent, LineAsk, Locks, TurnChanges
from outdial.rabbitmq.transport import RabbitTransport
from outdial.rules.call_fate import CallFacts, CallState, HasNews, Report, WasAccepted
from outdial.rules.call_progress import CallNews
from outdial.rules.capacity import Ledger, Slots
from outdial.rules.ids import CampaignId, ConnectionId, Placement
from outdial.rules.phone import geography
from outdial.rules.selection import Choice, choose
from outdial.rules.waits import AttemptFacts
from outdial.telemetry.metrics import Metrics

AT_ONCE = 32


def plain_replica(options: AppOptions, transport: RabbitTransport, metrics: Metrics, carriers: Carriers | None) -> App:
    """A replica that works one by one."""
    app = replica(replace(options, pool=replace(options.pool, max_size=AT_ONCE)), transport, metrics, carriers)
    build = app._dispatcher
    app._dispatcher = lambda desk: PlainDispatcher(build(desk), desk)  # type: ignore[method-assign,assignment,return-value]
    return app


class PlainDispatcher:
    """Stands in for `Dispatcher`: workers, each with one attempt at a time, instead of loops with batches."""

    def __init__(self, parts: Dispatcher, desk: Desk) -> None:
        self._parts, self._desk = parts, desk
        self._setting, self._intake, self._relay = parts._setting, parts._intake, parts._relay
        self.follower = self
        self._ended: dict[Placement, asyncio.Future[None]] = {}
        self._known: dict[Placement, CallIdentity] = {}
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(AT_ONCE)]

    async def drain(self, within_s: float) -> None:
        """End."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def deliver(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        """What carriers call back with: a transaction of its own."""
        now = self._setting.clock.now()
        for one in news:
            await self._settle(self._known[placement], HasNews(one, now))
        self._ended.pop(placement).set_result(None)
        del self._known[placement]
        return True

    async def _work(self) -> None:
        while deliveries := await self._intake._inbox.receive(1):  # nothing once the inbox is closed
            await self._attempt(deliveries[0])

    async def _attempt(self, delivery: Delivery) -> None:
        await self._intake.take_in([delivery])
        ask = LineAsk(CampaignId(json.loads(delivery.body)["campaign_id"]), ANY_LINE, 1)
        while (intent := await self._intend(ask)) is None:  # noqa: ASYNC110  another worker held it, or there was no room
            await asyncio.sleep(0.002)
        ended = self._ended[intent.placement] = asyncio.get_running_loop().create_future()
        identity = self._known[intent.placement] = identity_of(intent)
        report = await self._parts._ask_carrier(intent, self._setting.clock.monotonic())
        if isinstance(report, WasAccepted):
            await self._accepted(identity, report)
        else:
            await self._settle(identity, report)
        await ended

    async def _intend(self, ask: LineAsk) -> Intent | None:
        """Claim one attempt, choose its number, then lock only its own three limits rows."""
        setting = self._setting
        async with setting.store.turn() as turn:
            now = setting.clock.now()
            claimed, _ = await turn.claim_and_lock([ask], Locks())
            view = setting.pools.view(ask.campaign)
            if not claimed or view is None:
                return None
            attempt, facts = claimed[0], await turn.contact_facts(claimed, now)
            asked = AttemptFacts(geography(attempt.contact), frozenset(attempt.request.get("answer") or ()))
            assignment = facts.assignments.get((attempt.campaign, attempt.contact))
            choice = choose(view.index, asked, assignment, frozenset(), now, setting.rng)
            assert isinstance(choice, Choice), "the bench's pools always have somebody"
            slots = Slots(attempt.key.tenant, attempt.campaign, choice.member.connection)
            _, limits = await turn.claim_and_lock([], Locks(slots.limit_keys()))
            ledger = Ledger(limits, now, setting.ahead_s)
            if any(limit.left() < 1 for limit in ledger.all().values()):
                return None
            changes = TurnChanges()
            planning = Planning(
                setting.pools, ledger, facts, {}, changes, Announcer(changes.events, setting.metrics), setting.metrics,
                setting.margins, setting.rng, setting.new_id, now,
            )  # fmt: skip
            planning._intend(attempt, view, choice)
            changes.limits = ledger.changes()
            await turn.write(changes, now)
            return changes.intents[0]

    async def _accepted(self, identity: CallIdentity, report: WasAccepted) -> None:
        """The carrier's answer: one update of one row."""
        facts = CallFacts(CallState.PLACED, carrier_call_id=report.carrier_call_id, accepted_at=report.at)
        async with self._setting.store.turn() as turn:
            await turn.write(TurnChanges(updated_calls=[(identity, facts)]), report.at)

    async def _settle(self, identity: CallIdentity, report: Report) -> None:
        """The end of a call: outcome, slots, statistics, sticky number and events, then the publish."""
        work = Work([(identity, report, asyncio.get_running_loop().create_future())])
        while True:
            try:
                result = await take_turn(self._setting, work, [])
                break
            except Retryable:
                await self._setting.pools.reload()
        for event in result.events:
            await self._relay._send([event])
