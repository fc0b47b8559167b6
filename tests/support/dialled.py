"""A database that a replica has really dialled on, for all that is asked about afterwards: picks, outcomes, waits."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from outdial.carrier import Scenario
from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.postgres.pool import connect
from tests.support.daemon import catalogue, scenario
from tests.support.replica import Replica, replica
from tests.support.services import Databases

CALLS = 24
PAUSED, FLAGGED = "n2", "n4"
MORE = """
[numbers.n2]
paused = true
[numbers.n4]
e164 = "+12025550104"
tenant = "acme"
connection = "line"
[numbers.uk]
e164 = "+442079460104"
tenant = "acme"
connection = "line"
[campaigns.spring]
pool = ["n1", "n2", "n3", "n4", "uk"]
[campaigns.night]
tenant = "acme"
primary = "n1"
calling_hours = [{ days = "DAY", start = "09:00", end = "10:00" }]
[tenants.other]
"""


@dataclass(frozen=True, slots=True)
class Dialled:
    """Where it lies, and the attempts: `first` calls in the order published, the rest one each.

    `own_again`: to the contact of `own`, which was reached before, so it went out from the contact's own number.
    """

    url: str
    first: tuple[str, ...]
    own: str
    own_contact: str
    own_again: str
    waits: str
    waits_at_night: str
    refused: str


DIALS: Scenario = scenario(ring_s=1.0, talk_s=1.0, answer_rate=0.5)


async def dial(url: str) -> Dialled:
    """Fill an empty, migrated database by the real thing; about three seconds."""
    async with replica(url, DIALS) as one:
        return await dial_with(one, url)


async def dial_with(one: Replica, url: str) -> Dialled:
    """The same with a replica that goes on afterwards."""
    await one.pool.execute(
        "insert into spam_reports (number, source, score, why, reported_at) values ($1, 'lab', 0.9, 'seen', now())",
        FLAGGED,
    )
    in_three_days = time.strftime("%a", time.gmtime(time.time() + 3 * 86_400)).lower()
    await one.apply(MORE.replace("DAY", in_three_days))
    first = [await one.publish(f"+1312555{n:04d}") for n in range(CALLS)]
    for attempt in first:
        await one.ended(attempt)
    reached = await one.pool.fetchrow(
        "select attempt_id, contact from outcomes where outcome like 'answered%' order by contact limit 1"
    )
    assert reached is not None
    own_again = await one.publish(reached["contact"], contact_id="lead-7", attempt_no=2)
    await one.ended(own_again)
    waits = await one.publish("+13125550999", not_before="2099-01-01T00:00:00Z", not_after="2099-01-02T00:00:00Z")
    await one.waiting(waits, "not_due")
    at_night = await one.publish("+13125550998", campaign_id="night")
    await one.waiting(at_night, "outside_calling_hours")
    refused = await one.publish("+881612345678")
    await one.ended(refused)
    return Dialled(
        url, tuple(first), str(reached["attempt_id"]), reached["contact"], own_again, waits, at_night, refused
    )  # fmt: skip


@asynccontextmanager
async def dialled_database(databases: Databases) -> AsyncIterator[Dialled]:
    """A database of its own, gone at the end."""
    url = await databases.fresh()
    try:
        yield await dial(url)
    finally:
        await databases.drop(url)


@asynccontextmanager
async def applied(url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on an empty, migrated database with the usual catalogue, where nobody dials."""
    pool = await connect(url)
    await apply(pool, read_catalogue(catalogue("http://127.0.0.1:1"), "test"), who="test")
    yield pool
    await pool.close()


async def looker(dialled: Dialled) -> asyncpg.Pool:
    """A pool to look with."""
    return await connect(dialled.url)
