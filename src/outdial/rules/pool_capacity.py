"""How many calls a campaign could have at once, how many of them could start now, and what binds (SPEC 6).

Worked out from limits alone, so a pool that is not saved yet can be previewed by the same rule. What other campaigns
of the tenant, or of the connections, take meanwhile is seen in `in_use` only; nobody can know it beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isinf

from outdial.rules.capacity import Limit
from outdial.rules.circuit import CircuitState
from outdial.rules.ids import ConnectionId


class ConnectionState(StrEnum):
    """Whether calls may start through a connection, its pace aside; the first that holds."""

    PAUSED = "paused"
    CIRCUIT_OPEN = "circuit_open"
    BACKOFF = "backoff"
    FULL = "full"
    OPEN = "open"


class Binding(StrEnum):
    """What sets a bound."""

    CONNECTIONS = "connections"
    TENANT = "tenant"
    CAMPAIGN = "campaign"


_BINDINGS = tuple(Binding)


@dataclass(frozen=True, slots=True)
class Room:
    """Slots of one limit. `limit`, `left` None = no limit of its own; a paused one has none left."""

    limit: int | None
    in_use: int
    left: int | None
    paused: bool


@dataclass(frozen=True, slots=True)
class ConnectionRoom:
    """Slots of one connection. `numbers`: eligible members that call through it; `until`: Unix seconds, of its state."""

    connection: ConnectionId
    numbers: int
    room: Room
    state: ConnectionState
    until: float | None
    calls_per_second: float | None


@dataclass(frozen=True, slots=True)
class PoolCapacity:
    """The breakdown. Calls at once; None = unbounded.

    `raw`: over the distinct connections of the eligible members; `ceiling`: the smallest of raw, tenant and campaign,
    set by `binds` (several if equal); `usable`: the same without what is paused or down; `free_now`: slots free now,
    bounded by `binds_now`; `calls_per_second`: what the usable connections may start, None = unpaced.
    """

    connections: tuple[ConnectionRoom, ...]
    tenant: Room
    campaign: Room
    raw: int | None
    ceiling: int | None
    binds: tuple[Binding, ...]
    usable: int | None
    free_now: int | None
    binds_now: tuple[Binding, ...]
    calls_per_second: float | None


def pool_capacity(
    tenant: Limit,
    campaign: Limit,
    connections: Mapping[ConnectionId, Limit],
    numbers: Mapping[ConnectionId, int],
    now: float,
) -> PoolCapacity:
    """`numbers`: eligible members by connection; connections without any add nothing. `now` in Unix seconds."""
    used = {name: limit for name, limit in connections.items() if numbers.get(name, 0) > 0}
    lines = tuple(connection_room(name, limit, numbers[name], now) for name, limit in sorted(used.items()))
    works = [used[one.connection] for one in lines if one.state in (ConnectionState.OPEN, ConnectionState.FULL)]
    scopes = (tenant, campaign)
    ceiling, binds = _smallest(sum(map(_size, used.values())), *map(_size, scopes))
    usable, _ = _smallest(sum(map(_size, works)), *(0 if limit.paused else _size(limit) for limit in scopes))
    left = sum(inf if one.room.left is None else one.room.left for one in lines)
    free, binds_now = _smallest(left, *(limit.left() for limit in scopes))
    return PoolCapacity(
        connections=lines,
        tenant=room_of(tenant),
        campaign=room_of(campaign),
        raw=_whole(sum(map(_size, used.values()))),
        ceiling=ceiling,
        binds=binds,
        usable=usable,
        free_now=free,
        binds_now=binds_now,
        calls_per_second=_pace(works),
    )


def connection_room(name: ConnectionId, limit: Limit, numbers: int, now: float) -> ConnectionRoom:
    """One connection's slots, and whether calls may start through it."""
    state, until = _state(limit, now)
    return ConnectionRoom(name, numbers, _room(limit, _free(limit, state, now)), state, until, limit.calls_per_second)


def room_of(limit: Limit) -> Room:
    """The slots of a tenant or a campaign."""
    return _room(limit, limit.left())


def starts_per_second(capacity: PoolCapacity, held_s: float | None) -> float | None:
    """Calls that can begin per second for long: paced, and bounded by the slots, each held for `held_s` seconds on
    average (None = not known yet). None = nothing known bounds it."""
    by_slots = inf if capacity.usable is None else _per_second(capacity.usable, held_s)
    by_pace = inf if capacity.calls_per_second is None else capacity.calls_per_second
    rate = min(by_slots, by_pace)
    return None if isinf(rate) else rate


def drain_s(backlog: int, rate: float | None) -> float | None:
    """Seconds until so many have begun at this rate; None = never, or nobody can say."""
    if backlog == 0:
        return 0.0
    return backlog / rate if rate else None


def _per_second(slots: int, held_s: float | None) -> float:
    if slots == 0:
        return 0.0
    return slots / held_s if held_s else inf


def _size(limit: Limit) -> float:
    return inf if limit.max_calls is None else limit.max_calls


def _free(limit: Limit, state: ConnectionState, now: float) -> float:
    if state is not ConnectionState.OPEN:
        return 0
    return min(1, limit.left()) if limit.circuit.state(now) is CircuitState.HALF_OPEN else limit.left()


def _state(limit: Limit, now: float) -> tuple[ConnectionState, float | None]:
    circuit = limit.circuit.state(now)
    if limit.paused:
        return ConnectionState.PAUSED, None
    if circuit is CircuitState.OPEN:
        return ConnectionState.CIRCUIT_OPEN, limit.circuit.open_until
    if circuit is CircuitState.PROBING:
        return ConnectionState.CIRCUIT_OPEN, None
    if limit.backoff_until is not None and now < limit.backoff_until:
        return ConnectionState.BACKOFF, limit.backoff_until
    return (ConnectionState.FULL if limit.left() < 1 else ConnectionState.OPEN), None


def _room(limit: Limit, left: float) -> Room:
    return Room(limit.max_calls, limit.in_use, _whole(left), limit.paused)


def _smallest(connections: float, tenant: float, campaign: float) -> tuple[int | None, tuple[Binding, ...]]:
    bounds = (connections, tenant, campaign)
    smallest = min(bounds)
    binds = (
        ()
        if isinf(smallest)
        else tuple(name for name, bound in zip(_BINDINGS, bounds, strict=True) if bound == smallest)
    )
    return _whole(smallest), binds


def _pace(limits: list[Limit]) -> float | None:
    if any(limit.calls_per_second is None for limit in limits):
        return None
    return sum(limit.calls_per_second or 0.0 for limit in limits)


def _whole(value: float) -> int | None:
    return None if isinf(value) else int(value)
