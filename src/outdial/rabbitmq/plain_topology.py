"""Exchanges, queues and bindings as the daemon declares them (SPEC 8): tenants are bound to queues one by one."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel

DELIVERY_LIMIT = 10
"""Deliveries of one message before the broker itself dead-letters it: a net for crashes, nothing in normal life."""


@dataclass(frozen=True, slots=True)
class RabbitOptions:
    """How to reach and use the broker. `prefix` keeps several installations apart in one virtual host."""

    url: str
    prefix: str = "outdial"
    queues: int = 8
    prefetch: int = 200
    declare: bool = True
    publish_timeout_s: float = 5.0
    publish_at_once: int = 64


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one installation."""

    prefix: str
    queues: int

    @property
    def attempts(self) -> str:
        """The topic exchange that producers publish to; routing key = tenant id."""
        return f"{self.prefix}.attempts"

    @property
    def unrouted(self) -> str:
        """Exchange and queue of messages whose routing key no tenant is bound for."""
        return f"{self.prefix}.attempts.unrouted"

    @property
    def dead(self) -> str:
        """Exchange and queue of the broker's own dead letters."""
        return f"{self.prefix}.attempts.dead"

    @property
    def events(self) -> str:
        """The topic exchange that events are published to."""
        return f"{self.prefix}.events"

    def queue(self, number: int) -> str:
        """One of the attempt queues."""
        return f"{self.prefix}.attempts.{number}"

    def all_queues(self) -> list[str]:
        """Every queue the daemon consumes."""
        return [*(self.queue(n) for n in range(self.queues)), self.unrouted, self.dead]


def queue_arguments(names: Names, queue: str) -> dict[str, Any]:
    """The arguments of one queue, frozen: a golden test holds them."""
    arguments: dict[str, Any] = {"x-queue-type": "quorum"}
    if queue != names.dead:
        arguments |= {"x-delivery-limit": DELIVERY_LIMIT, "x-dead-letter-exchange": names.dead}
    return arguments


def queue_for(tenant: str, own: int | None, queues: int) -> int:
    """The tenant's queue: its own by the catalogue, else by a hash that is the same in every process."""
    return own % queues if own is not None else zlib.crc32(tenant.encode()) % queues


async def declare(channel: AbstractChannel, names: Names) -> None:
    """Declare everything; repeating it changes nothing."""
    unrouted = await channel.declare_exchange(names.unrouted, ExchangeType.FANOUT, durable=True)
    dead = await channel.declare_exchange(names.dead, ExchangeType.FANOUT, durable=True)
    await channel.declare_exchange(
        names.attempts, ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": names.unrouted}
    )
    await channel.declare_exchange(names.events, ExchangeType.TOPIC, durable=True)
    for name in names.all_queues():
        queue = await channel.declare_queue(name, durable=True, arguments=queue_arguments(names, name))
        if name == names.unrouted:
            await queue.bind(unrouted)
        elif name == names.dead:
            await queue.bind(dead)


async def bind_tenants(
    channel: AbstractChannel, names: Names, wanted: Mapping[str, int], bound: Mapping[str, int]
) -> None:
    """Bind each tenant to its queue, then unbind it from the one before: never a moment without a queue."""
    exchange = await channel.get_exchange(names.attempts, ensure=False)
    for tenant, number in _changed(wanted, bound):
        queue = await channel.get_queue(names.queue(number), ensure=False)
        await queue.bind(exchange, routing_key=tenant)
        before = bound.get(tenant)
        if before is not None:
            old = await channel.get_queue(names.queue(before), ensure=False)
            await old.unbind(exchange, routing_key=tenant)


def _changed(wanted: Mapping[str, int], bound: Mapping[str, int]) -> Iterable[tuple[str, int]]:
    return sorted((tenant, number) for tenant, number in wanted.items() if bound.get(tenant) != number)
