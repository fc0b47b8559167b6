"""The demo on a real RabbitMQ: the one that the environment names, else a private node, installed if need be."""

from __future__ import annotations

import os
import uuid
from contextlib import AsyncExitStack
from pathlib import Path

from outdial.embedded.demo_transport import DemoTransport
from outdial.embedded.install import ensure_rabbitmq
from outdial.rabbitmq.transport import RabbitOptions, open_transport

UNPACKED = Path(".services")


async def open_rabbitmq(parts: AsyncExitStack) -> DemoTransport:
    """Raises `OutdialError` with the ways out when there is none to be had."""
    url = os.environ.get("OUTDIAL_RABBITMQ__URL")
    words = "a real RabbitMQ, the one that OUTDIAL_RABBITMQ__URL names"
    if url is None:
        url = parts.enter_context(ensure_rabbitmq(UNPACKED)).url
        words = "a real RabbitMQ, a private node started for this demo"
    prefix = f"outdial-demo-{uuid.uuid4().hex[:6]}" if "OUTDIAL_RABBITMQ__URL" in os.environ else "outdial"
    transport = await open_transport(RabbitOptions(url, prefix))

    async def publish(tenant: str, body: bytes, kind: str, message_id: str) -> None:
        await transport.publisher.publish_attempt(tenant, body, type_=kind, message_id=message_id)

    reached_by = {"OUTDIAL_RABBITMQ__URL": url, "OUTDIAL_RABBITMQ__PREFIX": prefix}
    return DemoTransport(transport, publish, words, reached_by)
