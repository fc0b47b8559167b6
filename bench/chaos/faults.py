"""How each fault is made to happen, and healed. A fault is over when its function returns."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random

import asyncpg
from tests.support.crew import Crew, Worker
from tests.support.daemon import LIMIT
from tests.support.proxy import Proxy

from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded.postgres import LocalPostgres
from outdial.embedded.rabbitmq import LocalRabbit

ZOMBIE_S = 2.5
"""Longer than workers here may take to place an intent (1 s): what it would still send must be given back."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that can be broken."""

    crew: Crew
    broker: LocalRabbit
    server: LocalPostgres
    rng: Random

    def a_worker(self) -> Worker | None:
        """One that runs, whichever."""
        alive = [worker for worker in self.crew.alive if worker.is_ready and not worker.told_to_stop]
        return self.rng.choice(alive) if alive else None


Fault = Callable[[Stage, float], Awaitable[None]]


async def _kill(stage: Stage, _: float) -> None:
    if (worker := stage.a_worker()) is not None:
        await worker.end(signal.SIGKILL)


async def _stop_and_continue(stage: Stage, _: float) -> None:
    if (worker := stage.a_worker()) is not None:
        worker.send(signal.SIGSTOP)
        await asyncio.sleep(ZOMBIE_S)
        worker.send(signal.SIGCONT)


async def _end_in_order(stage: Stage, _: float) -> None:
    if (worker := stage.a_worker()) is not None:
        await worker.end(signal.SIGTERM)


async def _hang_and_kill(stage: Stage, seconds: float) -> None:
    """What a worker has in hand and has not stored is nobody's if it was acked."""
    stage.crew.to_database.freeze()
    await stage.crew.publish(4)
    await asyncio.sleep(seconds)
    await _kill(stage, seconds)
    stage.crew.to_database.heal()


async def _end_backends(stage: Stage, _: float) -> None:
    await stage.crew.pool.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )


async def _kill_database(stage: Stage, _: float) -> None:
    await asyncio.to_thread(stage.server.kill)
    await asyncio.to_thread(stage.server.start)


async def _kill_broker(stage: Stage, _: float) -> None:
    await asyncio.to_thread(stage.broker.kill)
    await asyncio.to_thread(stage.broker.start)


async def _alarm(stage: Stage, seconds: float) -> None:
    await asyncio.to_thread(stage.broker.control, "set_vm_memory_high_watermark", "0.00001")
    await asyncio.sleep(seconds)
    await asyncio.to_thread(stage.broker.control, "set_vm_memory_high_watermark", "0.4")


async def _lower_the_limit(stage: Stage, seconds: float) -> None:
    """Below what is in use: no call under way is harmed, none is begun. The carrier's promise stays the higher one."""
    for limit in (1, LIMIT):
        await apply(stage.crew.pool, read_catalogue(f"[connections.line]\nmax_calls = {limit}\n", "chaos"), who="chaos")
        await asyncio.sleep(seconds)


def _frozen(way: Callable[[Stage], Proxy]) -> Fault:
    async def freeze(stage: Stage, seconds: float) -> None:
        way(stage).freeze()
        await asyncio.sleep(seconds)
        way(stage).heal()

    return freeze


def _half_open(way: Callable[[Stage], Proxy]) -> Fault:
    async def swallow(stage: Stage, seconds: float) -> None:
        way(stage).half_open = True
        await asyncio.sleep(seconds)
        way(stage).heal()

    return swallow


def _cut(way: Callable[[Stage], Proxy]) -> Fault:
    async def cut(stage: Stage, seconds: float) -> None:
        way(stage).cut(refuse=True)
        await asyncio.sleep(seconds / 2)
        way(stage).heal()

    return cut


async def _cut_commit_replies(stage: Stage, seconds: float) -> None:
    stage.crew.to_database.cut_replies(b"COMMIT", times=3)
    await asyncio.sleep(seconds)
    stage.crew.to_database.heal()


async def _cut_after_bytes(stage: Stage, seconds: float) -> None:
    stage.crew.to_broker.cut_after(stage.rng.randint(1, 2_000))
    await asyncio.sleep(seconds)
    stage.crew.to_broker.heal()


async def _slow(stage: Stage, seconds: float) -> None:
    stage.crew.to_database.delay_s = 0.1
    await asyncio.sleep(seconds)
    stage.crew.to_database.heal()


HOW: Mapping[str, Fault] = {
    "worker_killed": _kill,
    "worker_stopped": _stop_and_continue,
    "worker_ended_in_order": _end_in_order,
    "database_hangs_worker_killed": _hang_and_kill,
    "database_backends_ended": _end_backends,
    "database_lines_cut": _cut(lambda stage: stage.crew.to_database),
    "database_commit_reply_cut": _cut_commit_replies,
    "database_half_open": _half_open(lambda stage: stage.crew.to_database),
    "database_slow": _slow,
    "database_killed": _kill_database,
    "broker_lines_cut": _cut(lambda stage: stage.crew.to_broker),
    "broker_frozen": _frozen(lambda stage: stage.crew.to_broker),
    "broker_half_open": _half_open(lambda stage: stage.crew.to_broker),
    "broker_cut_after_bytes": _cut_after_bytes,
    "broker_killed": _kill_broker,
    "broker_memory_alarm": _alarm,
    "carrier_lines_cut": _cut(lambda stage: stage.crew.to_carrier),
    "carrier_half_open": _half_open(lambda stage: stage.crew.to_carrier),
    "carrier_frozen": _frozen(lambda stage: stage.crew.to_carrier),
    "limit_lowered": _lower_the_limit,
}
"""Fault -> how; each takes the stage and how long the fault lasts, in seconds."""


async def until_it_answers(pool: asyncpg.Pool) -> None:
    """Wait for the database; the dead connections of our own pool are given up."""
    await pool.expire_connections()
    async with asyncio.timeout(60):
        while True:
            try:
                await pool.fetchval("select 1")
            except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
                await asyncio.sleep(0.05)
                continue
            return
