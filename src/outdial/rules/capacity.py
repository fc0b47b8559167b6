"""Slots: the right to have one call under way on a connection, a tenant and a campaign, all or none (SPEC 6).

`Ledger` is the working copy of the locked limits rows within one turn: calls that ended give their slots back,
picks take them, and `changes()` is what the statement writes. It decides nothing by itself but room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from outdial.rules.circuit import Circuit, CircuitState, RequestResult
from outdial.rules.ids import CampaignId, ConnectionId, TenantId
from outdial.rules.pacing import next_start, starts_within


class LimitKind(StrEnum):
    """What has a limit. The names sort in lock order."""

    CAMPAIGN = "campaign"
    CONNECTION = "connection"
    TENANT = "tenant"


class LimitKey(NamedTuple):
    """Sorts in the order in which limits rows are locked, everywhere."""

    kind: LimitKind
    id: str


@dataclass(slots=True)
class Limit:
    """One limits row. Only a `Ledger` changes it, and only its own copy: a turn does so dozens of times.

    `max_calls` None = no limit of its own; 0 = no new starts. Times in Unix seconds.
    """

    max_calls: int | None = None
    in_use: int = 0
    paused: bool = False
    calls_per_second: float | None = None
    next_start_at: float | None = None
    backoff_until: float | None = None
    circuit: Circuit = field(default_factory=Circuit)

    def left(self) -> float:
        """Slots left; a limit lowered below what is in use leaves none and harms no call under way."""
        if self.paused:
            return 0
        return float("inf") if self.max_calls is None else max(0, self.max_calls - self.in_use)

    def startable(self, now: float, ahead_s: float) -> float:
        """How many calls may start within `ahead_s`: slots, pace, the carrier's back-off and the circuit."""
        if self.backoff_until is not None and now < self.backoff_until:
            return 0
        state = self.circuit.state(now)
        if state in (CircuitState.OPEN, CircuitState.PROBING):
            return 0
        startable = min(self.left(), starts_within(self.next_start_at, self.calls_per_second, now, ahead_s))
        return min(1, startable) if state is CircuitState.HALF_OPEN else startable

    def opens_at(self, now: float, ahead_s: float) -> float | None:
        """When time alone lets the next call start (pace, back-off, open circuit); None = a slot or a probe must come back."""
        if self.left() < 1 or self.circuit.state(now) is CircuitState.PROBING:
            return None
        paced = (self.next_start_at or now) - ahead_s if self.calls_per_second is not None else now
        return max(now, paced, self.backoff_until or now, self.circuit.open_until or now)


@dataclass(frozen=True, slots=True)
class Slots:
    """The three limits that one call holds a slot of."""

    tenant: TenantId
    campaign: CampaignId
    connection: ConnectionId

    def limit_keys(self) -> tuple[LimitKey, LimitKey, LimitKey]:
        """In lock order."""
        return (
            LimitKey(LimitKind.CAMPAIGN, self.campaign),
            LimitKey(LimitKind.CONNECTION, self.connection),
            LimitKey(LimitKind.TENANT, self.tenant),
        )


class Ledger:
    """The limits of one turn while it is decided. Unknown keys have no room: what was not locked cannot be taken."""

    def __init__(self, limits: Mapping[LimitKey, Limit], now: float, ahead_s: float) -> None:
        self._before = limits
        self._after = {key: replace(limit) for key, limit in limits.items()}
        self._now, self._ahead_s = now, ahead_s
        self._locked = frozenset(ConnectionId(key.id) for key in limits if key.kind is LimitKind.CONNECTION)
        self._busy: set[ConnectionId] | None = None

    def limit(self, kind: LimitKind, name: str) -> Limit | None:
        """The limit as it stands now within the turn."""
        return self._after.get(LimitKey(kind, name))

    def left(self, kind: LimitKind, name: str) -> float:
        """Slots left of a tenant or campaign."""
        limit = self.limit(kind, name)
        return 0 if limit is None else limit.left()

    def busy_connections(self) -> frozenset[ConnectionId]:
        """The locked connections through which no call may start within the turn's horizon."""
        if self._busy is None:
            self._busy = {
                ConnectionId(key.id)
                for key, limit in self._after.items()
                if key.kind is LimitKind.CONNECTION and limit.startable(self._now, self._ahead_s) < 1
            }
        return frozenset(self._busy)

    def without_room(self, among: Set[ConnectionId]) -> Set[ConnectionId]:
        """The connections without room, and those of `among` that are not locked: nobody knows what they have."""
        return self.busy_connections() | (among - self._locked)

    def take(self, slots: Slots, placement: str) -> float:
        """Take the three slots and one start of the connection; returns `place_at`. Raises `ValueError` without room."""
        campaign, connection, tenant = slots.limit_keys()
        line = self._after[connection]
        start = next_start(line.next_start_at, line.calls_per_second, self._now, self._ahead_s)
        if start is None or line.startable(self._now, self._ahead_s) < 1:
            raise ValueError(f"connection {slots.connection} has no room")
        for key in (campaign, tenant):
            if self._after[key].left() < 1:
                raise ValueError(f"{key.kind} {key.id} has no room")
        for key in (campaign, connection, tenant):
            self._after[key].in_use += 1
        line.next_start_at = start.next_start_at
        line.circuit = line.circuit.starting(placement, self._now)
        self._note(slots.connection)
        return start.place_at

    def free(self, slots: Slots) -> None:
        """Give the three slots back. A row that is gone from the catalogue has nothing to give back to."""
        for key in slots.limit_keys():
            if key in self._after:
                self._after[key].in_use -= 1
        self._note(slots.connection)

    def record(self, connection: ConnectionId, result: RequestResult, placement: str) -> None:
        """Feed the result of a create request to the connection's circuit."""
        key = LimitKey(LimitKind.CONNECTION, connection)
        if key in self._after:
            line = self._after[key]
            line.circuit = line.circuit.after(result, placement, self._now)
            self._note(connection)

    def back_off(self, connection: ConnectionId, until: float) -> None:
        """The carrier asked for a pause: nothing starts before `until`."""
        key = LimitKey(LimitKind.CONNECTION, connection)
        if key in self._after:
            line = self._after[key]
            line.backoff_until = max(until, line.backoff_until or until)
            self._note(connection)

    def changes(self) -> Mapping[LimitKey, Limit]:
        """The rows that differ from what was locked, in lock order."""
        return {key: self._after[key] for key in sorted(self._after) if self._after[key] != self._before[key]}

    def circuits_turned(self) -> list[tuple[str, bool]]:
        """Connections whose circuit this turn opened (True) or closed again."""
        turned = [
            (key.id, self._before[key].circuit.open_until, now.circuit.open_until) for key, now in self._after.items()
        ]
        return [(name, now is not None) for name, before, now in turned if (before is None) != (now is None)]

    def all(self) -> Mapping[LimitKey, Limit]:
        """Every locked row as the turn leaves it."""
        return self._after

    def _note(self, connection: ConnectionId) -> None:
        if self._busy is None:
            return
        limit = self._after.get(LimitKey(LimitKind.CONNECTION, connection))
        if limit is None or limit.startable(self._now, self._ahead_s) < 1:
            self._busy.add(connection)
        else:
            self._busy.discard(connection)


def lock_order(keys: Iterable[LimitKey]) -> list[LimitKey]:
    """Each key once, in the one order in which limits rows are locked."""
    return sorted(set(keys))
