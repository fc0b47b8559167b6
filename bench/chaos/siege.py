"""One run after the other on a standing crew: workers die and are replaced, everything else breaks and is healed.

After each run, once all is healed and over, the judge looks at everything that ever happened. A broken promise ends the
siege: what follows would be judged by what it left.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import aiohttp
import structlog
from bench.chaos.faults import HOW, Stage, until_it_answers
from bench.chaos.plan import Plan
from tests.support.crew import Crew, Worker, crew
from tests.support.services import UNPACKED, Databases

from outdial.embedded.install import ensure_postgres, ensure_rabbitmq
from outdial.embedded.postgres import LocalPostgres

log = structlog.get_logger(__name__)
STALL_S = 0.6
"""When nothing moves for so long the next fault comes all the same."""
OVER_WITHIN_S = 90.0
"""Every attempt ends within this time once all is healed, minutes of settle time passing at once."""
STATES = """
select 'state_' || state from calls union select 'blocker_' || blocker from waiting
union select 'circuit_open' from limits where open_until is not null
union select 'circuit_probing' from limits where probe is not null
"""
COUNTED = {
    "outdial_ack_failures_total": "ack_on_a_dead_channel",
    "outdial_redeliveries_total": "redelivered",
    "outdial_events_unconfirmed_total": "publish_without_confirm",
    "outdial_corrections_total": "outcome_corrected",
    'outdial_create_requests_total{result="not_sent"': "late_start_given_back",
    'outdial_create_requests_total{result="ambiguous"': "create_ambiguous",
    'outdial_callbacks_total{result="forged"': "callback_forged",
    'outdial_attempts_received_total{result="known"': "known_attempt_absorbed",
}
"""Metrics of the workers that tell of interesting states."""


@dataclass(slots=True)
class RunReport:
    """What one run was and what came of it."""

    plan: Plan
    reached: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0


@asynccontextmanager
async def stage_for(seed: int, command: Sequence[str] | None = None) -> AsyncIterator[Stage]:
    """A durable database server, a broker and a crew of their own. `command`: how workers are started."""
    with LocalPostgres(ensure_postgres(UNPACKED)) as server, ensure_rabbitmq(UNPACKED) as broker:
        url = await Databases(server.url).fresh()
        async with crew(url, broker.url, "chaos") as one:
            if command is not None:
                one.command = command
            yield Stage(one, broker, server, Random(f"chaos/stage/{seed}"))


async def live_through(stage: Stage, plan: Plan) -> RunReport:
    """One run: trouble, healing, the end of every attempt, the verdict."""
    report, began, one = RunReport(plan), time.monotonic(), stage.crew
    watching = asyncio.create_task(_watch(one, report.reached))
    newcomer: Worker | None = None
    try:
        newcomer = await _trouble(stage, plan, report)
        await _heal(stage)
        try:
            await one.ended(one.published, OVER_WITHIN_S)
        except TimeoutError:
            report.violations.append(f"not everything ended within {OVER_WITHIN_S:.0f} s of the last fault")
        await _count(one, report)
        if newcomer is not None and newcomer.runs:
            if not newcomer.told_to_stop:
                newcomer.send(signal.SIGTERM)
            await newcomer.ended()
    except Exception as error:  # a siege that fails proves nothing; the next run begins with everything new
        log.exception("chaos.run_failed", seed=plan.seed)
        report.violations.append(f"the run itself failed: {type(error).__name__}: {error}")
        return report
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    report.violations += _strange_deaths(one)
    report.violations += await one.judged_as_it_stands()
    if newcomer is not None and newcomer.died_at:
        report.reached[f"died_{newcomer.died_at}"] += 1
    report.seconds = time.monotonic() - began
    return report


async def _trouble(stage: Stage, plan: Plan, report: RunReport) -> Worker | None:
    one = stage.crew
    before = one.carrier.tally()["accepted"]
    missing = (1 if plan.crash_at else 2) - len([worker for worker in one.alive if not worker.armed])
    starting = asyncio.gather(*(one.start() for _ in range(missing)))
    for name, fault in plan.troubles:
        one.carrier.faults.add(fault)
        report.reached[name] += 1
    publishing = asyncio.create_task(_publish(one, plan.jobs // 2))
    newcomer = await _start(one, plan.crash_at) if plan.crash_at else None
    await starting
    await publishing
    publishing = asyncio.create_task(_publish(one, plan.jobs - plan.jobs // 2))
    for happening in plan.happenings:
        await _until_calls(one, before + happening.after_calls)
        await HOW[happening.name](stage, happening.length_s)
        await until_it_answers(one.pool)
        report.reached[happening.name] += 1
    if newcomer is not None and newcomer.runs and plan.crash_at.startswith("in_shutdown"):
        await _until_calls(one, before + plan.jobs // 2)
        newcomer.send(signal.SIGTERM)
    await publishing
    await _until_calls(one, before + plan.jobs * 3 // 4)
    if newcomer is not None and newcomer.runs and not newcomer.told_to_stop:
        await newcomer.end(signal.SIGKILL)  # it did not pass its crash point: no run without a death
        report.reached["newcomer_killed"] += 1
    return newcomer


async def _start(one: Crew, crash_at: str) -> Worker | None:
    """A newcomer with a crash point armed may die before it is ready."""
    with contextlib.suppress(AssertionError):
        return await one.start(crash_at)
    return one.workers[-1]


async def _publish(one: Crew, count: int) -> None:
    """Most to contacts of their own, three to one and the same."""
    await one.publish(count - 3)
    await one.publish(3, to=f"+1415{2_000_000 + len(one.published)}")


async def _until_calls(one: Crew, count: int) -> None:
    """Until the carrier took so many calls, or nothing moves any more."""
    seen, since = -1, time.monotonic()
    while (now := one.carrier.tally()["accepted"]) < count and time.monotonic() - since < STALL_S:
        if now != seen:
            seen, since = now, time.monotonic()
        await asyncio.sleep(0.02)


async def _heal(stage: Stage) -> None:
    one = stage.crew
    for way in (one.to_database, one.to_broker, one.to_carrier):
        way.heal()
    one.carrier.faults.clear()
    await until_it_answers(one.pool)
    if not any(worker.is_ready and not worker.armed and not worker.told_to_stop for worker in one.alive):
        await one.start()


async def _watch(one: Crew, reached: Counter[str]) -> None:
    """Note the interesting states that the database shows on the way."""
    while True:
        with contextlib.suppress(Exception):
            for row in await one.pool.fetch(STATES):
                reached[row[0]] = 1
        await asyncio.sleep(0.1)


async def _count(one: Crew, report: RunReport) -> None:
    """What the workers themselves counted: interesting states, and what must never happen."""
    async with aiohttp.ClientSession() as session:
        for worker in one.alive:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{worker.internal_port}/metrics") as answer:
                    _read_metrics(await answer.text(), report)
    for row in await one.pool.fetch("select distinct outcome from outcomes"):
        report.reached[f"ended_{row['outcome']}"] = 1


def _read_metrics(text: str, report: RunReport) -> None:
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if line.startswith("#") or float(value) == 0.0:
            continue
        if name.startswith("outdial_invariant_violations_total"):
            report.violations.append(f"a worker counted {name}")
        for counter, state in COUNTED.items():
            labels = counter.partition("{")[2]
            if name.startswith(counter.partition("{")[0]) and labels in name:
                report.reached[state] = 1


def _strange_deaths(one: Crew) -> list[str]:
    """Workers end in order, by SIGKILL of ours, or at their crash point: anything else is a bug."""
    codes = Counter(worker.code for worker in one.workers if not worker.runs)
    return [f"{count} workers ended with code {code}" for code, count in codes.items() if code not in (0, -9)]
