"""The console's files: what is sent with them, what is not there, and that what was vendored is what it says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from hashlib import sha256

import aiohttp
import pytest
from aiohttp import web

from outdial.admin.console import POLICY, STATIC, add_console, read_files
from outdial.embedded.rabbitmq import free_port


@pytest.fixture
async def url() -> AsyncIterator[str]:
    app, port = web.Application(), free_port()
    add_console(app.router)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


async def test_files_need_no_token_and_may_run_nothing_from_elsewhere(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        for path in read_files():
            async with session.get(url + path) as answer:
                assert answer.status == 200, path
                assert answer.headers["Content-Security-Policy"] == POLICY
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-cache"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


async def test_a_file_is_sent_again_only_when_it_is_another_one(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/console/app.js") as first:
            etag = first.headers["ETag"]
        async with session.get(f"{url}/console/app.js", headers={"If-None-Match": etag}) as again:
            assert (again.status, await again.read()) == (304, b"")
        async with session.get(f"{url}/console/app.js", headers={"If-None-Match": '"other"'}) as other:
            assert other.status == 200


@pytest.mark.parametrize(
    "path",
    ["/console/", "/console/nothing.js", "/console/../server.py", "/console/%2e%2e/server.py", "/console/__init__.py"],
)
async def test_nothing_else_is_served(url: str, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        assert answer.status == 404


def test_every_import_leads_to_a_file_and_nothing_comes_from_the_internet() -> None:
    for path in STATIC.rglob("*.js"):
        if path.parent.name == "vendor":
            continue
        text = path.read_text()
        for wanted in re.findall(r'from "([^"]+)"', text):
            assert (path.parent / wanted).resolve().is_file(), f"{path.name}: {wanted}"
        assert "://" not in text, path.name
        assert len(text.splitlines()) <= 300, path.name


def test_the_vendored_file_is_the_one_its_page_names() -> None:
    page = (STATIC / "vendor/README.md").read_text()
    (said,) = re.findall(r"`([0-9a-f]{64})`", page)
    assert sha256((STATIC / "vendor/htm-preact.js").read_bytes()).hexdigest() == said
    assert "MIT" in (STATIC / "vendor/LICENSE-preact.txt").read_text()
    assert "Apache License" in (STATIC / "vendor/LICENSE-htm.txt").read_text()
