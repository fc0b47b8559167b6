"""The six steps of one replica, each a loop of its own: intake, turn (settle + plan), place, follow, relay, and recovery.

Read it top down: this is the way of an attempt. Stopping is in order: nothing new, what is being placed, the outbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

import structlog

from outdial.clock import Clock
from outdial.dispatch.board import Board
from outdial.dispatch.desk import Desk, Work
from outdial.dispatch.follow import Follower
from outdial.dispatch.intake import Intake
from outdial.dispatch.place import PlacingLimits, StartCheck, identity_of, order_for, place
from outdial.dispatch.recover import Recovery
from outdial.dispatch.relay import Relay
from outdial.dispatch.turn import StaleSnapshot, TurnResult, TurnSetting, take_turn
from outdial.errors import DatabaseRefused, NotFound, Retryable
from outdial.ports.carriers import Carriers
from outdial.ports.messages import Delivery
from outdial.ports.store import Intent, LineAsk
from outdial.rules import call_fate as fate
from outdial.rules.callback_address import callback_url
from outdial.rules.capacity import LimitKey, LimitKind
from outdial.telemetry.crashpoints import crashpoint
from outdial.telemetry.tasks import Background

log = structlog.get_logger(__name__)
RETRY_PAUSE_S = 0.2
NOTHING_GAINED_S = 0.01
"""After a turn for new calls that made none: another replica holds what waits, or took the room. Its turn takes so long."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """How often things are looked at that nobody announces, seconds."""

    poll_s: float = 0.5
    sweep_s: float = 0.2
    recover_s: float = 1.0
    leftovers_s: float = 2.0


class Dispatcher:
    """One replica's dispatching."""

    def __init__(
        self, setting: TurnSetting, intake: Intake, desk: Desk, follower: Follower, relay: Relay, recovery: Recovery,
        carriers: Carriers, background: Background, limits: PlacingLimits, public_url: str, pauses: Pauses,
    ) -> None:  # fmt: skip
        self._setting, self._intake, self._desk, self.follower = setting, intake, desk, follower
        self._relay, self._recovery, self._carriers, self._background = relay, recovery, carriers, background
        self._limits, self._public_url, self._pauses = limits, public_url, pauses
        self._clock: Clock = setting.clock
        self._board: Board = setting.board
        self._placing: set[asyncio.Task[None]] = set()
        self._turns_may_end = asyncio.Event()

    def start(self) -> None:
        """Begin all loops."""
        run, pauses = self._background, self._pauses
        run.loop("intake", self._take_in)
        self._turning = run.start("turns", self._turns(), fatal=True)
        run.loop("relay", self._relay.publish)
        run.every("leftovers", pauses.leftovers_s, self._relay.take_up_leftovers)
        run.every("recovery", pauses.recover_s, self._recovery.check_due)
        run.every("sweep", pauses.sweep_s, self._sweep)
        run.every("poll", pauses.poll_s, self._poll)

    # -- step 1

    async def _take_in(self) -> None:
        deliveries = await self._intake.receive()
        while deliveries and not await self._is_taken_in(deliveries):
            await self._clock.sleep(RETRY_PAUSE_S)

    async def _is_taken_in(self, deliveries: Sequence[Delivery]) -> bool:
        """A batch stays in hand until it is stored: nothing is acked that is not ours."""
        try:
            await self._intake.take_in(deliveries)
        except (DatabaseRefused, Retryable) as error:
            if _blames_data(error):
                raise
            log.warning("intake.retry", error_message=str(error))
            return self._background.stopping.is_set()
        return True

    # -- steps 2 and 5

    async def _turns(self) -> None:
        """Turn after turn while there is work; the last ones settle what was being placed at shutdown."""
        try:
            while not (self._turns_may_end.is_set() and self._desk.is_empty):
                work = self._desk.take(hurry=self._background.stopping.is_set())
                asks = self._asks(work)
                if work.is_empty and not asks:
                    await self._desk.wait(self._idle_for(self._clock.now()))
                    continue
                if work.is_empty:
                    work = self._desk.take(anyway=True)
                gained = await self._turn(work, asks)
                if work.is_empty and not gained:
                    await self._desk.wait(NOTHING_GAINED_S)
        finally:
            self._desk.close()

    def _asks(self, work: Work) -> Sequence[LineAsk]:
        """Nothing is asked for once the end has begun."""
        if self._background.stopping.is_set():
            return []
        return self._board.asks(self._clock.now(), work.frees(), alone=work.is_empty)

    def _idle_for(self, now: float) -> float:
        next_look = self._board.next_look(now)
        return self._pauses.poll_s if next_look is None else min(self._pauses.poll_s, max(0.001, next_look - now))

    async def _turn(self, work: Work, asks: Sequence[LineAsk]) -> bool:
        """One turn, taken again until it is committed; True = attempts moved on."""
        started = self._clock.monotonic()
        while True:
            try:
                result = await take_turn(self._setting, work, asks)
                break
            except StaleSnapshot:
                await self._reload()
            except (DatabaseRefused, Retryable) as error:
                if _blames_data(error):
                    await self._halved(work, asks, error)
                    return True
                log.warning("turn.retry", error_message=str(error))
                await self._clock.sleep(RETRY_PAUSE_S)
            asks = self._asks(work)
        self._setting.metrics.turn_seconds.observe(self._clock.monotonic() - started)
        self._keep_promises(work, result)
        self._relay.offer(result.events)
        for intent in result.intents:
            self._dial(intent, result.committed_at)
        if result.swept >= self._setting.sweep_batch:
            self._desk.sweep()
        return result.progressed

    async def _reload(self) -> None:
        try:
            await self._setting.pools.reload()
        except Retryable as error:
            log.warning("catalogue.retry", error_message=str(error))
            await self._clock.sleep(RETRY_PAUSE_S)

    async def _halved(self, work: Work, asks: Sequence[LineAsk], error: DatabaseRefused) -> None:
        """A row that PostgreSQL refuses must not stop the others: leave the planning out, halve down to it, then put it
        aside."""
        if parts := [work] if asks and not work.is_empty else work.halves():
            for part in parts:
                await self._turn(part, [])
            return
        self._setting.metrics.invariant_violations.labels(invariant="turn_refused").inc()
        log.error("turn.refused", sqlstate=error.sqlstate, reports=len(work.reports))
        work.fail(error)
        await self._clock.sleep(RETRY_PAUSE_S)

    def _keep_promises(self, work: Work, result: TurnResult) -> None:
        for identity, _, promise in work.reports:
            if not promise.done():
                promise.set_result(identity.placement in result.known)
        for _, cancel in work.canceled:
            if not cancel.done():
                cancel.set_result(None)

    # -- step 3

    def _dial(self, intent: Intent, committed_at: float) -> None:
        self.follower.remember(identity_of(intent))
        task = asyncio.create_task(self._place(intent, committed_at), name="place")
        self._placing.add(task)
        task.add_done_callback(self._is_placed)
        self._setting.metrics.calls_in_flight.set(len(self._placing))

    def _is_placed(self, task: asyncio.Task[None]) -> None:
        self._placing.discard(task)
        self._setting.metrics.calls_in_flight.set(len(self._placing))

    async def _place(self, intent: Intent, committed_at: float) -> None:
        """However this ends, the turn hears of it: a slot is never left without a report."""
        identity = identity_of(intent)
        report: fate.Report
        try:
            report = await self._ask_carrier(intent, committed_at)
        except NotFound:
            report = fate.WasNotSent("unknown_connection")
        except Exception:  # an adapter's bug: nobody knows what was sent
            log.exception("place.failed", connection_id=identity.slots.connection)
            report = fate.MayExist("adapter_failed", 5.0)
        promise = self._desk.report(identity, report)
        promise.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _ask_carrier(self, intent: Intent, committed_at: float) -> fate.Report:
        view = self._setting.pools.view(intent.attempt.campaign)
        carrier = self._carriers.of(intent.slots.connection)
        member = view.index.member(intent.number) if view is not None else None
        if view is None or member is None:
            return fate.WasNotSent("left_the_pool")
        limit = self._board.limit(LimitKey(LimitKind.CONNECTION, intent.slots.connection))
        paced = limit is not None and limit.calls_per_second is not None
        check = StartCheck(intent, committed_at, paced, self._limits, self._clock)
        url = callback_url(self._public_url, member.provider, intent.slots.connection, intent.placement)
        order = order_for(intent, view.policy, member.provider, url, check)
        return await place(intent, order, carrier, self._clock, self._setting.metrics)

    # -- what nobody announces

    async def _poll(self) -> None:
        mark = self._board.mark()
        self._board.replace(await self._setting.store.lines(), mark)
        self._board.saw(await self._setting.store.limits())
        if rerouted := self._board.rerouted():
            await self._setting.store.relook(rerouted)
            self._board.add_campaigns(rerouted)
        self._desk.wake()

    async def _sweep(self) -> None:
        if await self._setting.store.anything_due(self._clock.now()):
            self._desk.sweep()

    # -- the end

    async def drain(self, within_s: float) -> None:
        """No new intents; wait for what is being placed and its settling, then publish what is left in memory."""
        self._background.stopping.set()
        crashpoint("in_shutdown")
        self._desk.wake()
        if self._placing:
            await asyncio.wait(set(self._placing), timeout=within_s)
        self._turns_may_end.set()
        self._desk.wake()
        await asyncio.wait({self._turning}, timeout=within_s)
        try:
            async with asyncio.timeout(within_s):
                await self._relay.flush()
        except (TimeoutError, Retryable) as error:
            log.warning("relay.left_to_others", error_type=type(error).__name__)


def _blames_data(error: Exception) -> TypeGuard[DatabaseRefused]:
    """Else it passes by itself or by an operator (rights, a standby not yet writable), and is waited for."""
    return isinstance(error, DatabaseRefused) and error.blames_data
