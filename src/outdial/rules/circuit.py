"""The circuit of a connection (SPEC 7): stops dialling through a carrier that fails, and probes it with one call.

It opens after 5 failures in a row, or when at least half of at least 20 requests within a minute failed, or at once
when the account is blocked. A 429 never counts. When its time is over one probe is let through, over all replicas.

The minute slides on in parts of 10 s: the part that is under way and the five before it. What opens the circuit did
happen within 60 s, and nothing of the last 50 s is overlooked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

FAILURES_IN_A_ROW = 5
WINDOW_S = 60.0
PART_S = 10.0
WINDOW_REQUESTS = 20
WINDOW_FAILED_SHARE = 0.5
OPEN_S = 30.0
"""How long it stays open before a probe; short, because the probe is one call only."""


class CircuitState(StrEnum):
    """What the circuit lets through: everything, nothing, one probe, or nothing until the probe is back."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    PROBING = "probing"


class RequestResult(StrEnum):
    """What a create request says about its connection."""

    WORKED = "worked"
    FAILED = "failed"
    BLOCKED = "blocked"
    NEUTRAL = "neutral"
    """429, given back before anything was sent, refusals that concern a number or a contact."""
    SEEN = "seen"
    """The carrier knows the call: its answer to the request may have been lost with a worker. Only a probe counts."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """As stored in the connection's limits row. Times in Unix seconds; `probe` is the placement that probes.

    `recent`: the parts of the minute that had requests, oldest first, each as `number:requests:failures`; the number
    counts parts since 1970. A text, since it is stored as it stands and most turns do not look into it.
    """

    failures: int = 0
    recent: str = ""
    open_until: float | None = None
    probe: str | None = None

    def state(self, now: float) -> CircuitState:
        """What may start now."""
        if self.open_until is None:
            return CircuitState.CLOSED
        if now < self.open_until:
            return CircuitState.OPEN
        return CircuitState.HALF_OPEN if self.probe is None else CircuitState.PROBING

    def starting(self, placement: str, now: float) -> Circuit:
        """A call starts through it; in the half-open state that call is the probe."""
        return replace(self, probe=placement) if self.state(now) is CircuitState.HALF_OPEN else self

    def after(self, result: RequestResult, placement: str, now: float) -> Circuit:
        """The circuit once the result of that placement's create request is known."""
        if result is RequestResult.NEUTRAL:
            return replace(self, probe=None) if self.probe == placement else self
        if result is RequestResult.SEEN:
            return Circuit() if self.probe == placement else self
        if result is RequestResult.BLOCKED:
            return self._opened(now)
        counted, is_too_much = self._count(result, now)
        if self.probe == placement:
            return Circuit() if result is RequestResult.WORKED else counted._opened(now)
        return counted._opened(now) if is_too_much and self.open_until is None else counted

    def _count(self, result: RequestResult, now: float) -> tuple[Circuit, bool]:
        """With this request; and whether that opens it."""
        failed = int(result is RequestResult.FAILED)
        parts = [(int(part), int(r), int(f)) for part, r, f in (one.split(":") for one in self.recent.split())]
        this = int(now // PART_S)
        if parts and parts[-1][0] >= this:  # or ahead of ours: by another replica's clock
            this, requests, failures = parts.pop()
            parts.append((this, requests + 1, failures + failed))
        else:
            parts.append((this, 1, failed))
        parts = [part for part in parts if part[0] > this - WINDOW_S / PART_S]
        in_a_row = self.failures + 1 if failed else 0
        counted = replace(self, failures=in_a_row, recent=" ".join(f"{part}:{r}:{f}" for part, r, f in parts))
        requests, failures = sum(r for _, r, _ in parts), sum(f for _, _, f in parts)
        half_of_enough = requests >= WINDOW_REQUESTS and failures >= WINDOW_FAILED_SHARE * requests
        return counted, half_of_enough or in_a_row >= FAILURES_IN_A_ROW

    def _opened(self, now: float) -> Circuit:
        return Circuit(open_until=now + OPEN_S)
