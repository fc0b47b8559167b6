"""The examples of docs/reference/admin-api.md: each is asked for as it stands there and answered with the status behind it."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import AsyncIterator
from pathlib import Path
from string import Template

import aiohttp
import pytest
from pydantic import SecretStr
from yarl import URL

from outdial.admin.opening import open_admin
from tests.admin.asking import OPERATOR, TOKENS, no_broker
from tests.admin.conftest import OPTIONS
from tests.support.dialled import applied

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "admin-api.md"
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def curl() -> argparse.ArgumentParser:
    """As much of it as the page needs."""
    parser = argparse.ArgumentParser(prog="curl", exit_on_error=False)
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-i", action="store_true")
    return parser


@pytest.fixture
async def url(embedded_database_url: str) -> AsyncIterator[str]:
    async with (
        applied(embedded_database_url) as pool,
        open_admin(OPTIONS, lambda: pool, no_broker, lambda _: SecretStr(TOKENS)) as server,
    ):
        yield f"{server.url}/api/v1"


async def test_the_examples_answer_as_the_page_says(url: str) -> None:
    known = {"OUTDIAL": url, "TOKEN": OPERATOR, "ETAG": ""}
    lines = [line for block in BLOCKS for line in block.splitlines()]
    assert len(lines) > 10
    async with aiohttp.ClientSession() as session:
        for line in lines:
            command, _, status = line.rpartition(" # ")
            words = [Template(word).substitute(known) for word in shlex.split(command)]
            asked = curl().parse_args(words[1:])
            headers = dict(header.split(": ", 1) for header in asked.headers)
            method = asked.method or ("POST" if asked.data else "GET")
            address = URL(asked.url, encoded=True)
            async with session.request(method, address, headers=headers, data=asked.data) as answer:
                assert answer.status == int(status), (command, await answer.text())
                known["ETAG"] = answer.headers.get("ETag", known["ETAG"])
