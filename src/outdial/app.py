"""The composition root: builds one replica out of its parts, starts them in order, stops them in reverse with a deadline on each."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import structlog
from aiohttp import web

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
from outdial.ports.carriers import Carriers
from outdial.ports.messages import AttemptPublisher, EventPublisher, Inbox
from outdial.postgres import catalogue as catalogue_store
from outdial.postgres.pool import PoolOptions, connect, translate_errors
from outdial.postgres.store import PostgresStore
from outdial.postgres.upkeep import Retention, UpkeepQueries
from outdial.postgres.weights import load_weights
from outdial.providers.contract import Secrets
from outdial.providers.handing_on import HandingOn
from outdial.providers.http import HttpClient, HttpLimits
from outdial.providers.registry import OpenConnections
from outdial.rabbitmq.messages import decode
from outdial.rules.attempt_queues import QueueNames
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.rules.pool_weights import PoolWeights
from outdial.telemetry.metrics import Metrics
from outdial.telemetry.tasks import Background
from outdial.upkeep.high_water import HighWater
from outdial.upkeep.pool_figures import PoolGauges
from outdial.upkeep.ticks import Upkeep
from outdial.web.callbacks import CallbackServer

log = structlog.get_logger(__name__)
POOL_FIGURES_EVERY_S = 5.0
"""As long as weights and figures: nobody scrapes more often."""
HIGH_WATER_S = 1.0
"""How often the queues' waiting attempts are looked at: some thousands come in between, at most."""


class Publisher(EventPublisher, AttemptPublisher, Protocol):
    """Publishes what happened, and messages of producers a second time."""


class Transport(Protocol):
    """A broker, opened: where deliveries come from and events go to. `names`: of its queues."""

    names: QueueNames

    @property
    def inbox(self) -> Inbox:
        """The attempt queues."""

    @property
    def publisher(self) -> Publisher:
        """Both exchanges."""

    async def start(self, rows: CatalogueRows) -> None:
        """Declare, bind the tenants, begin to consume."""

    async def catalogue_changed(self, rows: CatalogueRows) -> None:
        """Bind new tenants."""

    async def stop_consuming(self) -> None:
        """No new deliveries; `Inbox.receive` returns empty."""

    async def close(self) -> None:
        """Close the connections."""

    def not_consumed(self) -> Sequence[str]:
        """Queues that should be consumed and cannot be just now."""

    def is_ready(self) -> bool:
        """Whether it can consume and publish just now."""


@dataclass(frozen=True, slots=True)
class AppOptions:
    """Everything a replica goes by; durations in seconds."""

    database_url: str = field(repr=False)
    public_url: str
    callbacks_host: str = "127.0.0.1"
    callbacks_port: int = 8080
    callbacks_body_bytes: int = 65_536
    pool: PoolOptions = field(default_factory=PoolOptions)
    http: HttpLimits = field(default_factory=HttpLimits)
    acquire_timeout_s: float = 3.0
    place_within_s: float = 5.0
    late_start_s: float = 0.04
    adopt_margin_s: float = 5.0
    hang_up_margin_s: float = 60.0
    ahead_s: float = 0.25
    intake_batch: int = 200
    turn_batch: int = 200
    reports_per_turn: int = 500
    sweep_batch: int = 500
    relay_batch: int = 100
    weights_s: float = 5.0
    drain_s: float = 25.0
    spam_threshold: float = 0.75
    high_water_mark: int = 100_000
    pauses: Pauses = field(default_factory=Pauses)
    retention: Retention = field(default_factory=Retention)


class App:
    """One replica. `start`, then `failed` or a signal, then `stop`."""

    def __init__(
        self,
        options: AppOptions,
        transport: Transport,
        secrets: Secrets,
        metrics: Metrics,
        carriers: Carriers | None = None,
    ) -> None:
        """`carriers`: others than the catalogue's, for measuring without HTTP."""
        self.options, self.transport, self.metrics = options, transport, metrics
        self._secrets, self._carriers = secrets, carriers
        self.clock = SystemClock()
        self.background = Background(metrics, self.clock)
        self._parts = AsyncExitStack()
        self.draining = False
        self.callbacks_port = options.callbacks_port

    async def start(self) -> None:
        """In order: database, catalogue, carriers, callbacks, broker, dispatching."""
        options = self.options
        self.pool = await connect(options.database_url, options.pool)
        self._parts.push_async_callback(self.pool.close)
        worker, epoch = uuid.uuid4(), await self._epoch()
        self.store = PostgresStore(self.pool, worker, epoch, acquire_timeout_s=options.acquire_timeout_s)
        self.pools = LivePools(
            self._load_catalogue, self._load_weights, self.clock, spam_threshold=options.spam_threshold
        )
        http = await self._parts.enter_async_context(HttpClient(options.http))
        self.connections = OpenConnections(http, self._secrets)
        self.pools.listeners.append(self._open_connections)
        self.upkeep_queries = UpkeepQueries(self.pool, worker, epoch, options.retention)
        desk = Desk(options.reports_per_turn, self.clock)
        upkeep = Upkeep(self.upkeep_queries, self.pools, self.clock, self.metrics, desk.wake)
        self.pools.listeners.append(upkeep.saw_catalogue)
        self.upkeep, self.high_water = upkeep, self._high_water()
        for _ in range(3):
            await upkeep.measure_clock()
        await self.upkeep_queries.make_months(self.clock.now())  # the rest of the house is kept beside the work
        await self.pools.reload()
        self.dispatcher = self._dispatcher(desk)
        await self._listen()
        await self.transport.start(self.pools.rows)
        upkeep.start(self.background, weights_s=options.weights_s)
        gauges = PoolGauges(self.store, self.upkeep_queries, self.pools, self.clock, self.metrics)
        self.background.every("pools", POOL_FIGURES_EVERY_S, gauges.look)
        self.background.every("high water", HIGH_WATER_S, self.high_water.look)
        self.dispatcher.start()
        log.info("daemon.started", worker=str(worker), epoch=epoch)

    async def stop(self) -> None:
        """Stop consuming, finish what is being placed, flush the outbox, close. Each part has its deadline."""
        self.draining = True
        await self._within(5.0, self.transport.stop_consuming)
        await self._within(self.options.drain_s + 5, lambda: self.dispatcher.drain(self.options.drain_s))
        await self.background.stop(within_s=5.0)
        await self._within(5.0, self.transport.close)
        await self._within(10.0, self._parts.aclose)
        log.info("daemon.stopped")

    async def is_database_ready(self) -> bool:
        """Whether the database answers."""
        try:
            await self.upkeep_queries.database_time()
        except Exception:  # whatever it is, it is not ready
            return False
        return True

    async def _within(self, seconds: float, part: Callable[[], Awaitable[object]]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await part()
        except Exception as error:  # the rest must be stopped all the same
            log.warning("daemon.stop_failed", error_type=type(error).__name__)

    async def _epoch(self) -> int:
        with translate_errors():
            return int(await self.pool.fetchval("select nextval('worker_epoch')"))

    async def _load_catalogue(self) -> CatalogueRows:
        with translate_errors():
            async with self.pool.acquire() as connection:
                return await catalogue_store.load_catalogue(connection)

    async def _load_weights(self, now: float) -> PoolWeights:
        with translate_errors():
            async with self.pool.acquire() as connection:
                return await load_weights(connection, now)

    def _open_connections(self, rows: CatalogueRows) -> None:
        problems = self.connections.replace(
            (row.connection, row.provider, row.settings) for row in rows.connections.values()
        )
        for name, problem in problems.items():
            log.error("connection.cannot_be_opened", connection_id=name, error_message=str(problem))
        self.metrics.know({name: row.provider for name, row in rows.connections.items()}, rows.campaigns)
        self._rebinding = asyncio.ensure_future(self.transport.catalogue_changed(rows))

    def queues_not_consumed(self) -> str | None:
        """Which queues this replica does not consume and why, in words; None = it consumes them all."""
        above, broken = self.high_water.above(), sorted(self.transport.not_consumed())
        parts = ("above the high-water mark: " + ", ".join(above)) if above else ""
        trouble = ("the broker does not let us: " + ", ".join(broken)) if broken else ""
        return "; ".join(part for part in (parts, trouble) if part) or None

    def _high_water(self) -> HighWater:
        return HighWater(
            self.transport.inbox,
            self.upkeep_queries,
            lambda: self.transport.names.assign(self.pools.rows.tenants),
            self.transport.not_consumed,
            self.metrics,
            self.options.high_water_mark,
        )

    def _dispatcher(self, desk: Desk) -> Dispatcher:
        options, clock, metrics = self.options, self.clock, self.metrics
        board = Board(self.pools, batch=options.turn_batch, ahead_s=options.ahead_s)
        adopt_after = options.place_within_s + options.http.total_s + options.adopt_margin_s
        setting = TurnSetting(
            store=self.store,
            pools=self.pools,
            board=board,
            clock=clock,
            metrics=metrics,
            margins=Margins(adopt_after, options.hang_up_margin_s),
            ahead_s=options.ahead_s,
            sweep_batch=options.sweep_batch,
            rng=Random(),
            new_id=uuid.uuid4,
        )
        relay = Relay(self.store, self.transport.publisher, clock, metrics, batch=options.relay_batch)
        return Dispatcher(
            setting,
            Intake(
                self.transport.inbox,
                decode,
                self.store,
                self.pools,
                board,
                desk,
                clock,
                metrics,
                options.intake_batch,
                relay.offer,
                options.spam_threshold,
            ),
            desk,
            Follower(self.store, desk, clock, metrics),
            relay,
            Recovery(self.store, self._carriers or self.connections, desk, clock, metrics),
            self._carriers or self.connections,
            self.background,
            PlacingLimits(options.place_within_s, options.late_start_s),
            options.public_url,
            options.pauses,
        )

    async def _listen(self) -> None:
        def count_handed_on(result: str) -> None:
            self.metrics.handed_on.labels(result=result).inc()

        handing_on = await self._parts.enter_async_context(HandingOn(count_handed_on))
        follower = self.dispatcher.follower
        server = CallbackServer(
            self.options.public_url,
            self.connections,
            follower,
            self.metrics.called_back,
            handing_on.offer,
            self.options.callbacks_body_bytes,
        )
        runner = web.AppRunner(server.application(), access_log=None)
        await runner.setup()
        self._parts.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, self.options.callbacks_host, self.options.callbacks_port).start()
