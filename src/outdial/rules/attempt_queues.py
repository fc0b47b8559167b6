"""The names of exchanges and queues, and which queue a tenant's attempts go to (SPEC 8).

Each tenant is bound to exactly one queue: one of its own by name, a numbered one by index, or a numbered one by a hash
that is the same in every process and for ever. All replicas of an installation must agree on the prefix and the count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from outdial.rules.catalogue_rows import TenantRow
from outdial.rules.ids import TenantId

DELIVERY_LIMIT = 10
"""Deliveries that may come back unacked before the broker gives a message up; it is handed out once more than that.
Well above any row of restarts, small enough that a message which kills its reader does so in minutes, not for ever."""

Wish = int | str | None
"""What the catalogue says of a tenant's queue: an index, a name of its own, or nothing."""


@dataclass(frozen=True, slots=True)
class QueueNames:
    """The names of one installation. `count`: how many numbered queues there are, at least 1."""

    prefix: str = "outdial"
    count: int = 8

    @property
    def exchange(self) -> str:
        """Where producers publish; routing key = tenant id."""
        return f"{self.prefix}.attempts"

    @property
    def unrouted(self) -> str:
        """Exchange and queue of messages whose routing key is no bound tenant."""
        return f"{self.prefix}.attempts.unrouted"

    @property
    def dead(self) -> str:
        """Exchange and queue of messages that the broker gave up."""
        return f"{self.prefix}.attempts.dead"

    @property
    def events(self) -> str:
        """The exchange of events."""
        return f"{self.prefix}.events"

    @property
    def numbered(self) -> tuple[str, ...]:
        """The queues that tenants share."""
        return tuple(f"{self.prefix}.attempts.{n}" for n in range(self.count))

    def own(self, name: str) -> str:
        """A queue that a tenant has by name. Apart from the others, whatever the name is."""
        return f"{self.prefix}.attempts.own.{name}"

    def of(self, tenant: TenantId, wish: Wish = None) -> str:
        """The one queue of a tenant. An index beyond the last queue counts as no wish."""
        if isinstance(wish, str):
            return self.own(wish)
        if wish is not None and 0 <= wish < self.count:
            return self.numbered[wish]
        digest = hashlib.blake2b(tenant.encode(), digest_size=8).digest()
        return self.numbered[int.from_bytes(digest) % self.count]

    def assign(self, tenants: Mapping[TenantId, TenantRow]) -> dict[TenantId, str]:
        """Every tenant's queue, as the catalogue has it."""
        return {tenant: self.of(tenant, _wish(row.settings.get("queue"))) for tenant, row in tenants.items()}


def _wish(value: object) -> Wish:
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None
