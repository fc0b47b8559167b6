"""What processes used and lacked, as Linux counts it: seconds on a CPU, and seconds ready to run without getting one.

A replica that waits for a CPU leaves slots empty as surely as a slow one; only these two figures tell them apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Use:
    """Seconds, summed. `busy`, `idle`: of the whole machine, whoever it was."""

    ran: float
    waited: float
    busy: float
    idle: float

    def since(self, before: Use) -> Use:
        """What came since."""
        return Use(self.ran - before.ran, self.waited - before.waited, self.busy - before.busy, self.idle - before.idle)

    @property
    def machine_busy(self) -> float:
        """Share of all cores that was in use, by anybody."""
        return self.busy / max(self.busy + self.idle, 1e-9)


def use_of(processes: Iterable[int]) -> Use:
    """The sums of these processes until now, their main threads' (where the event loop runs)."""
    ran = waited = 0.0
    for process in processes:
        on_cpu, ready, _ = Path(f"/proc/{process}/schedstat").read_text(encoding="ascii").split()
        ran += int(on_cpu) / 1e9
        waited += int(ready) / 1e9
    ticks = [int(part) for part in Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return Use(ran, waited, (sum(ticks) - idle) / _TICKS, idle / _TICKS)


def peak_mib(process: int) -> float:
    """The most that was ever resident of it."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
