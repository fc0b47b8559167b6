"""Bad messages come through the real broker as they are and end as dead letters with reason and field path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aio_pika
import pytest
from aio_pika import DeliveryMode, Message

from outdial.ports.messages import BadMessage
from outdial.rabbitmq.messages import decode
from outdial.rabbitmq.transport import RabbitOptions, RabbitTransport
from outdial.telemetry.metrics import Metrics
from tests.contract.transports import catalogue, receive, remove
from tests.messages.deliveries import REQUESTED, message

ROWS: dict[str, tuple[bytes, str, str, str]] = {
    "not JSON": (b"hello", REQUESTED, "not_json", ""),
    "wrong type": (json.dumps(message(priority="high")).encode(), REQUESTED, "invalid_field", "priority"),
    "missing field": (json.dumps(message(to=...)).encode(), REQUESTED, "missing_field", "to"),
    "NUL": (json.dumps(message(contact_id="a\0b")).encode(), REQUESTED, "unstorable_text", "contact_id"),
    "over 64 KiB": (json.dumps(message(x="y" * 70_000)).encode(), REQUESTED, "too_large", ""),
    "unknown major version": (json.dumps(message()).encode(), "call_attempt.requested.v2", "unknown_version", "type"),
    "tenant is not the routing key": (
        json.dumps(message(tenant_id="bolt")).encode(), REQUESTED, "tenant_mismatch", "tenant_id"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
async def transport(amqp_url: str) -> AsyncIterator[RabbitTransport]:
    """One tenant."""
    transport = RabbitTransport(RabbitOptions(amqp_url, "bad-messages", queues=1), Metrics())
    await transport.start(catalogue({"acme": 0}))
    yield transport
    await transport.stop_consuming()
    await transport.close()
    async with await aio_pika.connect(amqp_url) as connection:
        await remove(connection, transport.names)


@pytest.mark.parametrize("row", ROWS)
async def test_each_row_of_the_table(row: str, transport: RabbitTransport, amqp_url: str) -> None:
    body, kind, reason, field = ROWS[row]
    async with await aio_pika.connect(amqp_url) as connection, connection.channel() as channel:
        exchange = await channel.get_exchange(transport.names.exchange, ensure=False)
        await exchange.publish(Message(body, type=kind, delivery_mode=DeliveryMode.PERSISTENT), "acme")
    async with asyncio.timeout(10):
        (delivery,) = await receive(transport.inbox, 1)
    assert delivery.body == body, "kept as it came, so that it can be listed and replayed"
    with pytest.raises(BadMessage) as caught:
        decode(delivery)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    await transport.inbox.ack([delivery])
