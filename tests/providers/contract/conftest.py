"""Every test of this folder that takes `provider` runs once per provider; `refusal`, `look_up`, … once per row of its
description."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from outdial.providers.http import HttpClient, HttpLimits
from tests.providers.contract.all_providers import ALL
from tests.providers.contract.description import ProviderUnderTest

ROWS = {
    "refusal": lambda provider: provider.create.refusals,
    "look_up": lambda provider: provider.look_ups,
    "search": lambda provider: provider.searches,
    "hang_up": lambda provider: provider.hang_ups,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    asked = [name for name in ROWS if name in metafunc.fixturenames]
    if asked:
        rows = [(provider, row) for provider in ALL for row in ROWS[asked[0]](provider)]
        metafunc.parametrize(("provider", asked[0]), rows, ids=[f"{provider}-{row.name}" for provider, row in rows])
    elif "sequence" in metafunc.fixturenames:
        names = [(provider, name) for provider in ALL for name in provider.callbacks.sequences]
        metafunc.parametrize(("provider", "sequence"), names, ids=[f"{provider}-{name}" for provider, name in names])
    elif "provider" in metafunc.fixturenames:
        metafunc.parametrize("provider", ALL, ids=_names(ALL))


def _names(providers: tuple[ProviderUnderTest, ...]) -> Iterator[str]:
    return (provider.name for provider in providers)


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient(HttpLimits(total_s=5.0)) as client:
        yield client


@pytest.fixture
async def hasty() -> AsyncIterator[HttpClient]:
    """Gives up early; only for scenarios that end by a timeout."""
    async with HttpClient(HttpLimits(connect_s=0.1, total_s=0.2)) as client:
        yield client
