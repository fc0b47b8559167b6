"""What keeps an attempt from being dialled at this moment, from what is stored with it and how the limits stand (SPEC 6).

What concerns a whole tenant, campaign or connection is never written into rows: it is worked out here when somebody
asks, so it is true at once, without a planning run, and costs the same for one waiting attempt as for a million.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit
from outdial.rules.circuit import CircuitState

RUNNABLE: Final = frozenset({Blocker.IN_LINE, Blocker.STICKY_NUMBER_BUSY, Blocker.TIER_BUSY})
"""Those that wait for room only: the other stored ones hold whatever the limits say."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The limits around one campaign's attempts. `connections`: those of its numbers that are in use."""

    tenant: Limit
    campaign: Limit
    connections: Collection[Limit]


@dataclass(frozen=True, slots=True)
class Derived:
    """`next_eligible_at`: Unix seconds, None = nobody can say."""

    blocker: Blocker
    next_eligible_at: float | None


def true_blocker(stored: Blocker, surroundings: Surroundings, now: float, ahead_s: float) -> Derived | None:
    """The blocker that holds instead of the stored one; None = the stored one holds, with its own time.

    `ahead_s`: how far ahead starts are committed, see `Limit.startable`.
    """
    if stored not in RUNNABLE:
        return None
    for limit, paused, full in (
        (surroundings.tenant, Blocker.TENANT_PAUSED, Blocker.TENANT_AT_CAPACITY),
        (surroundings.campaign, Blocker.CAMPAIGN_PAUSED, Blocker.CAMPAIGN_AT_CAPACITY),
    ):
        if limit.left() < 1:
            return Derived(paused if limit.paused else full, None)
    return _by_connections(surroundings.connections, now, ahead_s) if stored is Blocker.IN_LINE else None


def _by_connections(connections: Collection[Limit], now: float, ahead_s: float) -> Derived | None:
    """An attempt in line can use any of them, so it waits for the first."""
    if not connections or any(limit.startable(now, ahead_s) >= 1 for limit in connections):
        return None
    with_slots = [limit for limit in connections if limit.left() >= 1]
    held = [until for limit in with_slots if (until := _held_until(limit, now)) is not None]
    if len(held) < len(with_slots):
        paced = [limit.next_start_at for limit in with_slots if _held_until(limit, now) is None]
        return Derived(Blocker.PACING, min((at for at in paced if at is not None), default=None))
    return Derived(Blocker.CONNECTIONS_AT_CAPACITY, min(held, default=None))


def _held_until(limit: Limit, now: float) -> float | None:
    """Until when the carrier's own word or the circuit holds it; None = neither does. A probe has no known end: now."""
    until = [at for at in (limit.backoff_until, limit.circuit.open_until) if at is not None and now < at]
    if limit.circuit.state(now) is CircuitState.PROBING:
        until.append(now)
    return max(until, default=None)
