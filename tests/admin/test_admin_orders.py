"""What operators order over HTTP: numbers, sticky assignments, suppressions, cancels and dead letters."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from outdial.admin.opening import open_admin
from outdial.ports.arrivals import DeadLetter
from outdial.postgres.store import PostgresStore
from tests.admin.asking import OPERATOR, SEEING, TOKENS, Api
from tests.admin.conftest import OPTIONS
from tests.support.dialled import applied

CONTACT = "+13125550177"
WHY = {"why": "test"}


class Published:
    """What was published again."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, bytes, Mapping[str, Any]]] = []

    async def publish_attempt(
        self,
        tenant: str,
        body: bytes,
        *,
        message_id: str | None = None,
        type_: str | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> None:
        self.messages.append((tenant, body, headers or {}))


@pytest.fixture
async def pool(embedded_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with applied(embedded_database_url) as opened:
        yield opened


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
async def api(pool: asyncpg.Pool, published: Published) -> AsyncIterator[Api]:
    async with (
        open_admin(OPTIONS, lambda: pool, lambda: published, lambda _: SecretStr(TOKENS)) as server,
        aiohttp.ClientSession() as session,
    ):
        yield Api(session, server.url)


async def audited(pool: asyncpg.Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("select who, action from audit_log where why = 'test' order by at, subject")
    return [tuple(row) for row in rows]


async def test_a_number_is_flagged_and_unflagged(api: Api, pool: asyncpg.Pool) -> None:
    told = await api.post("/numbers/n1/flag", {"score": 0.9, "source": "lab", **WHY})
    assert (told.status, told.body["flagged"], told.body["after"]) == (200, True, 0.9)
    page = (await api.get("/numbers/n1/health")).body
    assert page["standing"]["status"] == "flagged"
    told = await api.post("/numbers/n1/unflag", WHY)
    assert (told.status, told.body["flagged"]) == (200, False)
    assert [who for who, _ in await audited(pool)] == ["olga", "olga"]
    assert (await api.post("/numbers/n1/flag", {"score": 7, **WHY})).fields == ["score"]
    assert (await api.post("/numbers/none/flag", WHY)).status == 404
    assert (await api.post("/numbers/n1/clear", WHY)).status == 200


async def test_a_release_says_what_it_costs_before_it_is_done(api: Api) -> None:
    bound = await api.ask("PUT", "/campaigns/spring/sticky", OPERATOR, json={"contact": CONTACT, "number": "n2", **WHY})
    assert bound.status == 200
    told = await api.post("/numbers/n2/state", {"state": "released", "dry_run": True, **WHY})
    assert (told.body["contacts"], told.body["voided"]) == ({"spring": 1}, True)
    assert len((await api.get("/sticky", contact=CONTACT)).body["assignments"]) == 1
    told = await api.post("/numbers/n2/state", {"state": "released", **WHY})
    assert (told.status, told.body["after"]) == (200, "released")
    assert (await api.get("/sticky", contact=CONTACT)).body["assignments"] == []
    assert (await api.post("/numbers/n2/state", {"state": "asleep", **WHY})).fields == ["state"]


async def test_a_contact_is_bound_seen_and_let_go(api: Api, pool: asyncpg.Pool) -> None:
    bound = await api.ask("PUT", "/campaigns/spring/sticky", OPERATOR, json={"contact": CONTACT, "number": "n1", **WHY})
    assert bound.body["after"]["number"] == "n1"
    (seen,) = (await api.get("/sticky", contact=CONTACT)).body["assignments"]
    assert (seen["number"], "contact" in seen) == ("n1", False)
    (seen,) = (await api.get("/sticky", SEEING, contact=CONTACT)).body["assignments"]
    assert seen["contact"] == CONTACT
    told = await api.post("/campaigns/spring/sticky/clear", {"contact": CONTACT, **WHY})
    assert told.body["before"]["number"] == "n1"
    assert (await api.post("/campaigns/spring/sticky/clear", {"contact": CONTACT, **WHY})).body["before"] is None
    assert "sticky.set" in {action for _, action in await audited(pool)}


async def test_clearing_all_loses_no_more_than_was_agreed_to(api: Api) -> None:
    for last in range(3):
        body = {"contact": f"+1312555018{last}", "number": "n1", **WHY}
        assert (await api.ask("PUT", "/campaigns/spring/sticky", OPERATOR, json=body)).status == 200
    path = "/campaigns/spring/sticky/clear-all"
    assert (await api.post(path, {"dry_run": True, **WHY})).body["count"] == 3
    told = await api.post(path, {"count": 2, **WHY})
    assert (told.status, told.body["code"]) == (409, "more_than_agreed")
    assert (await api.post(path, {"count": 3, **WHY})).body["count"] == 3
    assert (await api.post(path, {"dry_run": True, **WHY})).body["count"] == 0


async def test_suppressions_are_added_listed_and_removed(api: Api) -> None:
    path = "/tenants/acme/suppressions"
    told = await api.post(path, {"contacts": [CONTACT, "+13125550178"], **WHY})
    assert told.body == {"changed": 2, "same": 0}
    page = (await api.get(path)).body
    assert len(page["suppressions"]) == 2
    assert CONTACT not in json.dumps(page)
    assert (await api.get(path, contact=CONTACT)).body["suppressions"][0]["why"] == "test"
    told = await api.post(path, {"contacts": ["12"], **WHY})
    assert told.status == 422
    assert (await api.post(f"{path}/remove", {"contacts": [CONTACT], **WHY})).body == {"changed": 1, "same": 0}
    assert (await api.post("/tenants/none/suppressions", {"contacts": [CONTACT], **WHY})).status == 404


async def test_cancels_of_ids_nobody_has(api: Api) -> None:
    unknown = str(uuid.uuid4())
    assert (await api.post("/attempts/cancel", {"attempts": [unknown], **WHY})).status == 404
    told = await api.post("/attempts/cancel", {"attempts": [unknown], "tenant": "acme", **WHY})
    assert (told.status, told.body["remembered"]) == (200, 1)
    assert "attempts.0" in (await api.post("/attempts/cancel", {"attempts": ["x"], **WHY})).fields
    assert (await api.post("/campaigns/spring/cancel", WHY)).body["waiting"] == 0


async def test_dead_letters_are_shown_replayed_once_and_discarded(
    api: Api, pool: asyncpg.Pool, published: Published
) -> None:
    store = PostgresStore(pool, uuid.uuid4(), 1)
    for n in range(3):
        body = json.dumps({"attempt_id": n, "to": CONTACT}).encode()
        headers = {"x-death": "1", "traceparent": "t"}
        letter = DeadLetter(
            "q", "acme", f"m{n}", "t", body, headers, "invalid_field", "attempt_id", 1_800_000_000.0 + n
        )
        await store.keep_dead_letters([letter])
    page = (await api.get("/dead-letters", limit=2)).body
    ids = [one["letter"] for one in page["letters"]]
    assert (len(ids), page["next_after"]) == (2, ids[-1])
    rest = (await api.get("/dead-letters", after=page["next_after"])).body
    assert (len(rest["letters"]), rest["next_after"]) == (1, None)
    shown = (await api.get(f"/dead-letters/{ids[0]}")).body
    assert CONTACT not in shown["payload"]
    assert CONTACT in (await api.get(f"/dead-letters/{ids[0]}", SEEING)).body["payload"]
    assert (await api.post("/dead-letters/replay", {"letters": ids, **WHY})).body == {"published": 2}
    assert [headers for _, _, headers in published.messages] == [{"traceparent": "t"}] * 2
    assert [one["letter"] for one in (await api.get("/dead-letters")).body["letters"]] == [
        one["letter"] for one in rest["letters"]
    ]
    last = rest["letters"][0]["letter"]
    assert (await api.post("/dead-letters/discard", {"letters": [last], **WHY})).body == {"discarded": 1}
    assert (await api.post("/dead-letters/discard", {"letters": [last], **WHY})).body == {"discarded": 0}
    assert (await api.get(f"/dead-letters/{last}")).status == 404
    assert (await api.get("/dead-letters/abc")).status == 404
    assert (await api.post("/dead-letters/replay", {"letters": [last], **WHY})).status == 422
    assert ("olga", "dead.discard") in await audited(pool)
