"""Tenants' bindings: each tenant's messages go to one queue, and while they move never to none.

A binding outlives its maker, and a broker cannot be asked for them over AMQP. So a replica unbinds what it knows: the
queue a tenant had before, and, once after its start, all numbered queues that are not the tenant's. Two bindings at a
time do no harm, since the second copy of a message is a known attempt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiormq.abc import AbstractChannel

from outdial.rules.attempt_queues import QueueNames
from outdial.rules.ids import TenantId

Bindings = Mapping[TenantId, str]
"""Tenants and their queues."""


def own_queues(names: QueueNames, wanted: Bindings) -> list[str]:
    """The queues that tenants have for themselves, in order."""
    return sorted(set(wanted.values()) - set(names.numbered))


async def bind(channel: AbstractChannel, names: QueueNames, wanted: Bindings) -> None:
    """Bind them all; repeating it changes nothing. Only the last one is waited for: the broker goes by their order."""
    pairs = sorted(wanted.items())
    for n, (tenant, queue) in enumerate(pairs, 1):
        if n < len(pairs):
            await channel.queue_bind(queue, names.exchange, tenant, nowait=True)
        else:
            await channel.queue_bind(queue, names.exchange, tenant)


async def unbind(channel: AbstractChannel, names: QueueNames, bindings: Iterable[tuple[TenantId, str]]) -> None:
    """Take bindings away; those that are not there count as taken away."""
    for tenant, queue in bindings:
        await channel.queue_unbind(queue, names.exchange, tenant)


def moved(wanted: Bindings, bound: Bindings) -> dict[TenantId, str]:
    """What is to be bound: new tenants and those with another queue."""
    return {tenant: queue for tenant, queue in wanted.items() if bound.get(tenant) != queue}


def left_behind(wanted: Bindings, bound: Bindings) -> list[tuple[TenantId, str]]:
    """What is to be unbound then: the queues before. A tenant that is gone keeps its binding: intake refuses it properly,
    whichever queue it comes by."""
    return [(tenant, queue) for tenant, queue in sorted(bound.items()) if wanted.get(tenant, queue) != queue]


def strays(names: QueueNames, wanted: Bindings) -> Iterable[tuple[TenantId, str]]:
    """Every binding to a numbered queue that no tenant should have."""
    return ((tenant, queue) for tenant, own in sorted(wanted.items()) for queue in names.numbered if queue != own)
