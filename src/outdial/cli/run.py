"""`outdial run`: the daemon. SIGTERM or SIGINT stops it in order; a second one stops it at once."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outdial.app import App, AppOptions
    from outdial.rabbitmq.transport import RabbitOptions
    from outdial.settings import Settings
    from outdial.web.health import Health
    from outdial.web.server import HttpServer

STOPPED, DIED = 0, 1


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Runs one replica of the dispatcher until SIGTERM. Any number of replicas may run side by side."
    )
    parser.add_argument("--migrate", action="store_true", help="bring the database's schema up to date first")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from outdial.cli.context import settings_of
    from outdial.telemetry.loop import run_fast

    return run_fast(_serve(settings_of(args), migrate_first=args.migrate))


async def _serve(settings: Settings, *, migrate_first: bool) -> int:
    from outdial.app import App
    from outdial.credentials import Credentials
    from outdial.postgres.migrate import migrate
    from outdial.rabbitmq.transport import open_transport
    from outdial.telemetry import logs, traces
    from outdial.telemetry.collector import collect_rarely
    from outdial.telemetry.heartbeat import BEAT_S, Heartbeat
    from outdial.telemetry.metrics import Metrics
    from outdial.web.health import Health
    from outdial.web.server import HttpServer

    logs.log_loop_errors(asyncio.get_running_loop())
    if migrate_first:
        await migrate(settings.database.url.get_secret_value())
    await _refuse_old_schema(settings)
    metrics = Metrics(settings.metrics.most_tenants, settings.metrics.most_campaigns)
    transport = await open_transport(rabbit_options(settings), metrics)
    app = App(app_options(settings), transport, Credentials(settings.secrets_dir), metrics)
    stop_tracing = traces.start() if settings.traces.enabled else lambda: None
    heartbeat = Heartbeat(app.clock, metrics)
    health = Health(
        metrics,
        heartbeat,
        loop_stall_s=settings.internal.loop_stall_s,
        check_timeout_s=settings.internal.check_timeout_s,
    )
    _add_checks(health, app)
    internal = HttpServer(health.application(), settings.internal.host, settings.internal.port, setting="internal.port")
    await internal.start()
    admin = _admin(settings, app)
    stop = asyncio.Event()
    _on_signals(stop)
    try:
        await app.start()
        if admin is not None:
            await admin.start()
        app.background.every("heart", BEAT_S, heartbeat.beat)
        health.started = True
        collect_rarely()
        return await _until(stop, app)
    finally:
        health.draining = True
        if admin is not None:
            await admin.stop()
        await app.stop()
        await internal.stop()
        stop_tracing()


async def _refuse_old_schema(settings: Settings) -> None:
    """Raises `Permanent` when migrations are missing. A newer schema is fine: releases work with that of the next one,
    or a roll-out could not go back."""
    from outdial.errors import Permanent
    from outdial.postgres.migrate import check_on
    from outdial.postgres.pool import PoolOptions, connect, translate_errors

    database = settings.database
    options = PoolOptions(
        min_size=0, max_size=1, connect_timeout_s=database.connect_timeout_s, pgbouncer=database.pgbouncer
    )
    with translate_errors():
        pool = await connect(database.url.get_secret_value(), options)
        try:
            async with pool.acquire(timeout=database.acquire_timeout_s) as connection:
                state = await check_on(connection)
        finally:
            await pool.close()
    if state.behind:
        raise Permanent(f"the database lacks migrations: {', '.join(state.pending)} (run outdial migrate)")


async def _until(stop: asyncio.Event, app: App) -> int:
    """Wait for the order to stop, or for the death of a part without which the replica is worse than none."""
    ordered = asyncio.create_task(stop.wait(), name="stop")
    death = asyncio.create_task(app.background.failed(), name="death")
    done, waiting = await asyncio.wait({ordered, death}, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return STOPPED if ordered in done else DIED


def _admin(settings: Settings, app: App) -> HttpServer | None:
    """The admin port, if it is wanted. Raises `BadConfiguration` when its tokens are not as they should be."""
    if not settings.admin.enabled:
        return None
    from outdial.admin.opening import AdminOptions, open_admin
    from outdial.credentials import Credentials
    from outdial.errors import BadConfiguration, BadInput

    admin = settings.admin
    options = AdminOptions(
        host=admin.host,
        port=admin.port,
        tokens=admin.tokens,
        requests_per_second=admin.requests_per_second,
        spam_threshold=settings.platform.spam_threshold,
    )
    credentials = Credentials(settings.secrets_dir)
    try:
        return open_admin(options, lambda: app.pool, lambda: app.transport.publisher, credentials)
    except BadInput as error:
        raise BadConfiguration(str(error)) from error


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def ordered() -> None:
        if stop.is_set():
            sys.exit(DIED)  # the second time: at once; what is under way is recovered by other replicas
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ordered)


def _add_checks(health: Health, app: App) -> None:
    async def database() -> str | None:
        return None if await app.is_database_ready() else "the database does not answer"

    async def broker() -> str | None:
        return None if app.transport.is_ready() else "a connection to the broker is down"

    health.add("database", database)
    health.add("broker", broker)
    health.add_note("queues_not_consumed", app.queues_not_consumed)


def app_options(settings: Settings) -> AppOptions:
    """The settings as the composition root wants them."""
    from outdial.app import AppOptions
    from outdial.dispatch.dispatcher import Pauses
    from outdial.postgres.pool import PoolOptions
    from outdial.postgres.upkeep import DAY_S, Retention
    from outdial.providers.http import HttpLimits

    database, dispatch = settings.database, settings.dispatch
    return AppOptions(
        database_url=database.url.get_secret_value(),
        public_url=settings.callbacks.public_url,
        callbacks_host=settings.callbacks.host,
        callbacks_port=settings.callbacks.port,
        callbacks_body_bytes=settings.callbacks.body_limit_bytes,
        pool=PoolOptions(
            min_size=database.pool_min_size,
            max_size=database.pool_max_size,
            connect_timeout_s=database.connect_timeout_s,
            command_timeout_s=database.command_timeout_s,
            pgbouncer=database.pgbouncer,
        ),
        http=HttpLimits(
            connect_s=dispatch.carrier_connect_timeout_s,
            total_s=dispatch.request_timeout_s,
            per_host=dispatch.requests_per_carrier,
        ),
        acquire_timeout_s=database.acquire_timeout_s,
        place_within_s=dispatch.place_within_s,
        late_start_s=dispatch.late_start_s,
        adopt_margin_s=dispatch.adoption_margin_s,
        hang_up_margin_s=dispatch.deadline_margin_s,
        ahead_s=dispatch.intent_ahead_ms / 1000,
        intake_batch=dispatch.intake_batch,
        turn_batch=dispatch.turn_batch,
        reports_per_turn=dispatch.reports_per_turn,
        sweep_batch=dispatch.sweep_batch,
        relay_batch=dispatch.relay_batch,
        weights_s=dispatch.weights_refresh_s,
        drain_s=dispatch.drain_s,
        high_water_mark=settings.rabbitmq.high_water_mark,
        spam_threshold=settings.platform.spam_threshold,
        retention=Retention(
            attempts_s=settings.retention.attempts_days * DAY_S,
            outcomes_s=settings.retention.outcomes_days * DAY_S,
            pictures_s=settings.retention.pictures_days * DAY_S,
            dead_letters_s=settings.retention.dead_letters_days * DAY_S,
            audit_log_s=settings.retention.audit_log_days * DAY_S,
        ),
        pauses=Pauses(
            poll_s=dispatch.poll_interval_s,
            sweep_s=dispatch.sweep_interval_s,
            recover_s=dispatch.recovery_interval_s,
            leftovers_s=dispatch.leftovers_interval_s,
        ),
    )


def rabbit_options(settings: Settings) -> RabbitOptions:
    """The broker's settings as its transport wants them."""
    from outdial.rabbitmq.transport import RabbitOptions

    rabbit = settings.rabbitmq
    return RabbitOptions(
        url=rabbit.url.get_secret_value(),
        prefix=rabbit.prefix,
        queues=rabbit.queues,
        prefetch=rabbit.prefetch,
        declare=rabbit.declare_topology,
        heartbeat_s=rabbit.heartbeat_s,
        reconnect_s=rabbit.reconnect_s,
        ready_within_s=rabbit.watchdog_s,
        publish_timeout_s=rabbit.publish_timeout_s,
        publish_at_once=rabbit.publish_concurrency,
    )
