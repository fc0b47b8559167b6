"""The examples for producers and consumers, as processes, on a real broker."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aio_pika
import pytest

from outdial.ports.messages import OutgoingEvent
from outdial.rabbitmq.messages import decode
from outdial.rabbitmq.transport import RabbitOptions, RabbitTransport
from outdial.rules.attempt import AttemptRequest
from outdial.telemetry.metrics import Metrics
from tests.contract.transports import catalogue, receive, remove
from tests.docs import samples
from tests.docs.documents import ROOT

ORDERS = "A-17,+12025550143\nA-18,+12025550144\n"


@pytest.fixture
async def transport(amqp_url: str, amqp_prefix: str) -> AsyncIterator[RabbitTransport]:
    """A daemon's side, with one tenant."""
    transport = RabbitTransport(RabbitOptions(amqp_url, amqp_prefix, queues=1), Metrics())
    await transport.start(catalogue({"acme": None}))
    yield transport
    await transport.stop_consuming()
    await transport.close()
    async with await aio_pika.connect(amqp_url) as connection:
        await (await connection.channel()).queue_delete(f"{amqp_prefix}.test")
        await remove(connection, transport.names)


async def start(example: str, *arguments: str, url: str, prefix: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "examples" / example), *arguments,
        env={**os.environ, "AMQP_URL": url, "OUTDIAL_PREFIX": prefix, "EVENTS_QUEUE": f"{prefix}.test"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_the_producer_makes_the_same_attempts_of_the_same_orders(
    transport: RabbitTransport, amqp_url: str, amqp_prefix: str
) -> None:
    for attempt_no in ("1", "1", "2"):
        process = await start("producer.py", "acme", "spring", attempt_no, url=amqp_url, prefix=amqp_prefix)
        out, _ = await process.communicate(ORDERS.encode())
        assert (process.returncode, len(out.split())) == (0, 2)
    requests = []
    for delivery in await receive(transport.inbox, 6, at_most=10):
        request, unknown = decode(delivery)
        assert isinstance(request, AttemptRequest)
        assert (delivery.message_id, list(unknown)) == (str(request.key.attempt_id), [])
        requests.append((request.raw["metadata"]["order"], request.attempt_no, request.key.attempt_id))
    assert len(requests) == 6
    assert {(order, attempt_no) for order, attempt_no, _ in requests} == {
        (o, n) for o in ("A-17", "A-18") for n in (1, 2)
    }
    assert len(set(requests)) == 4


async def test_the_consumer_takes_repetitions_and_overtaking(
    transport: RabbitTransport, amqp_url: str, amqp_prefix: str, tmp_path: Path
) -> None:
    kinds = ["ended", "placed", "ended", "corrected", "answered"]
    events = [samples.golden(f"call_attempt.{kind}.v1") for kind in kinds]
    process = await start("consumer.py", "acme", str(tmp_path / "a.db"), "5", url=amqp_url, prefix=amqp_prefix)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    for kind, event in zip(kinds, events, strict=True):
        made = OutgoingEvent(event["id"], f"acme.spring.call_attempt.{kind}", json.dumps(event))
        assert await transport.publisher.publish([made]) == [made]
    out, _ = await process.communicate()
    assert process.returncode == 0
    assert [line.split()[0] for line in out.decode().splitlines()] == ["new", "new", "known", "new", "new"]
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        rows = database.execute("select sequence, type, outcome from attempts").fetchall()
    assert rows == [(5, "call_attempt.corrected.v1", "busy")]
