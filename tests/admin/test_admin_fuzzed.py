"""schemathesis finds nothing: every answer to any request, well formed or not, is one that the description names."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.admin.asking import OPERATOR, Api

PROJECT = Path(__file__).parents[2]


async def test_answers_to_any_request_are_as_described(api: Api) -> None:
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("schemathesis"), "--config-file", PROJECT / "schemathesis.toml", "run",
        f"{api.url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {OPERATOR}", "--phases", "coverage,fuzzing",
        "--max-examples", "4", "--seed", "7", "--continue-on-failure", "--no-color",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-8000:]
