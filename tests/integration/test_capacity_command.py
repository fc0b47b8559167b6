"""`outdial capacity` on a real database: what is told is true at once, and costs the same with a million waiting."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid

import asyncpg
import pytest

from outdial.operator.blockers import campaign_blockers
from outdial.operator.capacity import campaign_capacity
from outdial.operator.pause import set_paused
from outdial.postgres import statements
from outdial.rules.blocker import Blocker
from outdial.rules.catalogue_rows import Kind
from outdial.rules.pool_capacity import Binding
from tests.support.daemon import OUTDIAL
from tests.support.dialled import CALLS, Dialled, applied, looker

UPKEEP = statements.load("upkeep")
ADD = """
insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, next_eligible_at, received_at)
select 'acme', gen_random_uuid(), 'spring', '+1312' || i, case when $2 = 'in_line' then '' end, 4, now(), now(), now(), $2,
       case when $2 <> 'in_line' then now() + i * interval '1 hour' end, now()
from generate_series(1, $1::int) i
"""


async def counted(pool: asyncpg.Pool) -> dict[str, int]:
    """As `outdial capacity` tells."""
    return {one.blocker.value: one.attempts for one in await campaign_blockers(pool, "spring")}


async def recounted(pool: asyncpg.Pool) -> dict[str, int]:
    """Row by row."""
    return {row[0]: row[1] for row in await pool.fetch("select blocker, count(*) from waiting group by blocker")}


async def test_the_counts_are_those_of_the_rows_whatever_happened_to_them(any_database_url: str) -> None:
    async with applied(any_database_url) as pool:
        await pool.execute(ADD, 30, "in_line")
        await pool.execute(ADD, 20, "not_due")
        await pool.execute("update waiting set blocker = 'tier_busy' where attempt_id < $1", uuid.UUID(int=2**127))
        await pool.execute("update waiting set due_at = now() + interval '1 minute'")
        await pool.execute("delete from waiting where contact < '+131215'")
        assert await counted(pool) == await recounted(pool)
        before = await recounted(pool)
        async with pool.acquire() as connection:
            undone = connection.transaction()
            await undone.start()
            await connection.execute("delete from waiting")
            await undone.rollback()
        assert await counted(pool) == before


async def test_counts_are_added_up_by_many_at_once_and_stay_the_same(any_database_url: str) -> None:
    async with applied(any_database_url) as pool:
        for _ in range(30):
            await pool.execute(ADD, 2, "in_line")
        assert await pool.fetchval("select count(*) from waiting_counts") == 30
        await asyncio.gather(*(pool.execute(UPKEEP["add_up_waiting"], 5) for _ in range(4)))
        assert await pool.fetchval("select count(*) from waiting_counts") < 30
        assert await counted(pool) == {"in_line": 60}
        await pool.execute("delete from waiting")
        await pool.execute(UPKEEP["add_up_waiting"], 0)
        assert await pool.fetchval("select count(*) from waiting_counts") == 0


async def test_a_pause_shows_at_once_and_individual_blockers_stay(database_url: str) -> None:
    async with applied(database_url) as pool:
        await pool.execute(ADD, 5, "in_line")
        await pool.execute(ADD, 3, "not_due")
        assert await counted(pool) == {"in_line": 5, "not_due": 3}
        await set_paused(pool, Kind.CAMPAIGN, "spring", paused=True, who="test", why="")
        assert await counted(pool) == {"campaign_paused": 5, "not_due": 3}
        told = await campaign_capacity(pool, "spring")
        assert (told.backlog, told.drain_s, told.starts_per_second) == (8, None, 0.0)
        assert (told.capacity.free_now, told.capacity.binds_now) == (0, (Binding.CAMPAIGN,))
        not_due = next(one for one in told.waiting if one.blocker is Blocker.NOT_DUE)
        assert not_due.next_eligible_at is not None
        assert told.at < not_due.next_eligible_at < told.at + 3_700


async def test_the_breakdown_of_a_dialled_campaign(dialled: Dialled) -> None:
    pool = await looker(dialled)
    told = await campaign_capacity(pool, "spring")
    await pool.close()
    assert [(one.connection, one.numbers, one.room.limit) for one in told.capacity.connections] == [("line", 3, 8)]
    assert (told.capacity.raw, told.capacity.ceiling, told.capacity.binds) == (8, 8, (Binding.CONNECTIONS,))
    assert told.held_s is not None
    assert told.starts_per_second == pytest.approx(8 / told.held_s)
    assert sum(one.calls_24h for one in told.numbers) == CALLS + 1
    assert {one.number: one.out for one in told.numbers}["n2"] == "paused"


async def test_counting_reads_no_waiting_rows(database_url: str) -> None:
    """The plan of the counts never touches the waiting room, however large it is."""
    async with applied(database_url) as pool:
        sql = statements.load("reports_capacity")["waits"]
        rows = await pool.fetch("explain " + sql.replace("$1::text[]", "array['spring']"))
        plan = "\n".join(row[0] for row in rows)
        assert "waiting_counts" in plan
        assert "waiting_line" not in plan
        assert "waiting_campaign" not in plan


async def test_watch_goes_on_until_ctrl_c_and_ends_quietly(database_url: str) -> None:
    async with applied(database_url):
        process = await asyncio.create_subprocess_exec(
            OUTDIAL, "capacity", "spring", "--watch", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OUTDIAL_DATABASE__URL": database_url},
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        seen = 0
        async with asyncio.timeout(20):
            while seen < 2:
                seen += (await process.stdout.readline()).startswith(b"Why is it not dialling?")
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 130
        assert await process.stderr.read() == b""
