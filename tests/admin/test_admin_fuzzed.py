"""schemathesis finds nothing: every answer to any request, well formed or not, is one that the description names."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from outdial.admin.opening import open_admin
from tests.admin.asking import OPERATOR, TOKENS, Api, no_broker
from tests.admin.conftest import OPTIONS
from tests.support.dialled import dialled_database, looker
from tests.support.services import Services

PROJECT = Path(__file__).parents[2]


@pytest.fixture
async def api(services: Services) -> AsyncIterator[Api]:
    """On a database of its own: whoever asks anything as an operator leaves nothing as it was."""
    async with dialled_database(services.databases("embedded18")) as dialled:
        pool = await looker(dialled)
        try:
            async with (
                open_admin(OPTIONS, lambda: pool, no_broker, lambda _: SecretStr(TOKENS)) as server,
                aiohttp.ClientSession() as session,
            ):
                yield Api(session, server.url)
        finally:
            await pool.close()


async def test_answers_to_any_request_are_as_described(api: Api) -> None:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"), "--config-file", PROJECT / "schemathesis.toml", "run",
        f"{api.url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {OPERATOR}", "--phases", "coverage,fuzzing",
        "--max-examples", "4", "--seed", "7", "--continue-on-failure", "--no-color",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-8000:]
