"""The admin port over a database that a replica has really dialled on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from outdial.admin.opening import AdminOptions, open_admin
from tests.admin.asking import TOKENS, Api, no_broker
from tests.support.dialled import Dialled, looker

OPTIONS = AdminOptions("127.0.0.1", 0, "secret:admin_tokens", requests_per_second=1000.0, spam_threshold=0.75)


@pytest.fixture
async def pool(dialled: Dialled) -> AsyncIterator[asyncpg.Pool]:
    opened = await looker(dialled)
    yield opened
    await opened.close()


@pytest.fixture
async def api(pool: asyncpg.Pool) -> AsyncIterator[Api]:
    async with (
        open_admin(OPTIONS, lambda: pool, no_broker, lambda _: SecretStr(TOKENS)) as server,
        aiohttp.ClientSession() as session,
    ):
        yield Api(session, server.url)
