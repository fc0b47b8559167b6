"""Upkeep: what has to happen again and again and belongs to no step. Every tick is guarded, repeats nothing it need not, and only reads a little."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from outdial.clock import SystemClock
from outdial.rules.blocker import Blocker
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.telemetry.metrics import Metrics, SlotUse
from outdial.telemetry.tasks import Background

log = structlog.get_logger(__name__)


class UpkeepStore(Protocol):
    """What upkeep asks of the database."""

    async def database_time(self) -> float:
        """The clock that all replicas share, Unix seconds."""

    async def catalogue_version(self) -> int:
        """Whether the snapshot is still true."""

    async def heartbeat(self, now: float) -> int:
        """This replica is alive. Returns how many sessions of stopped replicas, which held locks, it ended."""

    async def figures(self, now: float) -> dict[str, float]:
        """How many are unconfirmed, lie in the outbox (and for how long the oldest) or among the dead letters."""

    async def waiting_by_blocker(self) -> Mapping[str, int]:
        """How many attempts wait, by the blocker kept with them."""

    async def slots(self) -> list[tuple[str, str, int, int | None]]:
        """(kind, id, in use, limit) of every limit."""

    async def circuits(self) -> Mapping[str, bool]:
        """Connections, and whether their circuit is open."""

    async def repair_slots(self) -> list[tuple[str, str, int, int]]:
        """(kind, id, counted, calls) where a counter differed from the calls themselves, and was set right."""

    async def add_up_waiting(self) -> None:
        """Keep the counts of the waiting room short."""

    async def wake_ineligible(self, now: float) -> int:
        """Wake attempts that no number could serve: the catalogue or a number's health changed."""

    async def wake_closed(self, campaigns: Sequence[str]) -> int:
        """Wake attempts outside calling hours: these campaigns have others now."""

    async def keep_house(self, now: float) -> None:
        """Partitions ahead of time, old volumes and cancellations away."""


class SnapshotToRefresh(Protocol):
    """The pools in memory."""

    @property
    def version(self) -> int:
        """The catalogue version it was read at."""

    async def reload(self) -> None:
        """Read the catalogue anew."""

    async def refresh(self) -> None:
        """Read the weights anew."""


class Upkeep:
    """The ticks of one replica."""

    def __init__(
        self,
        store: UpkeepStore,
        pools: SnapshotToRefresh,
        clock: SystemClock,
        metrics: Metrics,
        wake: Callable[[], None],
    ) -> None:
        self._store, self._pools, self._clock, self._metrics, self._wake = store, pools, clock, metrics, wake
        self._followed: int | None = None
        self._hours: dict[str, object] = {}
        self._other_hours: set[str] = set()

    def start(self, background: Background, *, weights_s: float = 5.0) -> None:
        """Begin all ticks."""
        ticks: list[tuple[str, float, Callable[[], Awaitable[object]]]] = [
            ("clock", 10.0, self.measure_clock),
            ("catalogue", 1.0, self.follow_catalogue),
            ("weights", weights_s, self._pools.refresh),
            ("heartbeat", 5.0, self._heartbeat),
            ("figures", 5.0, self.show_figures),
            ("audit", 30.0, self.audit_slots),
            ("counts", 2.0, self._store.add_up_waiting),
            ("house", 3_600.0, self._keep_house),
        ]
        for name, seconds, tick in ticks:
            background.every(name, seconds, tick)

    async def measure_clock(self) -> None:
        """One question to the database's clock."""
        sent = self._clock.monotonic()
        now = await self._store.database_time()
        self._clock.measure(sent, now, self._clock.monotonic())
        self._metrics.clock_uncertainty_seconds.set(self._clock.uncertainty() or 0.0)
        self._metrics.clock_ahead_seconds.set(self._clock.offset_error())

    def saw_catalogue(self, rows: CatalogueRows) -> None:
        """Note whose calling hours changed; told of every reading, since what a turn parked by it may change again."""
        hours = _calling_hours(rows)
        self._other_hours |= {campaign for campaign, own in hours.items() if self._hours.get(campaign, own) != own}
        self._hours = hours

    async def follow_catalogue(self) -> None:
        """Reload when the version moved, and let attempts that no number could serve be looked at again, and those
        outside calling hours whose campaign has others now.

        A turn or intake may have reloaded before; that makes nobody look again, so it is remembered here.
        """
        if await self._store.catalogue_version() != self._pools.version:
            await self._pools.reload()
        if self._pools.version != self._followed:
            version, other_hours = self._pools.version, set(self._other_hours)
            woken = await self._store.wake_ineligible(self._clock.now())
            if woken + await self._store.wake_closed(sorted(other_hours)):
                self._wake()
            self._followed = version
            self._other_hours -= other_hours

    async def show_figures(self) -> None:
        """Gauges that are read from the database, so that they are the same on all replicas."""
        figures = await self._store.figures(self._clock.now())
        waiting = await self._store.waiting_by_blocker()
        for blocker in Blocker:
            self._metrics.waiting.labels(blocker).set(waiting.get(blocker, 0))
        self._metrics.unconfirmed.set(figures["unconfirmed"])
        self._metrics.outbox_pending.set(figures["outbox"])
        self._metrics.outbox_oldest_seconds.set(figures["outbox_oldest_s"])
        self._metrics.dead_letters.set(figures["dead_letters"])
        self._metrics.show_circuits(await self._store.circuits())
        self._metrics.show_slots([SlotUse(*row) for row in await self._store.slots()])

    async def audit_slots(self) -> None:
        """Recount and set right; a difference is a bug and is shouted about."""
        drift = await self._store.repair_slots()
        self._metrics.slot_drift.set(sum(abs(counted - calls) for _, _, counted, calls in drift))
        self._metrics.invariant_violations.labels(invariant="slot_drift").inc(len(drift))
        for kind, name, counted, calls in drift:
            log.error("slots.drift", kind=kind, id=name, counted=counted, calls=calls)

    async def _heartbeat(self) -> None:
        if ended := await self._store.heartbeat(self._clock.now()):
            log.warning("database.stuck_session_ended", sessions=ended)

    async def _keep_house(self) -> None:
        await self._store.keep_house(self._clock.now())


def _calling_hours(rows: CatalogueRows) -> dict[str, object]:
    """What decides of each campaign when it may call."""
    keys = ("calling_hours", "fallback_time_zone")
    return {name: [row.settings.get(key) for key in keys] for name, row in rows.campaigns.items()}
