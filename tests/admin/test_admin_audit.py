"""Every route that changes something leaves rows in the audit log with the token's name and the reason, each time that it
changes something; and asked a second time, it changes nothing more than it says."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from outdial.admin.opening import open_admin
from outdial.admin.resources import ROUTES
from outdial.ports.arrivals import DeadLetter
from outdial.postgres.store import PostgresStore
from tests.admin.asking import OPERATOR, TOKENS, Api, Told
from tests.admin.conftest import OPTIONS
from tests.support.dialled import applied

CONTACT: Final = "+13125550177"
WHY: Final = "asked by the customer"
STICKY: Final = {"contact": CONTACT, "number": "n1", "why": WHY}


@dataclass(frozen=True)
class Change:
    """One request. `first`: requests before it, so that there is something to change; `again`: status and audit rows of
    the very same request a second time."""

    path: str
    body: Any
    action: str
    first: tuple[tuple[str, str, Any], ...] = ()
    again: tuple[int, int] = (200, 0)
    method: str = "POST"
    query: dict[str, str] = field(default_factory=dict)


def body(**more: Any) -> dict[str, Any]:
    """With the reason."""
    return {**more, "why": WHY}


BIND: Final = ("PUT", "/campaigns/spring/sticky", STICKY)
PATCHED: Final = {"tenants/acme": {"max_calls": 7}, "connections/line": {"max_calls": 7}, "numbers/n1": {"max_calls_24h": 7}, "campaigns/spring": {"max_calls": 7}}  # fmt: skip
CHANGES: Final = {
    **{
        f"patch_{thing.split('/', maxsplit=1)[0]}_one": Change(
            f"/{thing}", keys, "apply.changed", method="PATCH", query={"why": WHY}, again=(412, 0)
        )
        for thing, keys in PATCHED.items()
    },
    **{f"post_{thing.split('/')[0]}_pause": Change(f"/{thing}/pause", body(), "pause") for thing in PATCHED},
    **{
        f"post_{thing.split('/')[0]}_resume": Change(
            f"/{thing}/resume", body(), "resume", first=(("POST", f"/{thing}/pause", body()),)
        )
        for thing in PATCHED
    },
    "post_catalogue": Change("/catalogue", body(tenants={"new": {}}), "apply.added"),
    "post_campaigns_members": Change(
        "/campaigns/spring/members", body(put={"n2": {"base_weight": 3.0}}), "apply.changed"
    ),
    "post_campaigns_cancel": Change("/campaigns/spring/cancel", body(), "cancel"),
    "post_attempts_cancel": Change(
        "/attempts/cancel", body(attempts=[str(uuid.UUID(int=5))], tenant="acme"), "cancel", again=(200, 1)
    ),
    "post_numbers_flag": Change("/numbers/n1/flag", body(score=0.9), "number.flag", again=(200, 1)),
    "post_numbers_unflag": Change(
        "/numbers/n1/unflag", body(), "number.unflag", first=(("POST", "/numbers/n1/flag", body()),), again=(200, 1)
    ),
    "post_numbers_clear": Change("/numbers/n1/clear", body(), "number.clear"),
    "post_numbers_state": Change("/numbers/n2/state", body(state="inactive"), "number.deactivate"),
    "put_campaigns_sticky": Change("/campaigns/spring/sticky", STICKY, "sticky.set", method="PUT", again=(200, 1)),
    "post_campaigns_sticky_clear": Change(
        "/campaigns/spring/sticky/clear", body(contact=CONTACT), "sticky.clear", first=(BIND,)
    ),
    "post_campaigns_sticky_clear_all": Change(
        "/campaigns/spring/sticky/clear-all", body(count=1), "sticky.clear_all", first=(BIND,), again=(200, 1)
    ),
    "post_tenants_suppressions": Change("/tenants/acme/suppressions", body(contacts=[CONTACT]), "suppress.add"),
    "post_tenants_suppressions_remove": Change(
        "/tenants/acme/suppressions/remove",
        body(contacts=[CONTACT]),
        "suppress.remove",
        first=(("POST", "/tenants/acme/suppressions", body(contacts=[CONTACT])),),
    ),
    "post_dead_letters_replay": Change("/dead-letters/replay", body(letters=[1]), "dead.replay", again=(200, 1)),
    "post_dead_letters_discard": Change("/dead-letters/discard", body(letters=[1]), "dead.discard"),
}
WAITS: Final = """
with a as (
    insert into attempts (tenant, attempt_id, campaign, contact, request, body_hash, received_at)
    values ('acme', gen_random_uuid(), 'spring', '+13125550188', '{}', '', now())
    returning *
)
insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, received_at)
select tenant, attempt_id, campaign, contact, '', 4, now(), now() + interval '1 day', now() + interval '1 day', received_at
from a
"""
CHANGES_NOTHING: Final = {"post_capacity_preview"}


class Published:
    """A broker that takes everything."""

    async def publish_attempt(self, tenant: str, body: bytes, **_: Any) -> None:
        """Taken."""


@pytest.fixture
async def pool(embedded_database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with applied(embedded_database_url) as opened:
        store = PostgresStore(opened, uuid.uuid4(), 1)
        letter = DeadLetter("q", "acme", None, None, b"{}", {}, "is missing", "to", 1_790_000_000.0)
        await store.keep_dead_letters([letter])
        await opened.execute("insert into number_health (number, carrier_rejected_at) values ('n1', now())")
        await opened.execute(WAITS)
        yield opened


@pytest.fixture
async def api(pool: asyncpg.Pool) -> AsyncIterator[Api]:
    async with (
        open_admin(OPTIONS, lambda: pool, Published, lambda _: SecretStr(TOKENS)) as server,
        aiohttp.ClientSession() as session,
    ):
        yield Api(session, server.url)


async def rows(pool: asyncpg.Pool) -> list[tuple[str, str, str]]:
    """(who, why, action), the oldest first."""
    return [tuple(row) for row in await pool.fetch("select who, why, action from audit_log order by entry")]


async def do(api: Api, change: Change, etag: str) -> Told:
    """Ask for it once."""
    headers = {"If-Match": etag} if etag else {}
    return await api.ask(change.method, change.path, OPERATOR, json=change.body, params=change.query, headers=headers)


def test_every_route_that_changes_something_is_tried_here() -> None:
    assert {route.name for route in ROUTES if route.method != "GET"} == CHANGES.keys() | CHANGES_NOTHING


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_audited_by_name_and_reason(api: Api, pool: asyncpg.Pool, name: str) -> None:
    change = CHANGES[name]
    for method, path, before in change.first:
        assert (await api.ask(method, path, OPERATOR, json=before)).status == 200
    etag = (await api.get(change.path)).headers["ETag"] if change.method == "PATCH" else ""
    known = len(await rows(pool))
    told = await do(api, change, etag)
    assert told.status == 200, told.body
    left = (await rows(pool))[known:]
    assert left, "no audit row"
    assert {row[:2] for row in left} == {("olga", WHY)}
    assert change.action in {row[2] for row in left}
    again = await do(api, change, etag)
    assert (again.status, len(await rows(pool)) - known - len(left)) == change.again, again.body


async def test_looking_leaves_no_row(api: Api, pool: asyncpg.Pool) -> None:
    known = await rows(pool)
    assert (await api.get("/campaigns/spring/health")).status == 200
    keys = (await api.get("/campaigns/spring")).body["written"]
    assert (await api.post("/capacity/preview", {"keys": keys})).status == 200
    assert (await api.post("/numbers/n1/state", body(state="released", dry_run=True))).status == 200
    assert await rows(pool) == known
