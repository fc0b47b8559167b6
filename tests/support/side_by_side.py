"""Stories with real processes take seconds each, mostly of waiting: a module's stories begin together, a few at a time,
each with a database, a broker prefix and a carrier of its own, and each test waits for the one that it names.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from tests.support.crew import Crew, crew
from tests.support.services import Services

AT_ONCE = 4
Name = TypeVar("Name")
Result = TypeVar("Result")
Stories = Mapping[Name, Callable[[Crew], Awaitable[Result]]]


@asynccontextmanager
async def side_by_side(
    services: Services, stories: Stories[Name, Result]
) -> AsyncIterator[Mapping[Name, asyncio.Task[Result]]]:
    """Begin all stories; what is still going on at the end is cancelled."""
    databases, gate = services.databases("distribution"), asyncio.Semaphore(AT_ONCE)
    amqp_url = services.amqp_url()
    await databases.drop(await databases.fresh())  # the template is made once, before many want it

    async def one(story: Callable[[Crew], Awaitable[Result]]) -> Result:
        async with gate:
            url = await databases.fresh()
            try:
                async with crew(url, amqp_url, f"t{uuid.uuid4().hex[:8]}") as world:
                    return await story(world)
            finally:
                await databases.drop(url)

    begun = {name: asyncio.create_task(one(story)) for name, story in stories.items()}
    yield begun
    for task in begun.values():
        task.cancel()
    await asyncio.gather(*begun.values(), return_exceptions=True)
