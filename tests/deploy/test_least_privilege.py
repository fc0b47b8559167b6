"""The daemon makes a call from job to event with the least it may do at the database and at the broker."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import aiormq.exceptions
import pytest

from outdial.carrier import SimulatedCarrier
from outdial.embedded.rabbitmq import free_port
from outdial.rabbitmq import topology
from outdial.rules.attempt_queues import QueueNames
from tests.deploy.broker import FOLDER, RestrictedBroker, restricted_broker
from tests.deploy.roles import database_with_roles
from tests.support.daemon import OUTDIAL, Daemon, lay_out, publish, scenario
from tests.support.services import Services

DAEMON, PRODUCER, READER = "outdial", "outdial-producer-acme", "outdial-events-acme"


@pytest.fixture(scope="module")
def broker(services: Services, tmp_path_factory: pytest.TempPathFactory) -> RestrictedBroker:
    """One virtual host for all tests here."""
    return restricted_broker(services.rabbit(), tmp_path_factory.mktemp("broker"))


@pytest.fixture
async def producer(broker: RestrictedBroker) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    """A channel of the producer of `acme`."""
    async with await aio_pika.connect(broker.of(PRODUCER)) as connection:
        yield await connection.channel()


async def test_a_call_is_made_from_job_to_event(
    services: Services, database_url: str, broker: RestrictedBroker, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    settings = {"OUTDIAL_RABBITMQ__QUEUES": "8", "OUTDIAL_RABBITMQ__DECLARE_TOPOLOGY": "false"}
    async with (
        database_with_roles(database_url) as roles,
        SimulatedCarrier(scenario(ring_s=[1.0, 2.0])) as carrier,
        await aio_pika.connect(broker.of(READER)) as reading,
    ):
        (await lay_out(roles.of("operator"), carrier.url)).terminate()
        channel = await reading.channel()
        events = await channel.declare_queue("events.acme.test", durable=True)
        await events.bind("outdial.events", "acme.*.call_attempt.ended.#")
        daemon = Daemon(
            roles.of("daemon"), broker.of(DAEMON), "outdial", free_port(), environment=settings,
            command=("sh", "-c", f"exec {OUTDIAL} run 2>{log}"),
        )  # fmt: skip
        async with daemon:
            (attempt_id,) = await publish(broker.of(PRODUCER), "outdial", ["+13125550143"])
            async with asyncio.timeout(30), events.iterator() as messages:
                event = json.loads((await anext(messages)).body)
            assert event["type"].startswith("call_attempt.ended")
            assert event["subject"] == attempt_id
            assert carrier.tally()["accepted"] == 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] in {"warning", "error", "critical"}] == []


async def test_a_producer_publishes_for_its_own_tenant_only(producer: aio_pika.abc.AbstractChannel) -> None:
    exchange = await producer.get_exchange("outdial.attempts", ensure=False)
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await exchange.publish(aio_pika.Message(b"{}"), routing_key="other")


@pytest.mark.parametrize("name", ["outdial.events", "outdial.attempts.dead"])
async def test_a_producer_reaches_no_other_exchange(producer: aio_pika.abc.AbstractChannel, name: str) -> None:
    exchange = await producer.get_exchange(name, ensure=False)
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await exchange.publish(aio_pika.Message(b"{}"), routing_key="acme")


async def test_a_reader_of_events_gets_its_own_tenants_only(broker: RestrictedBroker) -> None:
    async with await aio_pika.connect(broker.of(READER)) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("events.acme.other", exclusive=True)
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await queue.bind("outdial.events", "other.#")


@pytest.mark.parametrize("user", [DAEMON, PRODUCER, READER])
async def test_nobody_declares_what_operators_own(broker: RestrictedBroker, user: str) -> None:
    async with await aio_pika.connect(broker.of(user)) as connection:
        channel = await connection.channel()
        with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
            await channel.declare_queue("outdial.attempts.99")


def test_the_definitions_are_what_the_daemon_would_declare() -> None:
    definitions = json.loads((FOLDER / "definitions.json").read_text())
    names = QueueNames()
    assert [(e["name"], e["type"], e["arguments"]) for e in definitions["exchanges"]] == [
        (e.name, e.kind, e.arguments) for e in topology.exchanges(names)
    ]
    assert [(q["name"], q["arguments"]) for q in definitions["queues"]] == [
        (q.name, q.arguments) for q in topology.queues(names)
    ]
    assert [(b["source"], b["destination"]) for b in definitions["bindings"]] == [
        (q.exchange, q.name) for q in topology.queues(names) if q.exchange
    ]
