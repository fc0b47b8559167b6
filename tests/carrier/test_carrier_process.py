"""`outdial carrier` as a process: the ready line, serving, and a clean end."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from outdial.cli import carrier as command
from outdial.errors import BadConfiguration, Permanent
from tests.carrier.wire import FROM, SID, TO, TOKEN

_RUN = (
    "import argparse; from outdial.cli import carrier; parser = argparse.ArgumentParser();"
    " carrier.register(parser); raise SystemExit(carrier.run(parser.parse_args()))"
)
_SOURCES = str(Path(__file__).parents[2] / "src")


def parsed(*words: str) -> argparse.Namespace:
    """The command line as the command gets it."""
    parser = argparse.ArgumentParser()
    command.register(parser)
    return parser.parse_args(words)


@asynccontextmanager
async def running(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The carrier in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _RUN, *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": _SOURCES},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_ready_line_calls_and_tally(tmp_path: Path, number: signal.Signals) -> None:
    scenario, tally = tmp_path / "scenario.json", tmp_path / "tally.json"
    account = {"account_id": SID, "auth_token": TOKEN, "limit": 1, "numbers": [FROM]}
    scenario.write_text(json.dumps({"accounts": {"us": account}}), encoding="utf-8")
    async with running("--port", "0", "--scenario", str(scenario), "--tally", str(tally)) as process:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        assert ready["ready"] is True
        headers = {"Authorization": aiohttp.encode_basic_auth(SID, TOKEN)}
        async with aiohttp.ClientSession(ready["url"], headers=headers) as session:
            for contact in (TO, "+13035550144"):
                form = {"To": contact, "From": FROM, "Twiml": "<Response/>"}
                async with session.post(f"/2010-04-01/Accounts/{SID}/Calls.json", data=form) as reply:
                    assert reply.status == 201
            process.send_signal(number)
            output, errors = await process.communicate()
    assert (process.returncode, output) == (0, b"")
    assert errors == b"simulated carrier stopped: 2 calls accepted\n"
    assert json.loads(tally.read_text(encoding="utf-8"))["violation_counts"] == {"limit_exceeded": 1}


def test_the_example_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.run(parsed("--example")) == 0
    assert "[accounts.example-us]" in capsys.readouterr().out


def test_a_wrong_scenario_is_bad_configuration(tmp_path: Path) -> None:
    path = tmp_path / "scenario.toml"
    path.write_text("sede = 1", encoding="utf-8")
    with pytest.raises(BadConfiguration, match="did you mean 'seed'"):
        command.run(parsed("--scenario", str(path)))
    with pytest.raises(BadConfiguration, match="--speed: 0 is not above 0"):
        command.run(parsed("--speed", "0"))


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Permanent, match="cannot listen"):
            command.run(parsed("--port", str(taken.getsockname()[1])))
