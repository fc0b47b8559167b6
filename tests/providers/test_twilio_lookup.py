"""Asking Twilio about calls, searching a lost one, and hanging up: all of it repeatable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from outdial.errors import Retryable
from outdial.ports.carriers import SearchQuery
from outdial.providers.http import HttpClient
from outdial.providers.twilio.ask import hang_up, look_up, news_of, search
from outdial.providers.twilio.tables import CALL_STATUS
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.outcome import Outcome
from tests.providers.scripted_server import Script, answers, in_turn, scripted
from tests.providers.twilio_account import ACCOUNT_SID, CALL_SID, FROM, PLACEMENT, TO, account, data

DESCRIPTION = data("openapi/twilio_calls.json")
PATHS = DESCRIPTION["paths"]
LIST = PATHS["/2010-04-01/Accounts/{AccountSid}/Calls.json"]["get"]
CALL: dict[str, Any] = LIST["responses"]["200"]["content"]["application/json"]["examples"]["one"]["value"]["calls"][0]
BEGUN = parsedate_to_datetime(CALL["date_created"]).timestamp()
CALL_PATH = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Calls/{CALL_SID}.json"
GONE = answers(404, {"code": 20404, "status": 404})
WRONG_STATE = answers(400, {"code": 21220, "status": 400})


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


# --- Look up --------------------------------------------------------------------------------------------------------


async def test_a_call_as_documented(http: HttpClient) -> None:
    async with scripted(answers(200, CALL)) as server:
        news = await look_up(CALL_SID, account(server.url), http)
    assert (server.requests[0].method, server.requests[0].target) == ("GET", CALL_PATH)
    assert news == CallNews(
        progress=Progress.FINAL,
        carrier_call_id=CALL_SID,
        at=parsedate_to_datetime(CALL["end_time"]).timestamp(),
        outcome=Outcome.ANSWERED_UNKNOWN,
        answered_by=AnsweredBy.HUMAN,
        was_answered=True,
        provider_status="completed",
        duration_s=39.0,
        to=TO,
        from_number=FROM,
    )


@pytest.mark.parametrize("status", DESCRIPTION["components"]["schemas"]["call_enum_status"]["enum"])
def test_every_status_of_the_official_description_is_known(status: str) -> None:
    news = news_of({**CALL, "status": status, "answered_by": None})
    assert (news.progress, news.outcome) == (CALL_STATUS[status].progress, CALL_STATUS[status].outcome)
    assert news.known_code
    assert (news.duration_s is None) == (news.progress is not Progress.FINAL)


def test_a_status_of_tomorrow_is_no_end() -> None:
    news = news_of({**CALL, "status": "levitating", "answered_by": "parrot"})
    assert (news.progress, news.outcome, news.known_code) == (Progress.QUEUED, None, False)
    assert (news.provider_status, news.provider_code, news.answered_by) == ("levitating", "parrot", AnsweredBy.UNKNOWN)


def test_numbers_instead_of_texts_are_read_too() -> None:
    assert news_of({**CALL, "duration": 39}).duration_s == 39.0


async def test_a_call_that_twilio_does_not_know(http: HttpClient) -> None:
    async with scripted(GONE) as server:
        assert await look_up(CALL_SID, account(server.url), http) is None


@pytest.mark.parametrize(
    ("script", "delay"),
    [
        (answers(404, b"<html>no such page</html>"), None),
        (answers(404, {"code": 20001}), None),
        (answers(429, {"code": 20429}, Retry_After="4"), 4.0),
        (answers(401, {"code": 20003}), None),
        (answers(500, b""), None),
        (answers(200, b"{"), None),
        (answers(200, []), None),
        (answers(301, b"", Location="/elsewhere"), None),
    ],
)
async def test_every_other_answer_means_ask_again(http: HttpClient, script: Script, delay: float | None) -> None:
    async with scripted(script) as server:
        with pytest.raises(Retryable) as caught:
            await look_up(CALL_SID, account(server.url), http)
    assert caught.value.delay_s == delay


# --- Search ---------------------------------------------------------------------------------------------------------

QUERY = SearchQuery(PLACEMENT, FROM, TO, BEGUN, BEGUN + 15)
NONE_FOUND = answers(200, {"calls": [], "next_page_uri": None})


def page(*calls: dict[str, Any], following: str | None = None) -> Script:
    return answers(200, {"calls": list(calls), "next_page_uri": following})


async def test_search_asks_for_started_and_for_queued_calls(http: HttpClient) -> None:
    queued = {**CALL, "sid": "CA" + "2" * 32, "status": "queued", "start_time": None, "date_created": None}
    async with scripted(in_turn(page(CALL), page(queued))) as server:
        found = await search(QUERY, account(server.url), http)
    assert [news.carrier_call_id for news in found] == [CALL_SID, queued["sid"]]
    asked = [parse_qs(urlsplit(request.target).query) for request in server.requests]
    assert asked[0] == {"To": [TO], "From": [FROM], "PageSize": ["50"], "StartTime>": ["2026-11-20T22:29:00Z"]}
    assert asked[1] == {"To": [TO], "From": [FROM], "PageSize": ["50"], "Status": ["queued"]}
    described = {parameter["name"] for parameter in LIST["parameters"]}
    assert set(asked[0]) | set(asked[1]) <= described


@pytest.mark.parametrize(
    ("created", "is_found"),
    [
        ("Fri, 20 Nov 2026 22:28:59 +0000", False),
        ("Fri, 20 Nov 2026 22:29:00 +0000", True),
        ("Fri, 20 Nov 2026 22:31:15 +0000", True),
        ("Fri, 20 Nov 2026 22:31:16 +0000", False),
        (None, True),
        ("some day", True),
    ],
)
async def test_only_calls_of_that_time_count(http: HttpClient, created: str | None, is_found: bool) -> None:
    async with scripted(in_turn(page({**CALL, "date_created": created}), NONE_FOUND)) as server:
        assert bool(await search(QUERY, account(server.url), http)) == is_found


async def test_one_call_in_both_lists_is_one(http: HttpClient) -> None:
    async with scripted(page(CALL)) as server:
        assert len(await search(QUERY, account(server.url), http)) == 1


async def test_further_pages_are_asked_at_the_same_host(http: HttpClient) -> None:
    second = {**CALL, "sid": "CA" + "3" * 32}
    following = (
        f"https://evil.example/2010-04-01/Accounts/{ACCOUNT_SID}/Calls.json?To=%2B12025550143&Page=1&PageToken=PA"
    )
    async with scripted(in_turn(page(CALL, following=following), page(second), NONE_FOUND)) as server:
        found = await search(QUERY, account(server.url), http)
    assert [news.carrier_call_id for news in found] == [CALL_SID, second["sid"]]
    assert server.requests[1].target == following.removeprefix("https://evil.example")


@pytest.mark.parametrize(
    "script",
    [
        answers(500, b""),
        answers(200, {}),
        answers(200, {"calls": None}),
        answers(200, {"calls": [], "next_page_uri": "/2010-04-01/again"}),
    ],
    ids=["error", "no list", "null", "a list without end"],
)
async def test_a_search_that_fails_is_no_negative_answer(http: HttpClient, script: Script) -> None:
    async with scripted(script) as server:
        with pytest.raises(Retryable):
            await search(QUERY, account(server.url), http)


# --- Hang up --------------------------------------------------------------------------------------------------------


async def hung_up(http: HttpClient, *scripts: Script) -> list[tuple[str, list[tuple[str, str]]]]:
    async with scripted(in_turn(*scripts)) as server:
        await hang_up(CALL_SID, account(server.url), http)
    assert {request.target for request in server.requests} == {CALL_PATH}
    return [(request.method, request.form if request.body else []) for request in server.requests]


COMPLETE, CANCEL = ("POST", [("Status", "completed")]), ("POST", [("Status", "canceled")])


async def test_a_live_call_is_completed(http: HttpClient) -> None:
    assert await hung_up(http, answers(200, CALL)) == [COMPLETE]


async def test_a_queued_call_is_canceled(http: HttpClient) -> None:
    assert await hung_up(http, WRONG_STATE, answers(200, CALL)) == [COMPLETE, CANCEL]


async def test_a_call_that_is_over_is_no_error(http: HttpClient) -> None:
    assert await hung_up(http, WRONG_STATE, WRONG_STATE, answers(200, CALL)) == [COMPLETE, CANCEL, ("GET", [])]


async def test_a_call_that_is_gone_is_no_error(http: HttpClient) -> None:
    assert await hung_up(http, GONE) == [COMPLETE]
    assert await hung_up(http, WRONG_STATE, WRONG_STATE, GONE) == [COMPLETE, CANCEL, ("GET", [])]


@pytest.mark.parametrize(
    "scripts",
    [
        (answers(500, b""),),
        (answers(429, {"code": 20429}),),
        (answers(404, b"nothing here"),),
        (WRONG_STATE, WRONG_STATE, answers(200, {**CALL, "status": "in-progress"})),
    ],
)
async def test_everything_else_means_try_again(http: HttpClient, scripts: tuple[Script, ...]) -> None:
    with pytest.raises(Retryable):
        await hung_up(http, *scripts)
