"""What a change of the catalogue does to the rows around it: assignments, statistics, audit, other changes at once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest

from outdial.catalogue.apply import CatalogueMoved, Proposal, apply, propose
from outdial.catalogue.problems import BadCatalogue
from outdial.catalogue.read import read_catalogue
from outdial.operator.pause import set_paused
from outdial.postgres import catalogue
from outdial.postgres.catalogue import load_catalogue
from outdial.postgres.pool import connect
from outdial.rules.catalogue_rows import CatalogueRows, Kind
from outdial.rules.ids import CampaignId, NumberId, TenantId
from tests.catalogue.files import BASE, OTHER_TENANT

ANNA, BEN, CARA = "+12125550143", "+13125550144", "+14155550145"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a database with the base catalogue."""
    opened = await connect(database_url)
    await put(opened, BASE)
    yield opened
    await opened.close()


async def put(pool: asyncpg.Pool, text: str, *, prune: bool = False, agreed: Proposal | None = None) -> Proposal:
    return await apply(pool, read_catalogue(text, "test.toml"), prune=prune, who="tester", why="because", agreed=agreed)


async def rows_of(pool: asyncpg.Pool) -> CatalogueRows:
    async with pool.acquire() as connection:
        return await load_catalogue(connection)


async def stick(pool: asyncpg.Pool, contact: str, number: str = "us-2", *, epoch: int = 1, hours: int = 1) -> None:
    """An assignment bound now that holds for so many hours (negative: it has expired)."""
    await pool.execute(
        "insert into sticky (campaign, contact, number, epoch, bound_at, expires_at, bound_by) "
        "values ('spring', $1, $2, $3, clock_timestamp(), now() + $4 * interval '1 hour', 'test')",
        contact, number, epoch, hours,
    )  # fmt: skip


async def added_at(pool: asyncpg.Pool, number: str) -> float:
    """Since when it is a member of spring, Unix seconds."""
    joined = (await rows_of(pool)).members[CampaignId("spring"), NumberId(number)].added_at
    assert joined is not None
    return joined


async def stuck(pool: asyncpg.Pool) -> list[str]:
    return [row["contact"] for row in await pool.fetch("select contact from sticky order by contact")]


async def call_under_way(pool: asyncpg.Pool) -> None:
    """A call of spring, from us-2, with its slots taken."""
    await pool.execute(
        "insert into calls (tenant, attempt_id, placement, campaign, contact, connection, number, intent_at, place_at, "
        "deadline, next_check_at, worker, epoch, counted, h, r, baseline_class, sticky_epoch, decision, carry) values "
        "('acme', $1, $2, 'spring', $3, 'acme-us', 'us-2', now(), now(), now(), now(), $1, 1, true, 0.1, 1, 'first', 1, "
        "'{}', '{}')",
        uuid.uuid4(), uuid.uuid4(), ANNA,
    )  # fmt: skip
    await pool.execute("update limits set in_use = 1")


async def test_a_number_that_leaves_takes_its_assignments_along(pool: asyncpg.Pool) -> None:
    await stick(pool, ANNA)
    await stick(pool, BEN, "us-1")
    await stick(pool, CARA, hours=-1)
    shrink = '[campaigns.spring]\npool = ["us-1"]'
    assert dict((await propose(pool, read_catalogue(shrink, "t"))).sticky_voided) == {"spring": 1}
    assert await stuck(pool) == [ANNA, BEN, CARA]
    done = await put(pool, shrink)
    assert dict(done.sticky_voided) == {"spring": 1}
    assert await stuck(pool) == [BEN]


async def test_a_number_that_comes_back_begins_a_new_membership(pool: asyncpg.Pool) -> None:
    before = await added_at(pool, "us-2")
    await put(pool, '[campaigns.spring]\npool = ["us-1"]')
    await put(pool, '[campaigns.spring]\npool = ["us-1", "us-2"]')
    joined = await added_at(pool, "us-2")
    assert joined > before
    again = await put(pool, '[campaigns.spring]\npool = ["us-1", { number = "us-2", base_weight = 9 }]')
    assert not again.sticky_voided
    assert await added_at(pool, "us-2") == joined


async def test_switching_sticky_off_and_on_again_starts_afresh(pool: asyncpg.Pool) -> None:
    await stick(pool, ANNA)
    await stick(pool, BEN, "us-1")
    assert dict((await put(pool, "[campaigns.spring]\nsticky.enabled = false")).sticky_voided) == {"spring": 2}
    assert await stuck(pool) == []
    assert not (await put(pool, "[campaigns.spring]\nsticky.enabled = true")).sticky_voided
    assert (await rows_of(pool)).campaigns[CampaignId("spring")].sticky_epoch == 2


async def test_many_void_assignments_go_in_many_small_steps(pool: asyncpg.Pool) -> None:
    await pool.execute(
        "insert into sticky select 'spring', '+1' || n, 'us-2', 1, clock_timestamp(), null, 'test' "
        "from generate_series(1, 12000) n"
    )
    assert dict((await put(pool, '[campaigns.spring]\npool = ["us-1"]')).sticky_voided) == {"spring": 12_000}
    assert await stuck(pool) == []


async def test_a_released_number_loses_its_assignments_for_good(pool: asyncpg.Pool) -> None:
    before = await added_at(pool, "us-2")
    await stick(pool, ANNA)
    assert dict((await put(pool, '[numbers.us-2]\nstate = "released"')).sticky_voided) == {"spring": 1}
    assert await stuck(pool) == []
    assert await added_at(pool, "us-2") > before


async def test_removing_a_tenant_takes_everything_of_it_and_nothing_else(pool: asyncpg.Pool) -> None:
    await put(pool, OTHER_TENANT)
    await pool.execute(
        "insert into suppressions (tenant, contact) values ('globex', '+442079460199'), ('acme', $1)", ANNA
    )
    for table, columns in (
        ("number_health (number)", "('gx-1'), ('us-1')"),
        ("number_volume (number, hour, dials)", "('gx-1', now(), 1), ('us-1', now(), 1)"),
        ("member_stats (campaign, number, at)", "('old', 'gx-1', now()), ('spring', 'us-1', now())"),
    ):
        await pool.execute(f"insert into {table} values {columns}")
    done = await put(pool, BASE, prune=True)
    assert dict(done.suppressions_lost) == {"globex": 1}
    for table in ("number_health", "number_volume", "member_stats"):
        assert [row["number"] for row in await pool.fetch(f"select number from {table}")] == ["us-1"]
    assert await pool.fetchval("select count(*) from limits where id = 'globex'") == 0
    assert await pool.fetchval("select count(*) from suppressions") == 1


async def test_what_has_calls_under_way_or_waiting_is_not_removed(pool: asyncpg.Pool) -> None:
    await call_under_way(pool)
    await pool.execute(
        "insert into waiting (tenant, attempt_id, campaign, contact, urgency, due_at, not_after, look_at, received_at) "
        "values ('acme', $1, 'spring', $2, 5, now(), now(), now(), now())", uuid.uuid4(), BEN,
    )  # fmt: skip
    before = await rows_of(pool)
    with pytest.raises(BadCatalogue) as refused:
        await put(pool, "", prune=True)
    assert {(problem.where, problem.what) for problem in refused.value.problems} == {
        ("campaigns.spring", "cannot be removed: 1 of its attempts wait"),
        ("campaigns.spring", "cannot be removed: 1 of its calls are under way"),
        ("connections.acme-us", "cannot be removed: 1 of its calls are under way"),
        ("numbers.us-2", "cannot be removed: 1 of its calls are under way"),
        ("tenants.acme", "cannot be removed: 1 of its calls are under way"),
    }
    assert await rows_of(pool) == before


async def test_limits_change_without_harm_to_what_is_in_use(pool: asyncpg.Pool) -> None:
    await call_under_way(pool)
    await put(pool, '[connections.acme-us]\nmax_calls = 0\npaused = true\ncalls_per_second = "default"')
    row = await pool.fetchrow("select * from limits where kind = 'connection'")
    assert row is not None
    assert (row["max_calls"], row["in_use"], row["paused"], row["calls_per_second"]) == (0, 1, True, None)


async def test_every_thing_has_its_limits_and_its_audit_entry(pool: asyncpg.Pool) -> None:
    await put(pool, OTHER_TENANT)
    kinds = await pool.fetch("select kind, id from limits order by kind, id")
    assert [tuple(row) for row in kinds] == [
        ("campaign", "spring"),
        ("connection", "acme-us"),
        ("tenant", "acme"),
        ("tenant", "globex"),
    ]
    audit = await pool.fetch("select who, why, action, subject from audit_log order by entry desc limit 2")
    assert [tuple(row) for row in audit] == [
        ("tester", "because", "apply.added", "number/gx-1"),
        ("tester", "because", "apply.added", "tenant/globex"),
    ]


async def test_no_change_writes_nothing(pool: asyncpg.Pool) -> None:
    version, entries = (await rows_of(pool)).version, await pool.fetchval("select count(*) from audit_log")
    assert (await put(pool, BASE)).changes_nothing
    assert ((await rows_of(pool)).version, await pool.fetchval("select count(*) from audit_log")) == (version, entries)


async def test_a_plan_that_was_agreed_to_is_not_carried_out_on_another_catalogue(pool: asyncpg.Pool) -> None:
    file = "[tenants.acme]\nmax_calls = 7"
    agreed = await propose(pool, read_catalogue(file, "t"))
    await put(pool, "[tenants.acme]\nmax_calls = 6")
    with pytest.raises(CatalogueMoved):
        await put(pool, file, agreed=agreed)
    assert (await rows_of(pool)).tenants[TenantId("acme")].max_calls == 6


async def test_applies_at_the_same_moment_lose_nothing_of_each_other(pool: asyncpg.Pool) -> None:
    files = [f"[tenants.t{n}]\nmax_calls = {n}\n[campaigns.spring]\nrotation = {{ prior = {n + 1} }}" for n in range(6)]
    version = (await rows_of(pool)).version
    await asyncio.gather(*(put(pool, file) for file in files))
    rows = await rows_of(pool)
    assert {name for name in rows.tenants if name.startswith("t")} == {f"t{n}" for n in range(6)}
    assert rows.version == version + 6


async def test_a_pause_is_not_undone_by_an_apply_that_was_under_way(pool: asyncpg.Pool) -> None:
    """The apply holds the catalogue's lock and has read `paused = false` when the pause comes."""
    async with pool.acquire() as first, first.transaction():
        await catalogue.lock_catalogue(first)
        pausing = asyncio.create_task(set_paused(pool, Kind.TENANT, "acme", paused=True, who="me", why="now"))
        while not await first.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
            await asyncio.sleep(0)
        await first.execute("update limits set paused = false, max_calls = 9 where kind = 'tenant'")
    assert await pausing
    row = (await rows_of(pool)).tenants[TenantId("acme")]
    assert (row.paused, row.max_calls) == (True, 9)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Kind.TENANT, "acme"), (Kind.CAMPAIGN, "spring"), (Kind.CONNECTION, "acme-us"), (Kind.NUMBER, "us-1")],
)
async def test_everything_can_be_paused_and_resumed(pool: asyncpg.Pool, kind: Kind, name: str) -> None:
    for paused in (True, False):
        assert await set_paused(pool, kind, name, paused=paused, who="me", why="test")
        rows = await rows_of(pool)
        things = {
            Kind.TENANT: rows.tenants,
            Kind.CAMPAIGN: rows.campaigns,
            Kind.CONNECTION: rows.connections,
            Kind.NUMBER: rows.numbers,
        }
        assert {row.paused for key, row in things[kind].items() if key == name} == {paused}  # type: ignore[attr-defined]  # four kinds of rows
    audit = await pool.fetch("select action, subject from audit_log order by entry desc limit 2")
    assert [tuple(row) for row in audit] == [
        ("resume", f"{kind.singular}/{name}"),
        ("pause", f"{kind.singular}/{name}"),
    ]


async def test_replicas_are_told_of_a_change(pool: asyncpg.Pool) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    async with pool.acquire() as listening:
        await listening.add_listener("outdial_catalogue", lambda _c, _p, _n, payload: told.put_nowait(str(payload)))
        await put(pool, OTHER_TENANT)
        async with asyncio.timeout(5):
            assert int(await told.get()) == (await rows_of(pool)).version
        await listening.reset()
