"""`outdial enqueue` as a process, on the real broker."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aio_pika
import pytest

from outdial.cli.enqueue import TRIES, Report, publish_all
from outdial.cli.job_file import Job
from outdial.cli.output import Progress
from outdial.errors import BrokerUnavailable
from outdial.ports.messages import Unroutable
from outdial.rabbitmq.messages import decode
from outdial.rabbitmq.transport import RabbitOptions, RabbitTransport
from outdial.rules.attempt import AttemptRequest
from outdial.telemetry.metrics import Metrics
from tests.contract.transports import catalogue, receive, remove

GOOD = "to,priority\n" + "".join(f"+1202555{n:04d},{n % 10}\n" for n in range(100, 400))
BAD = "to,priority\n+12025550143,5\n12,5\n+12025550144,x\n"


@pytest.fixture
async def transport(amqp_url: str, amqp_prefix: str) -> AsyncIterator[RabbitTransport]:
    """A daemon's side, with one tenant."""
    transport = RabbitTransport(RabbitOptions(amqp_url, amqp_prefix, queues=1, prefetch=1000), Metrics())
    await transport.start(catalogue({"acme": 0}))
    yield transport
    await transport.stop_consuming()
    await transport.close()
    async with await aio_pika.connect(amqp_url) as connection:
        await remove(connection, transport.names)


async def enqueue(*arguments: str, url: str, prefix: str, stdin: str = "") -> tuple[int, str, str]:
    """Run the command: exit code, stdout, stderr."""
    names = {
        "OUTDIAL_RABBITMQ__URL": url,
        "OUTDIAL_RABBITMQ__PREFIX": prefix,
        "OUTDIAL_RABBITMQ__PUBLISH_TIMEOUT_S": "2",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "outdial", "enqueue", *arguments,
        env={**os.environ, "PYTHONPATH": "src", **names},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(stdin.encode())
    return process.returncode or 0, out.decode(), err.decode()


async def test_a_good_file_is_enqueued_whole(transport: RabbitTransport, amqp_url: str, tmp_path: Path) -> None:
    file = tmp_path / "jobs.csv"
    file.write_text(GOOD)
    code, out, err = await enqueue(
        str(file), "--tenant", "acme", "--campaign", "spring", url=amqp_url, prefix=transport.names.prefix
    )
    assert (code, out) == (0, ""), err
    assert "300 enqueued, 300 good, 0 bad" in err
    requests = [decode(d)[0] for d in await receive(transport.inbox, 300, at_most=500)]
    assert {r.to for r in requests if isinstance(r, AttemptRequest)} == {f"+1202555{n:04d}" for n in range(100, 400)}


async def test_bad_lines_are_reported_and_stop_only_a_strict_one(transport: RabbitTransport, amqp_url: str) -> None:
    where = {"url": amqp_url, "prefix": transport.names.prefix}
    given = ("-", "--format", "csv", "--tenant", "acme", "--campaign", "spring", "--json")
    code, out, _ = await enqueue(*given, "--strict", stdin=BAD, **where)
    assert (code, json.loads(out)["enqueued"]) == (1, 0)
    code, out, _ = await enqueue(*given, "--dry-run", stdin=BAD, url="amqp://127.0.0.1:1/", prefix="x")
    assert (code, json.loads(out)["good"]) == (1, 1)
    code, out, _ = await enqueue(*given, stdin=BAD, **where)
    report = json.loads(out)
    assert (code, report["enqueued"], report["bad"], report["stopped_at"]) == (1, 1, 2, None)
    assert [(p["line"], p["field"]) for p in report["problems"]] == [(3, "to"), (4, "priority")]
    (delivery,) = await receive(transport.inbox, 1)
    assert delivery.message_id == json.loads(delivery.body)["attempt_id"]
    assert "2025550143" not in out


async def test_without_a_broker_it_says_so_in_one_line(amqp_prefix: str) -> None:
    code, out, err = await enqueue("-", "--format", "csv", stdin=GOOD, url="amqp://u:hunter2@127.0.0.1:1/", prefix="x")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1].startswith("outdial enqueue: RabbitMQ (publish):")
    assert "hunter2" not in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("/nowhere/jobs.csv",), "cannot be read"), (("jobs.txt",), "cannot be read"), (("-",), "add --format csv")],
)
async def test_files_that_cannot_be_read(arguments: tuple[str, ...], words: str) -> None:
    code, _, err = await enqueue(*arguments, "--dry-run", url="amqp://127.0.0.1:1/", prefix="x")
    assert code == 1
    assert words in err


def some_jobs(count: int) -> list[Job]:
    """Lines of a file."""
    return [Job(n + 2, "acme", f"id-{n}", b"{}") for n in range(count)]


async def test_an_unconfirmed_line_is_published_again_under_its_id() -> None:
    seen: dict[str, int] = {}

    async def publish(job: Job) -> None:
        seen[job.attempt_id] = seen.get(job.attempt_id, 0) + 1
        if job.attempt_id == "id-3" and seen["id-3"] < TRIES:
            raise BrokerUnavailable("no confirm")

    report = Report()
    await publish_all(iter(some_jobs(10)), publish, report, Progress("enqueued"))
    assert (report.enqueued, report.problems, seen["id-3"]) == (10, [], TRIES)


async def test_it_stops_reading_when_nothing_is_confirmed_any_more() -> None:
    async def publish(job: Job) -> None:
        if job.line > 100:
            raise BrokerUnavailable("no confirm")

    report = Report()
    await publish_all(iter(some_jobs(5_000)), publish, report, Progress("enqueued"))
    assert report.stopped_at is not None
    assert report.enqueued == 99
    assert [p.line for p in report.problems] == list(range(101, report.stopped_at))


async def test_a_topology_that_is_not_there_is_an_error() -> None:
    async def publish(job: Job) -> None:
        raise Unroutable("exchange x: no queue takes the message")

    with pytest.raises(Unroutable):
        await publish_all(iter(some_jobs(500)), publish, Report(), Progress("enqueued"))
