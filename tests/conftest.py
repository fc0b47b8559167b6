"""Fixtures for everybody: real PostgreSQL and RabbitMQ, private to the session, a fresh database per test."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.dialled import Dialled, dialled_database
from tests.support.services import Services


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """The session's servers."""
    started = Services()
    yield started
    started.stop()


@pytest.fixture
async def database_url(services: Services) -> AsyncIterator[str]:
    """A fresh migrated database of the distribution's PostgreSQL."""
    databases = services.databases("distribution")
    url = await databases.fresh()
    yield url
    await databases.drop(url)


@pytest.fixture
async def embedded_database_url(services: Services) -> AsyncIterator[str]:
    """A fresh migrated database of the PostgreSQL in the wheel."""
    databases = services.databases("embedded18")
    url = await databases.fresh()
    yield url
    await databases.drop(url)


@pytest.fixture(params=["distribution", "embedded18"])
async def any_database_url(request: pytest.FixtureRequest, services: Services) -> AsyncIterator[str]:
    """A fresh migrated database, on each of the two PostgreSQLs."""
    databases = services.databases(request.param)
    url = await databases.fresh()
    yield url
    await databases.drop(url)


@pytest.fixture(scope="session")
def amqp_url(services: Services) -> str:
    """A real RabbitMQ."""
    return services.amqp_url()


@pytest.fixture
def amqp_prefix() -> str:
    """A name prefix of exchanges and queues that only this test uses."""
    return f"t{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="session")
async def dialled(services: Services) -> AsyncIterator[Dialled]:
    """A database on which calls were made; for reading only, many tests share it."""
    async with dialled_database(services.databases("distribution")) as done:
        yield done
