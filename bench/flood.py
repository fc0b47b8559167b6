"""One tenant floods: how long do others wait for the start of a single attempt, in another queue and in the same one?

The flood lies in the broker before the replica starts, more than its high-water mark lets in. In another queue a single
attempt counts from its publish; in the flooded one, where it lies behind the first part of the flood, from its intake.
Starts are the carrier's; all slots are in use by the flood all the while.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass

from bench import events
from bench.ground import Ground
from bench.processes import peak_mib
from tests.support.broker_records import BrokerRecords
from tests.support.crowd import TENANTS, Crowd
from tests.support.daemon import pause
from tests.support.fleet import Fleet
from tests.support.fleet import fleet as started

from outdial.rules.ids import TenantId

FLOODING = 0
SINGLES = 5
"""Single attempts of each kind, one after the other; the slowest is told."""
LOOKS_AFTER_THE_MARK = 100
"""How long the waiting room is watched once it is full: some looks of the replica, one a second."""
IS_DIALLED = "select count(*) from outcomes where attempt_id = any ($1::uuid[]) and placement is not null"
WAITING = "select count(*) from waiting where tenant = any ($1)"
TAKEN_IN = "select attempt_id::text, received_at from attempts where attempt_id = any ($1::uuid[])"


@dataclass(frozen=True, slots=True)
class Deluge:
    """How many attempts, and how many of them may wait in the database."""

    attempts: int = 100_000
    mark: int = 20_000


QUICK = Deluge(12_000, 3_000)


async def flood(ground: Ground, deluge: Deluge, limits: tuple[int, ...]) -> dict[str, float]:
    """Milliseconds to the start, what the replica's memory grew to, and where the flood is kept."""
    url, prefix = await ground.databases.fresh(), f"b{uuid.uuid4().hex[:8]}"
    crowd = Crowd(limits=list(limits))
    try:
        async with started(url, ground.amqp_url, prefix, crowd, replicas=0, high_water_mark=deluge.mark) as one:
            await events.lay_out(one.broker, TENANTS)
            try:
                return await _flooded(one, deluge)
            finally:
                await one.end()
                await events.remove(one.broker)
    finally:
        await ground.databases.drop(url)


async def _flooded(one: Fleet, deluge: Deluge) -> dict[str, float]:
    beside, behind = _neighbours(one)
    first = deluge.mark // 2
    await one.publish([(FLOODING, "c0-0")] * first)
    within = await one.publish([(behind, f"c{behind}-0")] * SINGLES)
    await one.publish([(FLOODING, "c0-0")] * (deluge.attempts - first))
    watching = asyncio.create_task(_most_waiting(one, deluge))
    await one.start(1)
    await _until_full(one)
    from_publish = []
    for _ in range(SINGLES):
        begun = time.time()
        (attempt,) = await one.publish([(beside, f"c{beside}-0")])
        await _dialled(one, [attempt])
        from_publish.append((attempt, begun))
    await _dialled(one, within)
    most = await watching
    left = sum((await BrokerRecords(one.broker.url, one.broker.names).left()).values())
    memory = peak_mib(one.replicas[0].process_id)
    started_at = {call.attempt: call.accepted_at for call in await one.carrier.calls()}
    taken_in = {row["attempt_id"]: row["received_at"] for row in await one.pool.fetch(TAKEN_IN, within)}
    tally = await one.carrier.ask("tally")
    return {
        "violations": float(sum(tally["violation_counts"].values())),
        "other_queue_ms": 1000 * max(started_at[attempt] - begun for attempt, begun in from_publish),
        "same_queue_ms": 1000 * max(started_at[attempt] - at for attempt, at in taken_in.items()),
        "waiting_most": float(most),
        "left_at_the_broker": float(left),
        "replica_mib": memory,
    }


def _neighbours(one: Fleet) -> tuple[int, int]:
    """A tenant whose queue is not that of the flood, and one whose queue is."""
    names = one.broker.names
    flooded = names.of(TenantId(f"t{FLOODING}"))
    others = range(1, TENANTS - 2)  # the last ones have limits of their own
    beside = next(n for n in others if names.of(TenantId(f"t{n}")) != flooded)
    return beside, next(n for n in others if names.of(TenantId(f"t{n}")) == flooded)


async def _until_full(one: Fleet) -> None:
    """Wait until the flood has all slots."""
    ceiling = sum(one.crowd.ceiling(line) for line in range(len(one.crowd.limits)))
    async with asyncio.timeout(120):
        while (await one.carrier.ask("tally"))["accepted"] < ceiling:
            await pause()


async def _dialled(one: Fleet, attempts: list[str]) -> None:
    async with asyncio.timeout(300):
        while await one.pool.fetchval(IS_DIALLED, attempts) < len(attempts):
            await pause()


async def _most_waiting(one: Fleet, deluge: Deluge) -> int:
    """Wait until the mark is reached, and see how far above it the flood gets."""
    most = looks = 0
    flooded = one.broker.names.of(TenantId(f"t{FLOODING}"))
    tenants = [f"t{n}" for n in range(TENANTS) if one.broker.names.of(TenantId(f"t{n}")) == flooded]
    async with asyncio.timeout(300):
        while looks < LOOKS_AFTER_THE_MARK:
            most = max(most, await one.pool.fetchval(WAITING, tenants))
            looks += most >= deluge.mark
            await pause()
    return most
