"""What has ended and is past its time goes by itself; what still matters stays, however old it is."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any

import asyncpg
import pytest

from outdial.postgres import upkeep
from outdial.postgres.pool import connect
from outdial.postgres.upkeep import DAY_S, Retention, UpkeepQueries
from tests.support.daemon import scenario
from tests.support.replica import replica

KEPT = Retention(
    attempts_s=30 * DAY_S,
    outcomes_s=400 * DAY_S,
    pictures_s=90 * DAY_S,
    dead_letters_s=30 * DAY_S,
    audit_log_s=60 * DAY_S,
)
ATTEMPT = """
with new as (
    insert into attempts values ('acme', gen_random_uuid(), 'spring', '+13125550100', '{}', '', now() - $1 * interval '1 day')
    returning *
)
"""
ENDED = (
    ATTEMPT + "insert into outcomes (tenant, attempt_id, campaign, contact, outcome, ended_at, received_at) "
    "select tenant, attempt_id, campaign, contact, 'busy', now() - $2 * interval '1 day', received_at from new returning attempt_id"
)
WAITING = (
    ATTEMPT
    + "insert into waiting (tenant, attempt_id, campaign, contact, urgency, due_at, not_after, look_at, blocker, received_at) "
    "select tenant, attempt_id, campaign, contact, 4, now(), now() + interval '1 day', now(), 'not_due', received_at from new "
    "returning attempt_id"
)


async def keep_house(url: str) -> asyncpg.Pool:
    pool = await connect(url)
    await UpkeepQueries(pool, uuid.uuid4(), 1, KEPT).keep_house(time.time())
    return pool


async def test_an_id_is_remembered_for_as_long_as_is_set_after_its_end(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BITE", 2)
    pool = await keep_house(database_url)
    for _ in range(5):
        await pool.fetchval(ENDED, 40, 31)
    kept = {
        await pool.fetchval(ENDED, 40, 29),  # it came long ago and ended lately
        await pool.fetchval(ENDED, 10, 10),
        await pool.fetchval(WAITING, 40),
    }
    await UpkeepQueries(pool, uuid.uuid4(), 1, KEPT).keep_house(time.time())
    assert {row["attempt_id"] for row in await pool.fetch("select attempt_id from attempts")} == kept
    assert await pool.fetchval("select count(*) from outcomes") == 7
    await pool.close()


async def test_what_stays_is_looked_at_once_and_every_campaign_is_gone_through(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More that stays than a bite looks at, received in one moment, before what goes; in campaigns of two tenants."""
    monkeypatch.setattr(upkeep, "BITE", 3)
    pool = await keep_house(database_url)
    kept = {await pool.fetchval(WAITING, 50) for _ in range(7)}
    await pool.execute("update attempts set received_at = now() - interval '50 days'")
    for _ in range(7):
        await pool.fetchval(ENDED, 40, 31)
    for campaign, tenant in (("autumn", "acme"), ("spring", "bakery"), ("winter", "bakery")):
        await pool.execute(
            "insert into attempts select $1, gen_random_uuid(), $2, '+13125550100', '{}', '', now() - n * interval '1 day'"
            " from generate_series(28, 36) n",
            tenant,
            campaign,
        )
    await UpkeepQueries(pool, uuid.uuid4(), 1, KEPT).keep_house(time.time())
    left = await pool.fetch("select tenant, campaign, attempt_id from attempts")
    assert {row["attempt_id"] for row in left if (row["tenant"], row["campaign"]) == ("acme", "spring")} == kept
    assert len(left) == len(kept) + 3 * 2, "28 and 29 days"
    await pool.close()


async def test_outcomes_go_by_whole_months(database_url: str) -> None:
    pool = await keep_house(database_url)
    for months in (12, 13, 15, 20):
        await pool.execute(f"select make_outcomes_month((now() - interval '{months} months')::date)")
        await pool.execute(
            "insert into outcomes (tenant, attempt_id, campaign, contact, outcome, ended_at, received_at) "
            f"values ('acme', gen_random_uuid(), 's', '+1', 'busy', now() - interval '{months} months', now())"
        )
    await UpkeepQueries(pool, uuid.uuid4(), 1, KEPT).keep_house(time.time())
    oldest = await pool.fetchval("select extract(epoch from now() - min(ended_at)) / 86400 from outcomes")
    assert await pool.fetchval("select count(*) from outcomes") == 2
    assert 390 < oldest < 430
    await pool.close()


async def test_dropping_a_month_makes_nobody_wait(database_url: str) -> None:
    pool = await keep_house(database_url)
    await pool.execute("select make_outcomes_month((now() - interval '20 months')::date)")
    async with pool.acquire() as reader, reader.transaction():
        await reader.fetch("select * from outcomes")
        assert await pool.fetchval("select drop_outcomes_months(now()::date - 400)") == 0
    assert await pool.fetchval("select drop_outcomes_months(now()::date - 400)") == 1
    await pool.close()


async def test_letters_that_were_published_again_go_and_open_ones_stay(database_url: str) -> None:
    pool = await keep_house(database_url)
    await pool.execute(
        "insert into dead_letters (queue, routing_key, body, reason, received_at, replayed_at) values "
        "('q', 'acme', '', 'old', now() - interval '90 days', now() - interval '31 days'), "
        "('q', 'acme', '', 'open', now() - interval '90 days', null), "
        "('q', 'acme', '', 'new', now() - interval '90 days', now() - interval '29 days')"
    )
    await UpkeepQueries(pool, uuid.uuid4(), 1, KEPT).keep_house(time.time())
    assert [row["reason"] for row in await pool.fetch("select reason from dead_letters order by letter")] == [
        "open",
        "new",
    ]
    await pool.close()


async def test_pools_that_no_pick_saw_for_long_go(database_url: str) -> None:
    pool = await keep_house(database_url)
    await pool.execute(
        "insert into pool_pictures (hash, campaign, body, seen_at) "
        "select d::text, 's', '{}', now() - d * interval '1 day' from unnest(array[1, 89, 91, 400]) d"
    )
    await UpkeepQueries(pool, uuid.uuid4(), 1, KEPT).keep_house(time.time())
    assert [row["hash"] for row in await pool.fetch("select hash from pool_pictures order by seen_at desc")] == [
        "1",
        "89",
    ]
    await pool.close()


async def test_the_audit_log_forgets_nothing_younger_than_a_month_whoever_asks(database_url: str) -> None:
    pool = await keep_house(database_url)
    await pool.execute(
        "insert into audit_log (at, who, action, subject) "
        "select now() - d * interval '1 day', 'anna', 'pause', d::text from unnest(array[10, 40, 70]) d"
    )
    await UpkeepQueries(pool, uuid.uuid4(), 1, KEPT).keep_house(time.time())
    assert [row["subject"] for row in await pool.fetch("select subject from audit_log order by at")] == ["40", "10"]
    await pool.fetchval("select forget_audit_log(now() + interval '1 year', 1000)")
    assert [row["subject"] for row in await pool.fetch("select subject from audit_log")] == ["10"]
    await pool.close()


async def test_a_replica_dials_while_there_is_much_to_forget(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a long rest, or with a shorter retention, there are hours of it: the start waited for that once."""
    begun = asyncio.Event()

    async def for_ever(*_: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(UpkeepQueries, "_forget", for_ever)
    async with asyncio.timeout(60), replica(database_url, scenario(ring_s=0.1)) as one:
        await one.ended(await one.publish())
        await begun.wait()
