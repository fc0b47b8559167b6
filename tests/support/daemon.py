"""The daemon as a process, with a catalogue, a simulated carrier and a real broker around it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
import asyncpg

from outdial.carrier import Scenario
from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.embedded.children import dies_with_us
from outdial.embedded.rabbitmq import free_port
from outdial.postgres.pool import connect
from outdial.rabbitmq.transport import RabbitOptions, attempt_publisher

OUTDIAL = Path(sys.executable).with_name("outdial")
LIMIT = 8
ACCOUNT = "AC" + "0" * 31 + "7"


def scenario(**behaviour: Any) -> Scenario:
    """One account with a promise of `LIMIT` calls at once, calls of about half a second."""
    numbers = {f"+1202555010{n}": {"answer_rate": 0.5} for n in range(1, 4)}
    account = {"account_id": ACCOUNT, "auth_token": "secret-token", "limit": LIMIT, "numbers": numbers}
    table = {"ring_s": [4.0, 12.0], "talk_s": {"mean": 10.0}, **behaviour}
    return Scenario.from_mapping({"seed": 5, "speed": 30.0, "behaviour": table, "accounts": {"line": account}})


def catalogue(carrier_url: str) -> str:
    """One tenant, one connection, three numbers, one campaign that is always open."""
    numbers = "\n".join(
        f'[numbers.n{n}]\ne164 = "+1202555010{n}"\ntenant = "acme"\nconnection = "line"\n' for n in range(1, 4)
    )
    return f"""
[tenants.acme]
[connections.line]
provider = "twilio"
base_url = "{carrier_url}"
account = "{ACCOUNT}"
max_calls = {LIMIT}
credentials = {{ auth_token = "env:OUTDIAL_TEST_TOKEN" }}
{numbers}
[campaigns.spring]
tenant = "acme"
primary = "n1"
pool = ["n1", "n2", "n3"]
calling_hours = "always"
"""


class Daemon:
    """One replica in a process of its own."""

    def __init__(
        self,
        database_url: str,
        amqp_url: str,
        prefix: str,
        callbacks_port: int,
        *,
        public_port: int | None = None,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = (str(OUTDIAL), "run"),
    ) -> None:
        """`public_port`: where the carrier calls back, when something stands before the replica."""
        self.internal_port, self._command = free_port(), command
        self._process: asyncio.subprocess.Process | None = None
        self._environment = {
            **os.environ,
            "OUTDIAL_DATABASE__URL": database_url,
            "OUTDIAL_RABBITMQ__URL": amqp_url,
            "OUTDIAL_RABBITMQ__PREFIX": prefix,
            "OUTDIAL_RABBITMQ__QUEUES": "2",
            "OUTDIAL_CALLBACKS__PUBLIC_URL": f"http://127.0.0.1:{public_port or callbacks_port}",
            "OUTDIAL_CALLBACKS__PORT": str(callbacks_port),
            "OUTDIAL_INTERNAL__PORT": str(self.internal_port),
            "OUTDIAL_DISPATCH__DRAIN_S": "10",
            "OUTDIAL_TEST_TOKEN": "secret-token",
            **(environment or {}),
        }

    async def start(self) -> None:
        """Start and wait until it is ready."""
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=self._environment,
            preexec_fn=dies_with_us(signal.SIGKILL),  # whoever is killed while testing leaves none behind
        )
        async with aiohttp.ClientSession() as session, asyncio.timeout(60):
            while True:
                try:
                    async with session.get(f"http://127.0.0.1:{self.internal_port}/healthz/ready") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    assert process.returncode is None, "the daemon died while it started"
                await pause()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    @property
    def runs(self) -> bool:
        """Whether its process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def code(self) -> int | None:
        """Its exit code, None while it runs."""
        return self._process.returncode if self._process is not None else None

    @property
    def process_id(self) -> int:
        """Of the started process."""
        assert self._process is not None
        return self._process.pid

    def send(self, number: signal.Signals) -> None:
        """Send the signal; one that has died meanwhile needs none."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def ended(self, within_s: float = 60.0) -> int:
        """Wait for the end; returns the exit code."""
        assert self._process is not None
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def end(self, number: signal.Signals) -> int:
        """Send the signal, wait for the end."""
        self.send(number)
        return await self.ended()


async def pause() -> None:
    """Between two looks at something that another process does."""
    await asyncio.get_running_loop().run_in_executor(None, _brief)


def _brief() -> None:
    import threading

    threading.Event().wait(0.02)


async def lay_out(database_url: str, carrier_url: str) -> asyncpg.Pool:
    """Apply the catalogue; returns a pool to look with."""
    pool = await connect(database_url)
    await apply(pool, read_catalogue(catalogue(carrier_url), "test"), who="test")
    return pool


async def publish(amqp_url: str, prefix: str, contacts: list[str], attempt_no: int = 1) -> list[str]:
    """Publish one job per contact, as a producer would; returns the attempt ids."""
    publisher = attempt_publisher(RabbitOptions(amqp_url, prefix, queues=2))
    publisher.connection.start()
    await publisher.connection.wait_until_ready(20)
    ids = []
    for contact in contacts:
        attempt_id = str(uuid.uuid4())
        body = {
            "attempt_id": attempt_id,
            "tenant_id": "acme",
            "campaign_id": "spring",
            "to": contact,
            "attempt_no": attempt_no,
            "ring_timeout_s": 5,
            "answer": {"twilio": {"url": f"http://answers.example/x?attempt={attempt_id}"}},
        }
        await publisher.publish_attempt(
            "acme", json.dumps(body).encode(), message_id=attempt_id, type_="call_attempt.requested.v1"
        )
        ids.append(attempt_id)
    await publisher.connection.close()
    return ids
