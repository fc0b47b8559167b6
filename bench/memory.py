"""Resident size of a replica as a process: idle, after full load, and with very many waiting; and how soon it is ready."""

from __future__ import annotations

from bench.backlog import finished, waiting
from bench.daemons import daemons
from bench.ground import Ground
from bench.world import World


async def memory(ground: Ground, attempts: int, backlog: int) -> dict[str, float]:
    """MiB, and seconds to ready."""
    world = World()
    async with daemons(ground, world, 1) as idle:
        figures = {"to_ready_s": idle.to_ready_s, "idle_mib": idle.resident_mib()}
        await idle.through(range(attempts))
        figures["full_load_mib"] = idle.resident_mib("VmHWM")
    async with daemons(ground, world, 1, [*finished(world, backlog), *waiting(world, backlog)]) as busy:
        await busy.through(range(backlog, backlog + attempts // 4))
        figures["backlog_mib"] = busy.resident_mib("VmHWM")
    return figures
