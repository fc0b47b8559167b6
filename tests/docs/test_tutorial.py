"""A newcomer follows docs/tutorial.md: every command does what the page says, on the demo that the page starts."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from outdial.embedded.rabbitmq import free_port
from tests.docs import tutorial
from tests.support.daemon import pause

OUTDIAL = Path(sys.executable).with_name("outdial")


@asynccontextmanager
async def demo(amqp_url: str, folder: Path) -> AsyncIterator[dict[str, str]]:
    """`make demo BROKER=rabbitmq ARGS=--serve`, with fewer calls; gives the environment of the second terminal."""
    arguments = ("--broker", "rabbitmq", "--serve", "0", "--attempts", "12")
    process = await asyncio.create_subprocess_exec(
        OUTDIAL, "demo", *arguments,
        env={**os.environ, "OUTDIAL_RABBITMQ__URL": amqp_url}, cwd=folder, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(240):
            while "Ctrl-C ends the demo" not in said:
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
        yield tutorial.exports(said)
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 0


class Terminal:
    """The second terminal, and the third one."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._port = folder, free_port()
        own = {
            **environment,
            "OUTDIAL_INTERNAL__PORT": str(self._port),
            "PATH": f"{OUTDIAL.parent}:{os.environ['PATH']}",
        }
        self._environment = {**os.environ, **own}
        self._database = environment["OUTDIAL_DATABASE__URL"]
        self._replica: asyncio.subprocess.Process | None = None

    async def do(self, step: tutorial.Step) -> None:
        """Run the command as it stands; what is shown below it without digits is what it prints."""
        if step.command == "outdial run":
            await self._run_beside()
            return
        command = step.command.replace("127.0.0.1:9090", f"127.0.0.1:{self._port}")
        if " ATTEMPT" in command:
            command = command.replace("ATTEMPT", await self._some_attempt())
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", command, cwd=self._folder, env=self._environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        said = out.decode()
        assert process.returncode == 0, f"{step.command}: {said}"
        assert [line for line in step.shown if line not in said] == [], f"{step.command}: {said}"
        if "enqueue" in command and "--dry-run" not in command:
            await self._until_all_ended(40 if "again" not in command else 80)

    async def _run_beside(self) -> None:
        self._replica = await asyncio.create_subprocess_exec(
            OUTDIAL, "run", cwd=self._folder, env=self._environment, stderr=asyncio.subprocess.DEVNULL
        )
        async with aiohttp.ClientSession() as session, asyncio.timeout(60):
            while not await self._is_ready(session):
                await pause()

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self._port}/healthz/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _until_all_ended(self, count: int) -> None:
        async with asyncio.timeout(240):
            while await self._ask("select count(*) from outcomes where tenant = 'bakery'") < count:
                await pause()

    async def _some_attempt(self) -> str:
        query = (
            "select attempt_id from outcomes where tenant = 'bakery' and number is not null order by attempt_id limit 1"
        )
        return str(await self._ask(query))

    async def _ask(self, query: str) -> int:
        connection = await asyncpg.connect(self._database)
        try:
            value: int = await connection.fetchval(query)
        finally:
            await connection.close()
        return value

    async def close(self) -> int | None:
        """Ctrl-C in the third terminal."""
        if self._replica is None:
            return None
        self._replica.send_signal(signal.SIGINT)
        return await self._replica.wait()


@pytest.mark.timeout(600)
async def test_a_newcomer_follows_it(amqp_url: str, tmp_path: Path) -> None:
    tutorial.save(tmp_path)
    steps = [step for step in tutorial.steps() if not step.command.startswith(("make ", "export PATH"))]
    assert len(steps) > 18
    async with demo(amqp_url, tmp_path) as environment:
        terminal = Terminal(tmp_path, environment)
        try:
            for step in steps:
                await terminal.do(step)
        finally:
            stopped = await terminal.close()
        assert stopped == 0
