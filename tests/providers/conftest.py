"""An open HTTP client for adapters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from outdial.providers.http import HttpClient


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client
