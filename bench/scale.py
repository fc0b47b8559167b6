"""Does the cost per attempt stay as it grows? Throughput with history, backlog, tenants, pools and replicas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.backlog import finished, waiting
from bench.daemons import daemons
from bench.ground import Ground
from bench.throughput import throughput
from bench.world import World

HISTORY, BACKLOG = (0, 100_000, 1_000_000, 5_000_000), (0, 10_000, 1_000_000)
TENANTS, POOLS, REPLICAS = (1, 100, 1_000), (2, 20, 200, 1_000), (1, 2, 3)


async def scale(ground: Ground, attempts: int, largest: int) -> dict[str, float]:
    """`history_1000000.per_s` and so on, and the ratio of each to the smallest of its kind. `largest`: of the history;
    a fifth of it bounds the backlog."""
    figures: dict[str, float] = {}
    world = World()

    async def step(kind: str, value: int, of: World, prepare: Sequence[str] = ()) -> None:
        _compare(figures, kind, value, (await throughput(ground, of, attempts, prepare=prepare))["per_s"])

    for count in (count for count in HISTORY if count <= largest):
        await step("history", count, world, finished(world, count))
    for count in (count for count in BACKLOG if count <= largest // 5):
        await step("waiting", count, world, waiting(world, count))
    for tenants in TENANTS:
        await step("tenants", tenants, replace(world, tenants=tenants))
    for pool in POOLS:
        await step("pool", pool, replace(world, pool=pool, lines=min(pool, world.lines)))
    for replicas in REPLICAS:
        async with daemons(ground, world, replicas) as running:
            await running.through(range(attempts, attempts + 200))
            _compare(figures, "replicas", replicas, await running.through(range(attempts)))
    return figures


def _compare(figures: dict[str, float], kind: str, value: int, per_s: float) -> None:
    smallest = next((figures[name] for name in figures if name.startswith(f"{kind}_")), per_s)
    figures[f"{kind}_{value}.per_s"] = per_s
    figures[f"{kind}_{value}.ratio"] = per_s / smallest
