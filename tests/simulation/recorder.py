"""What is written down during a run: the trace, violations of the promises, and which interesting states were reached."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass, field

from tests.simulation.virtual_loop import PROCESS


@dataclass(slots=True)
class Recorder:
    """One run's book. `violations`: one sentence each, most with the moment."""

    trace: list[tuple[float, str, str]] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    reached: Counter[str] = field(default_factory=Counter)

    def note(self, what: str) -> None:
        """A line of the trace."""
        process = PROCESS.get()
        self.trace.append((self.now(), process.name if process else "world", what))

    def reach(self, state: str) -> None:
        """An interesting state was reached."""
        self.reached[state] += 1
        self.note(f"reached: {state}")

    def violate(self, what: str) -> None:
        """A promise was broken."""
        self.violations.append(f"at {self.now():.3f} s: {what}")
        self.note(f"VIOLATION {what}")

    def fingerprint(self) -> str:
        """The same for the same run."""
        return hashlib.blake2s(repr(self.trace).encode(), digest_size=8).hexdigest()

    @staticmethod
    def now() -> float:
        """Seconds since the beginning of the run."""
        return asyncio.get_running_loop().time()
