"""Publish call attempts: one for each line `ORDER,PHONE` on standard input.

    printf 'A-17,+12025550143\n' | AMQP_URL=amqp://… python examples/producer.py TENANT CAMPAIGN [TRY]

Run it twice with the same orders: nobody is called twice, because the attempt's id is made from the order.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from collections.abc import Iterator

import aio_pika

OUR_SPACE = uuid.UUID("8a8cf1a0-6d0f-4d0e-8f3e-3c2f5a1de111")
"""Make one of your own with `uuidgen`, once, and never change it."""


def attempt_id(order: str, attempt_no: int) -> str:
    """The same for the same order and try, in every process and for ever. A second try is another attempt."""
    return str(uuid.uuid5(OUR_SPACE, f"{order}/{attempt_no}"))


def attempts(tenant: str, campaign: str, attempt_no: int) -> Iterator[dict[str, object]]:
    """One message for each line."""
    for line in sys.stdin:
        order, _, phone = line.strip().partition(",")
        if order:
            yield {
                "attempt_id": attempt_id(order, attempt_no),
                "tenant_id": tenant,
                "campaign_id": campaign,
                "to": phone,
                "attempt_no": attempt_no,
                "metadata": {"order": order},
            }


async def main(tenant: str, campaign: str, attempt_no: int = 1) -> None:
    """Publish all of them; an error means that the rest must be published again, with the same ids."""
    connection = await aio_pika.connect_robust(os.environ["AMQP_URL"])
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        # Passive: outdial declares it. Its name begins with outdial's setting `rabbitmq.prefix`.
        name = f"{os.environ.get('OUTDIAL_PREFIX', 'outdial')}.attempts"
        exchange = await channel.get_exchange(name)
        for body in attempts(tenant, campaign, attempt_no):
            message = aio_pika.Message(
                json.dumps(body).encode(),
                content_type="application/json",
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                type="call_attempt.requested.v1",
                message_id=str(body["attempt_id"]),
            )
            await exchange.publish(message, routing_key=tenant, mandatory=True, timeout=10)
            print(body["attempt_id"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1))
