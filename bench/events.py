"""The broker's side of a run: topology and bindings as the daemon makes them, and a queue in which the events end up, so
that publishing them costs what it costs with a subscriber."""

from __future__ import annotations

import aiormq

from outdial.rabbitmq import bindings, topology
from outdial.rabbitmq.transport import RabbitOptions
from outdial.rules.ids import TenantId


async def lay_out(broker: RabbitOptions, tenants: int) -> None:
    """Declare and bind everything."""
    connection = await aiormq.connect(broker.url)
    channel = await connection.channel()
    names = broker.names
    await topology.declare(channel, names)
    await bindings.bind(channel, names, {TenantId(f"t{n}"): names.of(TenantId(f"t{n}")) for n in range(tenants)})
    subscriber = f"{names.prefix}.subscriber"
    await channel.queue_declare(subscriber, durable=True, arguments={"x-queue-type": "quorum"})
    await channel.queue_bind(subscriber, names.events, "#")
    await connection.close()


async def remove(broker: RabbitOptions) -> None:
    """Delete everything, so that a later run finds the broker as this one did."""
    connection = await aiormq.connect(broker.url)
    channel = await connection.channel()
    names = broker.names
    for queue in (*(queue.name for queue in topology.queues(names)), f"{names.prefix}.subscriber"):
        await channel.queue_delete(queue)
    for exchange in topology.exchanges(names):
        await channel.exchange_delete(exchange.name)
    await connection.close()
