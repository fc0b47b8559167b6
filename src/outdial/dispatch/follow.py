"""Step 4, follow: what carriers call back with reaches its call, in whatever order, and is answered only after the commit."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from outdial.clock import Clock
from outdial.dispatch.desk import Desk
from outdial.ports.store import CallIdentity, Store
from outdial.rules.call_fate import HasNews
from outdial.rules.call_progress import CallNews
from outdial.rules.ids import ConnectionId, Placement
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class _LookUps:
    """Calls of other replicas are looked up one batch at a time: whoever asks meanwhile shares the next."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._one_at_a_time = asyncio.Lock()
        self._next = _Batch()

    async def identity(self, placement: Placement) -> CallIdentity | None:
        """None = nobody knows it. Raises `DatabaseUnavailable`; the others of the batch then try for themselves."""
        batch = self._next
        batch.wanted.add(placement)
        async with self._one_at_a_time:
            if batch.found is None:
                self._next = _Batch()
                batch.found = await self._store.identify(list(batch.wanted))
        return batch.found.get(placement)


@dataclass(slots=True, eq=False)
class _Batch:
    wanted: set[Placement] = field(default_factory=set)
    found: Mapping[Placement, CallIdentity] | None = None


class Follower:
    """Brings news to calls. It remembers the calls that it placed or heard of, so that most callbacks need no look-up."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, metrics: Metrics, remembered: int = 20_000) -> None:
        self._desk, self._clock, self._metrics = desk, clock, metrics
        self._remembered = remembered
        self._known: OrderedDict[Placement, CallIdentity] = OrderedDict()
        self._look_ups = _LookUps(store)

    def remember(self, identity: CallIdentity) -> None:
        """What never changes about a call; the oldest are forgotten."""
        self._known[identity.placement] = identity
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    async def deliver(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        """Bring news to a call and wait for its commit. False = nobody knows that placement on that connection.

        Raises `DatabaseUnavailable`: the carrier should call back again.
        """
        identity = self._known.get(placement)
        if identity is None:
            identity = await self._look_ups.identity(placement)
            if identity is not None:
                self.remember(identity)  # a carrier has more than one thing to tell
        if identity is None or identity.slots.connection != connection:
            return False
        now = self._clock.now()
        for one in news:
            if not one.known_code:
                self._metrics.unknown_codes.inc()
                log.warning("carrier.unknown_code", connection_id=connection, status=one.provider_status,
                            code=one.provider_code)  # fmt: skip
        promises = [self._desk.report(identity, HasNews(one, now)) for one in news]
        return any(await asyncio.gather(*promises)) if promises else True
