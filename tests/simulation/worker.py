"""One replica: the real dispatch parts, put together as app.py does, on the models and in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from uuid import UUID

import structlog

from outdial.catalogue.live_pools import LivePools
from outdial.clock import SystemClock
from outdial.dispatch.board import Board
from outdial.dispatch.desk import Desk
from outdial.dispatch.dispatcher import Dispatcher, Pauses
from outdial.dispatch.follow import Follower
from outdial.dispatch.intake import Intake
from outdial.dispatch.place import PlacingLimits
from outdial.dispatch.plan import Margins
from outdial.dispatch.recover import Recovery
from outdial.dispatch.relay import Relay
from outdial.dispatch.turn import TurnSetting
from outdial.rules.call_progress import CallNews
from outdial.rules.ids import ConnectionId, Placement
from outdial.telemetry.metrics import Metrics
from outdial.telemetry.tasks import Background
from tests.simulation.broker_model import Broker, Link
from tests.simulation.carrier_model import EPOCH, REQUEST_S, Lines
from tests.simulation.database_model import Database
from tests.simulation.store_model import ModelStore
from tests.simulation.virtual_loop import Process, VirtualLoop, pass_time

PLACE_WITHIN_S = 5.0
LATE_START_S = 0.04
ADOPT_MARGIN_S = 2.0
HANG_UP_MARGIN_S = 10.0
PATIENCE = 2.0
"""Pauses between two looks are so many times longer once the run has healed."""
METRICS = Metrics()
"""Shared by all runs: building them takes as long as a whole run."""
log = structlog.get_logger(__name__)


class LightBackground(Background):
    """Pauses by one timer, and longer ones once all is well: most of a run's time is spent in waiting for nothing."""

    patience = 1.0

    async def pause(self, seconds: float) -> None:
        """See `Background`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds * self.patience):
                await self.stopping.wait()


class PatientRelay(Relay):
    """Wakes less often when there is nothing to publish: thousands of runs idle for minutes each."""

    async def publish(self, within_s: float = 30.0) -> None:
        """See `Relay`."""
        await super().publish(within_s)


class Worker:
    """A replica that can be stopped, resumed, killed, and asked to end in order."""

    def __init__(
        self, name: str, database: Database, broker: Broker, lines: Lines, rng: Random, pauses: Pauses, skew_s: float
    ) -> None:
        self.process = Process(name)
        self._database = database
        self.link = Link(broker)
        loop = asyncio.get_running_loop()
        self.clock = SystemClock(monotonic=loop.time, wall=lambda: EPOCH + loop.time() + skew_s)
        self.background = LightBackground(METRICS, self.clock)
        store = ModelStore(database, UUID(int=rng.getrandbits(128), version=4))
        self.pools = LivePools(store.load_catalogue, store.load_weights, self.clock, spam_threshold=0.75)
        self._store, self._pauses = store, pauses
        self.gone: asyncio.Future[None] = loop.create_future()
        """Done when the process is."""
        self.dispatcher = self._dispatcher(broker, lines, rng)

    def _dispatcher(self, broker: Broker, lines: Lines, rng: Random) -> Dispatcher:
        desk, clock = Desk(500, self.clock), self.clock
        self._desk = desk
        board = Board(self.pools, batch=50, ahead_s=0.25)
        setting = TurnSetting(
            store=self._store, pools=self.pools, board=board, clock=clock, metrics=METRICS,
            margins=Margins(PLACE_WITHIN_S + REQUEST_S + ADOPT_MARGIN_S, HANG_UP_MARGIN_S), ahead_s=0.25,
            sweep_batch=100, rng=rng, new_id=lambda: UUID(int=rng.getrandbits(128), version=4),
        )  # fmt: skip
        relay = PatientRelay(self._store, self.link, clock, METRICS, batch=20)
        return Dispatcher(
            setting,
            Intake(
                self.link, broker.decode, self._store, self.pools, board, desk, clock, METRICS, 20, relay.offer
            ),
            desk,
            Follower(self._store, desk, clock, METRICS),
            relay,
            Recovery(self._store, lines, desk, clock, METRICS),
            lines,
            self.background,
            PlacingLimits(PLACE_WITHIN_S, LATE_START_S),
            "https://calls.example.com",
            self._pauses,
        )  # fmt: skip

    def start(self) -> None:
        """Begin: the catalogue first, then everything."""
        _ = self.process.start(self._run())

    async def _run(self) -> None:
        while True:
            try:
                await self.pools.reload()
                break
            except Exception:  # the database is away: a real replica is started again by its supervisor
                await pass_time(0.5)
        self.dispatcher.start()
        self.background.every("catalogue", 4.0, self._follow_catalogue)
        self.background.every("weights", 60.0, self.pools.refresh)
        death = await self.background.failed()
        self._database.book.violate(f"task {death.name} died: {type(death.error).__name__}: {death.error}")

    async def _follow_catalogue(self) -> None:
        """As upkeep does."""
        if await self._store.catalogue_version() != self.pools.version:
            await self.pools.reload()
            if await self._store.wake_ineligible(self.clock.now()):
                self._desk.wake()

    async def call_back(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        """What web/callbacks.py makes of a callback. False = not stored, the carrier has to call again."""
        try:
            async with asyncio.timeout(8.0):
                await self.dispatcher.follower.deliver(connection, placement, news)
        except Exception:  # as the callback server: whatever it is, 503
            return False
        return True

    # -- what can happen to it

    def calm_down(self) -> None:
        """Nothing goes wrong any more: look less often at what nobody announces."""
        self.background.patience = PATIENCE

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.stopped = True

    def go_on(self) -> None:
        """SIGCONT. Its transactions did not outlive the server's patience."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.go_on(self.process)

    def kill(self) -> None:
        """SIGKILL: it never takes another step, and the servers see its connections close."""
        if self.process.dead:
            return
        self.process.stopped = self.process.dead = True
        self._database.break_connections(self.process)
        self.link.die()
        if not self.gone.done():
            self.gone.set_result(None)

    async def end(self) -> None:
        """SIGTERM, as app.py stops: nothing new, what is being placed, the outbox."""
        self.link.close()
        await self.dispatcher.drain(4.0)
        await self.background.stop(within_s=2.0)
        self._database.book.reach("ended_in_order")
