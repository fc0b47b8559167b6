"""Who may ask the admin API what, how often, and what is told of requests that cannot be done."""

from __future__ import annotations

import json
from io import BytesIO

import aiohttp
import asyncpg
import pytest
from pydantic import SecretStr

from outdial.admin.opening import AdminOptions, open_admin
from outdial.admin.pace import Pace
from outdial.admin.resources import ROUTES
from outdial.admin.tokens import Role, Tokens, read_tokens
from outdial.errors import BadInput
from tests.admin.asking import OPERATOR, SEEING, TOKENS, VIEWER, Api, no_broker
from tests.support.dialled import Dialled


def path_of(template: str) -> str:
    return template.replace("{letter}", "7").replace("{", "").replace("}", "")


@pytest.mark.parametrize("token", [None, "", "no-such-token-in-the-file-0"])
async def test_without_a_known_token_every_route_is_closed(api: Api, token: str | None) -> None:
    for route in ROUTES:
        told = await api.ask(route.method, path_of(route.path), token, json={"why": "x"})
        assert (told.status, told.body["code"]) == (401, "unauthorized"), route.name
        assert told.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_viewer_changes_nothing(api: Api) -> None:
    for route in ROUTES:
        if route.role is Role.OPERATOR:
            told = await api.ask(route.method, path_of(route.path), VIEWER, json={"why": "x"}, params={"why": "x"})
            assert (told.status, told.body["code"]) == (403, "forbidden"), route.name


async def test_every_change_is_for_operators_only() -> None:
    changing = [route for route in ROUTES if route.method != "GET" and not route.path.endswith("/preview")]
    assert [route.name for route in changing if route.role is not Role.OPERATOR] == []


async def test_contacts_are_masked_unless_the_token_may_see_them(api: Api, dialled: Dialled) -> None:
    hidden = await api.get("/attempts", VIEWER, campaign="spring")
    seen = await api.get("/attempts", SEEING, campaign="spring")
    assert dialled.own_contact not in json.dumps(hidden.body)
    assert dialled.own_contact in {one["contact"] for one in seen.body["attempts"]}
    assert all(one["contact_masked"] for one in hidden.body["attempts"])


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (VIEWER, {"name": "vera", "role": "viewer", "may_change": False, "sees_contacts": False}),
        (SEEING, {"name": "simon", "role": "viewer", "may_change": False, "sees_contacts": True}),
        (OPERATOR, {"name": "olga", "role": "operator", "may_change": True, "sees_contacts": False}),
    ],
)
async def test_everybody_may_ask_who_they_are(api: Api, token: str, said: dict[str, object]) -> None:
    assert (await api.get("/me", token)).body == said


async def test_a_path_that_is_not_there_is_a_problem_document(api: Api) -> None:
    told = await api.get("/nothing")
    assert (told.status, told.body["code"]) == (404, "not_found")
    assert told.headers["Content-Type"].startswith("application/problem+json")
    told = await api.ask("DELETE", "/attempts", OPERATOR)
    assert (told.status, told.body["code"]) == (405, "method_not_allowed")
    assert "GET" in told.headers["Allow"]


async def test_bad_input_names_the_field(api: Api) -> None:
    told = await api.get("/attempts", campaign="spring", limit="many")
    assert (told.status, told.fields) == (422, ["limit"])
    told = await api.get("/attempts", campaign="spring", colour="red")
    assert (told.status, told.fields) == (422, ["colour"])
    told = await api.get("/campaigns/spring/health", colour="red")
    assert (told.status, told.fields) == (422, ["colour"])
    told = await api.post("/campaigns/spring/pause", {})
    assert (told.status, told.fields) == (422, ["why"])
    told = await api.ask("POST", "/campaigns/spring/pause", OPERATOR, data="{")
    assert told.status == 422


async def test_a_body_that_is_too_large_is_refused(api: Api) -> None:
    told = await api.ask("POST", "/campaigns/spring/pause", OPERATOR, data=BytesIO(b" " * (3 * 1024 * 1024)))
    assert (told.status, told.body["code"]) == (413, "too_large")


async def test_who_asks_too_often_waits_and_others_do_not(pool: asyncpg.Pool) -> None:
    options = AdminOptions("127.0.0.1", 0, "secret:t", requests_per_second=0.01, spam_threshold=0.75)
    async with (
        open_admin(options, lambda: pool, no_broker, lambda _: SecretStr(TOKENS)) as server,
        aiohttp.ClientSession() as session,
    ):
        slow = Api(session, server.url)
        assert (await slow.get("/campaigns/none/health")).status == 404
        told = await slow.get("/campaigns/none/health")
        assert (told.status, told.body["code"]) == (429, "too_many_requests")
        assert int(told.headers["Retry-After"]) >= 1
        assert (await slow.get("/campaigns/none/health", OPERATOR)).status == 404


def test_a_bucket_fills_up_again() -> None:
    now = 0.0
    pace = Pace(2.0, 3, lambda: now)
    assert [pace.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    now = 0.5
    assert [pace.take("a"), pace.take("a")] == [0, 0.5]
    now = 100.0
    assert [pace.take("a") for _ in range(4)] == [0, 0, 0, 0.5]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("vera viewer", "2 words"),
        ("vera admin aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "no role"),
        ("vera viewer+all aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "no role"),
        ("vera viewer short", "shorter than 24"),
        ("ve!ra viewer aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "signs that names do not have"),
        (f"anna viewer {VIEWER}", "same token as vera"),
    ],
)
def test_a_bad_line_of_tokens_is_named_but_never_the_token(line: str, says: str) -> None:
    with pytest.raises(BadInput, match=says) as error:
        read_tokens(f"vera viewer {VIEWER}\n\n{line}")
    assert error.value.field == "admin.tokens, line 3"
    assert "aaaaaaaa" not in str(error.value)
    assert VIEWER not in str(error.value)


def test_a_token_that_is_taken_away_is_refused_soon() -> None:
    now, text = 0.0, f"vera viewer {VIEWER}"
    tokens = Tokens(lambda: SecretStr(text), lambda: now)
    tokens.check()
    assert tokens.caller(VIEWER) is not None
    text = f"olga operator {OPERATOR}"
    now = 5.0
    assert tokens.caller(VIEWER) is None
    found = tokens.caller(OPERATOR)
    assert found is not None
    assert (found.name, found.role, found.sees_contacts) == ("olga", Role.OPERATOR, False)
