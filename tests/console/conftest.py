"""A browser, and what it looks at: once per test process."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from outdial.embedded.install import ensure_chromium
from tests.console.looking import FLAGS
from tests.console.stage import Stage, staged
from tests.support.services import UNPACKED, Services


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=ensure_chromium(UNPACKED), args=list(FLAGS))
        yield chromium
        await chromium.close()


@pytest.fixture(scope="session")
async def stage(services: Services) -> AsyncIterator[Stage]:
    databases = services.databases("distribution")
    url = await databases.fresh()
    async with staged(url) as built:
        yield built
    await databases.drop(url)
