"""The exchanges and queues of one installation, with their arguments frozen: a broker refuses a queue that is declared
again with others, so a change here is a migration of every installation's broker. A golden test holds them.

Only arguments that RabbitMQ 3.10 to 4.x all understand are used; lengths, priorities and time-outs belong to policies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from aiormq.abc import AbstractChannel, ArgumentsType

from outdial.rules.attempt_queues import DELIVERY_LIMIT, QueueNames

NO_LIMIT: Final = 1_000_000
"""For the last queue a message can reach. Explicit, since 4.x drops a message after 20 returns when nothing is said,
and 3.10 drops it at once when -1 is said."""


Work = Callable[[AbstractChannel], Awaitable[None]]
"""What is done on a channel of its own."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue. `exchange` None = tenants are bound to it one by one; else it gets everything from there."""

    name: str
    exchange: str | None
    arguments: Mapping[str, str | int]


def exchanges(names: QueueNames) -> tuple[Exchange, ...]:
    """All exchanges, in an order in which each finds those it refers to."""
    return (
        Exchange(names.dead, "fanout", {}),  # fanout, so that a dead letter keeps its routing key, the tenant
        Exchange(names.unrouted, "fanout", {}),
        Exchange(names.exchange, "topic", {"alternate-exchange": names.unrouted}),
        Exchange(names.events, "topic", {}),
    )


def queues(names: QueueNames) -> tuple[Queue, ...]:
    """All queues that every installation has."""
    return (
        Queue(names.dead, names.dead, {"x-queue-type": "quorum", "x-delivery-limit": NO_LIMIT}),
        Queue(names.unrouted, names.unrouted, _attempts(names)),
        *own(names, names.numbered),
    )


def own(names: QueueNames, queue_names: Iterable[str]) -> tuple[Queue, ...]:
    """Queues that tenants are bound to, by their full names."""
    return tuple(Queue(name, None, _attempts(names)) for name in queue_names)


def _attempts(names: QueueNames) -> dict[str, str | int]:
    """Dead-lettering at least once needs `reject-publish`, which without a length limit never rejects anything."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": names.dead,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    }


async def declare(channel: AbstractChannel, names: QueueNames) -> None:
    """Make what is not there. Raises aiormq's `ChannelPreconditionFailed` when something is there and differs."""
    for exchange in exchanges(names):
        await channel.exchange_declare(
            exchange.name, exchange_type=exchange.kind, durable=True, arguments=_table(exchange.arguments)
        )
    for queue in queues(names):
        await declare_queue(channel, queue)


async def declare_queue(channel: AbstractChannel, queue: Queue) -> None:
    """Make one queue, bound to its exchange if it has one."""
    await channel.queue_declare(queue.name, durable=True, arguments=_table(queue.arguments))
    if queue.exchange is not None:
        await channel.queue_bind(queue.name, queue.exchange)


async def check(channel: AbstractChannel, names: QueueNames) -> None:
    """See that all is there, without making anything. Raises aiormq's `ChannelNotFoundEntity`."""
    for exchange in exchanges(names):
        await channel.exchange_declare(exchange.name, passive=True)
    for queue in queues(names):
        await channel.queue_declare(queue.name, passive=True)


def _table(arguments: Mapping[str, str | int]) -> ArgumentsType:
    return dict(arguments)
