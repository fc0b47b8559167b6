"""What the admin API's pages take on a database of ten days, and what ten viewers cost a replica that dials."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
import asyncpg
from bench.filled import filled_site
from bench.ground import Ground, Site
from bench.instant_carrier import InstantCarriers, Line
from bench.meter import Meter
from bench.throughput import Run, replica
from bench.world import is_answered
from pydantic import SecretStr

from outdial.admin.console import STATIC
from outdial.admin.opening import AdminOptions, open_admin
from outdial.rules.ids import ConnectionId
from outdial.web.server import HttpServer

LARGEST, SMALLEST = "c000", "c099"
TOKEN = "token-of-somebody-who-looks-0"
TIMES = 15
"""Each page is asked for so often."""
LOOKED_S = 60.0
"""For so long ten viewers look: twice the longest pause of `cadence.js`, so that every page counts as often as it is asked
for."""
VIEWED = (
    (("attempts", "CALLS_MS"),),
    (("attempts_waiting", "CALLS_MS"),),
    (("attempts_number", "CALLS_MS"),),
    (("capacity", "CALLS_MS"), ("health", "HEALTH_MS")),
    (("capacity_small", "CALLS_MS"), ("health_small", "HEALTH_MS")),
    (("number_health", "HEALTH_MS"),),
    (("explain_ended", "OVER_MS"),),
    (("explain_waiting", "STORY_MS"),),
    (("dead_letters", "STORY_MS"),),
    (),
)
"""The page that each of the ten has open: what it asks for, and how often by `cadence.js`. The tenth looks at the overview,
which the stream brings to all of them."""
_CADENCE = re.compile(r"export const (\w+) = (\d+);")


async def console(ground: Ground, in_database: int, attempts: int) -> Mapping[str, Mapping[str, float]]:
    """Both, by figure. `in_database`: attempts that the database is filled with; `attempts`: dialled for the comparison."""
    async with filled_site(ground, in_database) as site:
        paths = await pages(site.pool)
        return {"console_page": await _page_times(site, paths), "console": await _cost(site, paths, attempts)}


@asynccontextmanager
async def _admin(pool: asyncpg.Pool) -> AsyncIterator[HttpServer]:
    def no_broker() -> object:
        raise AssertionError("nothing is published here")

    options = AdminOptions("127.0.0.1", 0, "secret:tokens", requests_per_second=1e5, spam_threshold=0.75)
    secret = SecretStr(f"vera viewer+contacts {TOKEN}")
    async with open_admin(options, lambda: pool, no_broker, lambda _: secret) as server:  # type: ignore[arg-type]  # never called
        yield server


async def _page_times(site: Site, paths: Mapping[str, str]) -> dict[str, float]:
    """Each page's median in ms by its name, the slowest median, and the slowest 95th percentile."""
    taken: dict[str, list[float]] = {name: [] for name in paths}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with _admin(site.pool) as server, aiohttp.ClientSession(headers=headers) as session:
        for _ in range(TIMES):
            for name, path in paths.items():
                begun = time.perf_counter()
                async with session.get(f"{server.url}/api/v1{path}") as answer:
                    assert answer.status == 200, (name, answer.status, await answer.text())
                    await answer.read()
                taken[name].append(1000 * (time.perf_counter() - begun))
    medians = {name: statistics.median(times) for name, times in taken.items()}
    p95 = {name: statistics.quantiles(times, n=20)[-1] for name, times in taken.items()}
    every = {f"{name}_ms": value for name, value in medians.items()}
    return {"slowest_median_ms": max(medians.values()), "slowest_p95_ms": max(p95.values()), **every}


async def _cost(site: Site, paths: Mapping[str, str], attempts: int) -> dict[str, float]:
    """What ten viewers take: of one core, of PostgreSQL, of the throughput.

    `core_percent` is the admin port's own CPU time, measured where nothing else runs in the process; it does not depend
    on what else the machine does. A replica at full speed uses one core, so that is the share of its throughput, too.
    `throughput_ratio` is the same measured the other way, with all the noise of a busy machine.
    """
    every_s = {name: int(ms) / 1000 for name, ms in _CADENCE.findall((STATIC / "cadence.js").read_text())}
    chosen = [",".join(f"{paths[name]}@{every_s[cadence]}" for name, cadence in page) for page in VIEWED]
    return await _admin_alone(site, chosen) | await _beside_dialling(site, chosen, attempts)


async def _admin_alone(site: Site, viewed: list[str]) -> dict[str, float]:
    meter = await Meter.open(site.database_url)
    async with _admin(site.pool) as server:
        idle = await _used(meter, LOOKED_S / 4)
        viewers = await _viewers(server, LOOKED_S + 2, viewed)
        await asyncio.sleep(1)
        cpu, database = await _used(meter, LOOKED_S)
        seen = json.loads((await viewers.communicate())[0])
    await meter.close()
    return {
        "core_percent": (cpu - idle[0]) / 10,
        "database_percent": (database - idle[1]) / 10,
        "pages_per_s": seen["pages"] / (LOOKED_S + 2),
        "pictures_per_s": seen["pictures"] / (LOOKED_S + 2),
        "page_ms_of_viewers": seen["page_ms"],
    }


async def _beside_dialling(site: Site, viewed: list[str], attempts: int) -> dict[str, float]:
    await site.pool.execute(
        "update waiting set line = null where line is not null"
    )  # only what is published is dialled
    lines = [Line(ConnectionId(f"line{n}"), 0) for n in range(site.world.lines)]
    carriers = InstantCarriers(lines, 0.0, is_answered)
    run = await Run.start(site, replica, carriers)
    carriers.deliver = run.app.dispatcher.follower.deliver
    try:
        async with _admin(run.app.pool) as server:
            # Contacts of their own each time: who is bound to a number already makes one event less.
            await run.through(range(attempts // 4))
            alone = await run.through(range(attempts, 2 * attempts))
            viewers = await _viewers(server, 600, viewed)
            watched = await run.through(range(2 * attempts, 3 * attempts))
            viewers.terminate()
            await viewers.wait()
    finally:
        await run.stop()
    return {"throughput_ratio": watched["per_s"] / alone["per_s"], "per_s_alone": alone["per_s"]}


async def _viewers(server: HttpServer, seconds: float, viewed: list[str]) -> asyncio.subprocess.Process:
    arguments = ("-m", "bench.viewers", server.url, TOKEN, str(seconds), *viewed)
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)


async def _used(meter: Meter, seconds: float) -> tuple[float, float]:
    """Milliseconds of CPU of this process, and of PostgreSQL in statements, each second over that time."""
    first, begun = await meter.read(), time.perf_counter()
    await asyncio.sleep(seconds)
    cost, took = (await meter.read()).since(first), time.perf_counter() - begun
    return 1000 * cost.own_cpu_s / took, 1000 * cost.server_s / took


async def pages(pool: asyncpg.Pool) -> dict[str, str]:
    """Every path that the console's pages ask for, by name: the largest campaign, and pages deep in."""
    ended = await pool.fetchrow(
        "select attempt_id, contact, received_at from outcomes where campaign = $1 and tier = 'area_code' limit 1",
        LARGEST,
    )
    waiting = await pool.fetchval("select attempt_id from waiting where campaign = $1 limit 1", LARGEST)
    middle = await pool.fetchrow(
        "select attempt_id, received_at from attempts where tenant = 't0' and campaign = $1 order by received_at"
        " offset (select count(*) / 2 from attempts where tenant = 't0' and campaign = $1) limit 1",
        LARGEST,
    )
    number = await pool.fetchval(
        "select number from outcomes where campaign = $1 and number is not null limit 1", LARGEST
    )
    assert ended is not None
    assert middle is not None
    deep = f"{round(middle['received_at'] * 1_000_000)}-{middle['attempt_id']}"
    contact = quote(ended["contact"])
    lists = f"/attempts?campaign={LARGEST}&limit=50"
    of_largest = f"/campaigns/{LARGEST}"
    return {
        "me": "/me",
        "overview": "/overview",
        "tenants": "/tenants",
        "connections": "/connections",
        "numbers": "/numbers",
        "campaigns": "/campaigns",
        "campaign": of_largest,
        "number": f"/numbers/{number}",
        "capacity": f"{of_largest}/capacity",
        "capacity_small": f"/campaigns/{SMALLEST}/capacity",
        "health": f"{of_largest}/health?limit=100",
        "health_small": f"/campaigns/{SMALLEST}/health?limit=100",
        "number_health": f"/numbers/{number}/health",
        "attempts": lists,
        "attempts_deep": f"{lists}&after={deep}",
        "attempts_of_tenant": "/attempts?tenant=t0&limit=50",
        "attempts_of_tenant_deep": f"/attempts?tenant=t0&limit=50&after={deep}",
        "attempts_waiting": f"{lists}&state=waiting",
        "attempts_blocker": f"{lists}&blocker=outside_calling_hours",
        "attempts_in_line": f"{lists}&blocker=in_line",
        "attempts_placed": f"{lists}&state=placed",
        "attempts_ended": f"{lists}&state=ended",
        "attempts_ended_deep": f"{lists}&state=ended&after={deep}",
        "attempts_outcome": f"{lists}&outcome=spam_blocked",
        "attempts_two_outcomes": f"{lists}&outcome=no_answer&outcome=busy&after={deep}",
        "attempts_number": f"{lists}&number={number}",
        "attempts_number_deep": f"{lists}&number={number}&after={deep}",
        "attempts_number_outcome": f"{lists}&number={number}&outcome=spam_blocked",
        "attempts_contact": f"{lists}&contact={contact}",
        "attempts_since": f"{lists}&since=2020-01-01T00:00:00Z&until=2099-01-01T00:00:00Z",
        "explain_ended": f"/attempts/{ended['attempt_id']}/explain",
        "explain_waiting": f"/attempts/{waiting}/explain",
        "replay": f"/attempts/{ended['attempt_id']}/replay",
        "pick": f"{of_largest}/pick?to={contact}",
        "sticky": f"/sticky?contact={contact}",
        "suppressions": "/tenants/t0/suppressions",
        "suppressions_deep": "/tenants/t0/suppressions?after=100000",
        "dead_letters": "/dead-letters",
        "dead_letters_deep": "/dead-letters?after=4000&replayed=true",
        "dead_letter": "/dead-letters/17",
    }
