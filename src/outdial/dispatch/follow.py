"""Step 4, follow: what carriers call back with reaches its call, in whatever order, and is answered only after the commit."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

import structlog

from outdial.clock import Clock
from outdial.dispatch.desk import Desk
from outdial.ports.store import CallIdentity, Store
from outdial.rules.call_fate import HasNews
from outdial.rules.call_progress import CallNews
from outdial.rules.ids import ConnectionId, Placement
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class Follower:
    """Brings news to calls. It remembers the calls this replica placed, so that most callbacks need no look-up."""

    def __init__(self, store: Store, desk: Desk, clock: Clock, metrics: Metrics, remembered: int = 20_000) -> None:
        self._store, self._desk, self._clock, self._metrics = store, desk, clock, metrics
        self._remembered = remembered
        self._known: OrderedDict[Placement, CallIdentity] = OrderedDict()

    def remember(self, identity: CallIdentity) -> None:
        """A call that was placed here; the oldest are forgotten."""
        self._known[identity.placement] = identity
        if len(self._known) > self._remembered:
            self._known.popitem(last=False)

    async def deliver(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        """Bring news to a call and wait for its commit. False = nobody knows that placement on that connection.

        Raises `DatabaseUnavailable`: the carrier should call back again.
        """
        identity = self._known.get(placement)
        if identity is None:
            identity = (await self._store.identify([placement])).get(placement)
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
