"""The catalogue over HTTP: only what is sent changes, nobody's change is lost, and every change leaves its audit row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from outdial.admin.opening import open_admin
from outdial.postgres.pool import connect
from tests.admin.asking import OPERATOR, TOKENS, VIEWER, Api, Told, no_broker
from tests.admin.conftest import OPTIONS
from tests.support.dialled import applied


@pytest.fixture
async def pool(embedded_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with applied(embedded_database_url) as opened:
        yield opened


@pytest.fixture
async def api(pool: asyncpg.Pool) -> AsyncIterator[Api]:
    async with (
        open_admin(OPTIONS, lambda: pool, no_broker, lambda _: SecretStr(TOKENS)) as server,
        aiohttp.ClientSession() as session,
    ):
        yield Api(session, server.url)


async def patch(api: Api, path: str, keys: object, etag: str | None, **query: Any) -> Told:
    headers = {"If-Match": etag} if etag else {}
    return await api.ask("PATCH", path, OPERATOR, json=keys, params={"why": "test", **query}, headers=headers)


async def test_only_what_is_sent_changes_and_the_answer_shows_all(api: Api, pool: asyncpg.Pool) -> None:
    before = await api.get("/campaigns/spring")
    told = await patch(api, "/campaigns/spring", {"sticky": {"ttl_s": 3600}, "max_calls": 7}, before.headers["ETag"])
    assert told.status == 200
    assert {(one["key"], one["old"], one["new"]) for one in told.body["changes"]} == {
        ("sticky.ttl_s", before.body["written"].get("sticky", {}).get("ttl_s"), 3600),
        ("max_calls", before.body["written"].get("max_calls"), 7),
    }
    after = await api.get("/campaigns/spring")
    written = before.body["written"]
    assert after.body["written"] == {**written, "max_calls": 7, "sticky": {**written.get("sticky", {}), "ttl_s": 3600}}
    assert after.body["effective"]["sticky"] == {**before.body["effective"]["sticky"], "ttl_s": 3600}
    assert after.headers["ETag"] != before.headers["ETag"]
    row = await pool.fetchrow("select who, why, action, subject from audit_log order by at desc limit 1")
    assert row is not None
    assert tuple(row) == ("olga", "test", "apply.changed", "campaign/spring")


async def test_null_goes_back_to_the_default(api: Api) -> None:
    told = await patch(api, "/campaigns/spring", {"max_calls": 7}, (await api.get("/campaigns/spring")).headers["ETag"])
    assert told.status == 200
    told = await patch(
        api, "/campaigns/spring", {"max_calls": None}, (await api.get("/campaigns/spring")).headers["ETag"]
    )
    assert told.status == 200
    assert "max_calls" not in (await api.get("/campaigns/spring")).body["written"]


async def test_a_change_of_something_seen_before_somebody_elses_change_is_refused(api: Api) -> None:
    etag = (await api.get("/campaigns/spring")).headers["ETag"]
    assert (await patch(api, "/campaigns/spring", {"max_calls": 3}, None)).status == 428
    assert (await patch(api, "/campaigns/spring", {"max_calls": 3}, etag)).status == 200
    told = await patch(api, "/campaigns/spring", {"max_calls": 4}, etag)
    assert (told.status, told.body["code"]) == (412, "changed_meanwhile")
    assert (await api.get("/campaigns/spring")).body["written"]["max_calls"] == 3


async def test_of_several_at_once_one_wins(api: Api) -> None:
    etag = (await api.get("/campaigns/spring")).headers["ETag"]
    told = await asyncio.gather(*(patch(api, "/campaigns/spring", {"max_calls": n}, etag) for n in range(11, 16)))
    won = [n for n, one in zip(range(11, 16), told, strict=True) if one.status == 200]
    assert sorted(one.status for one in told) == [200, 412, 412, 412, 412]
    assert (await api.get("/campaigns/spring")).body["written"]["max_calls"] == won[0]


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(api: Api) -> None:
    before = await api.get("/campaigns/spring")
    told = await patch(api, "/campaigns/spring", {"max_calls": 9}, before.headers["ETag"], dry_run="true")
    assert (told.status, told.body["applied"], len(told.body["changes"])) == (200, False, 1)
    assert (await api.get("/campaigns/spring")).body == before.body


async def test_bad_keys_are_named_with_their_cure(api: Api) -> None:
    etag = (await api.get("/campaigns/spring")).headers["ETag"]
    told = await patch(api, "/campaigns/spring", {"sticky": {"ttl": 3}, "max_calls": "many"}, etag)
    assert (told.status, told.body["code"]) == (422, "bad_catalogue")
    assert set(told.fields) == {"campaigns.spring.sticky.ttl", "campaigns.spring.max_calls"}
    assert all(one["cure"] for one in told.body["errors"])
    told = await patch(api, "/campaigns/none", {"max_calls": 3}, etag)
    assert told.status == 404


async def test_members_are_added_weighted_paused_and_taken_out(api: Api) -> None:
    more = {"numbers": {"n9": {"e164": "+12025550109", "tenant": "acme", "connection": "line"}}, "why": "more"}
    assert (await api.post("/catalogue", more)).body["applied"] is True
    put = {"n9": {"base_weight": 2}, "n2": {"paused": True}}
    told = await api.post("/campaigns/spring/members", {"put": put, "why": "test"})
    assert (told.status, told.body["applied"]) == (200, True)
    pool = (await api.get("/campaigns/spring")).body["written"]["pool"]
    assert {"number": "n9", "base_weight": 2.0} in pool
    assert {"number": "n2", "base_weight": 1.0, "paused": True} in pool
    told = await api.post("/campaigns/spring/members", {"remove": ["n9"], "why": "test", "dry_run": True})
    assert (told.body["applied"], told.body["changes"][0]["key"]) == (False, "pool.n9")
    told = await api.post("/campaigns/spring/members", {"remove": ["n9"], "why": "test"})
    assert told.body["applied"] is True
    assert (await api.post("/campaigns/spring/members", {"remove": ["n9"], "why": "test"})).status == 404
    told = await api.post("/campaigns/spring/members", {"put": {"nobody": {}}, "why": "test"})
    assert (told.status, told.body["code"]) == (422, "bad_catalogue")


@pytest.mark.parametrize("thing", ["tenants/acme", "connections/line", "numbers/n1", "campaigns/spring"])
async def test_pausing_twice_changes_nothing_the_second_time(api: Api, thing: str) -> None:
    for action in ("pause", "resume"):
        told = [await api.post(f"/{thing}/{action}", {"why": "test"}) for _ in range(2)]
        assert [(one.status, one.body["changed"]) for one in told] == [(200, True), (200, False)]


async def test_another_database_user_sees_what_was_changed(api: Api, embedded_database_url: str) -> None:
    etag = (await api.get("/connections/line")).headers["ETag"]
    assert (await patch(api, "/connections/line", {"max_calls": 33}, etag)).status == 200
    other = await connect(embedded_database_url)
    limit = await other.fetchval("select max_calls from limits where kind = 'connection' and id = 'line'")
    await other.close()
    assert limit == 33


async def test_a_pool_that_is_not_saved_is_previewed_by_the_same_rule(api: Api) -> None:
    saved = (await api.get("/campaigns/spring/capacity")).body["capacity"]
    keys = (await api.get("/campaigns/spring")).body["written"]
    told = await api.post("/capacity/preview", {"campaign": "spring", "keys": keys}, VIEWER)
    assert (told.status, told.body["capacity"]) == (200, saved)
    narrow = {"tenant": "acme", "primary": "n1", "pool": ["n1"], "max_calls": 1}
    told = await api.post("/capacity/preview", {"keys": narrow}, VIEWER)
    assert (told.body["capacity"]["ceiling"], told.body["capacity"]["binds"]) == (1, ["campaign"])
    assert [one["number"] for one in told.body["numbers"]] == ["n1"]
    told = await api.post("/capacity/preview", {"keys": {**narrow, "pool": ["nobody"]}}, VIEWER)
    assert (told.status, told.body["code"]) == (422, "bad_catalogue")
    assert [one["name"] for one in (await api.get("/campaigns")).body["things"]] == ["spring"]
