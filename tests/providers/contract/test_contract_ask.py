"""Looking up, searching, hanging up: may be repeated, never make a call, and never take a failure for a "no"."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from outdial.errors import Retryable
from outdial.providers.http import HttpClient
from tests.providers.contract.description import (
    QUERY,
    HangUp,
    LookUp,
    ProviderUnderTest,
    Search,
    content_of,
    path_of,
)
from tests.providers.contract.official_api import validate
from tests.providers.scripted_server import Request, Script, answers, in_turn, scripted


def check(provider: ProviderUnderTest, requests: Sequence[Request]) -> None:
    """None of them makes a call, and the provider describes each."""
    for request in requests:
        assert (request.method, path_of(request)) != ("POST", provider.create.path)
        provider.create.check_authorization(request.headers)
        if provider.official_api is not None:
            validate(provider.official_api, request)


async def test_a_look_up(provider: ProviderUnderTest, look_up: LookUp, http: HttpClient) -> None:
    async with scripted(in_turn(*look_up.scripts)) as server:
        news = await provider.open(server.url, http).carrier.look_up(provider.create.call_id)
    check(provider, server.requests)
    assert len(server.requests) == len(look_up.scripts)
    assert (None if news is None else (news.progress, news.outcome)) == (
        None if look_up.progress is None else (look_up.progress, look_up.outcome)
    )
    assert news is None or news.carrier_call_id == provider.create.call_id


async def test_a_search(provider: ProviderUnderTest, search: Search, http: HttpClient) -> None:
    async with scripted(in_turn(*search.scripts)) as server:
        carrier = provider.open(server.url, http).carrier
        assert carrier.searchable
        found = await carrier.search(QUERY)
    check(provider, server.requests)
    assert len(server.requests) == len(search.scripts)
    assert sorted(news.carrier_call_id or "" for news in found) == sorted(search.found)


async def test_a_hang_up(provider: ProviderUnderTest, hang_up: HangUp, http: HttpClient) -> None:
    async with scripted(in_turn(*hang_up.scripts)) as server:
        await provider.open(server.url, http).carrier.hang_up(provider.create.call_id)
    check(provider, server.requests)
    assert [(r.method, path_of(r), content_of(r)) for r in server.requests] == list(hang_up.requests)


NO_ANSWERS = {
    "500": (answers(500, b""), None),
    "429": (answers(429, b"", "text/plain", Retry_After="4"), 4.0),
    "a 404 of some proxy": (answers(404, b"<html>no such page</html>", "text/html"), None),
    "half a JSON": (answers(200, b'{"'), None),
    "a list": (answers(200, []), None),
    "a redirect": (answers(301, b"", Location="/elsewhere"), None),
}


@pytest.mark.parametrize(("script", "delay_s"), NO_ANSWERS.values(), ids=NO_ANSWERS)
async def test_a_failure_is_no_answer(
    provider: ProviderUnderTest, http: HttpClient, script: Script, delay_s: float | None
) -> None:
    async with scripted(script) as server:
        carrier = provider.open(server.url, http).carrier
        questions = [carrier.look_up(provider.create.call_id)]
        if carrier.searchable:
            questions.append(carrier.search(QUERY))  # type: ignore[arg-type]  # only awaited
        for question in questions:
            with pytest.raises(Retryable) as caught:
                await question
            assert caught.value.delay_s == delay_s


@pytest.mark.parametrize("name", ["500", "429", "a 404 of some proxy", "a redirect"])
async def test_a_hang_up_that_failed_is_tried_again(provider: ProviderUnderTest, http: HttpClient, name: str) -> None:
    async with scripted(NO_ANSWERS[name][0]) as server:
        with pytest.raises(Retryable):
            await provider.open(server.url, http).carrier.hang_up(provider.create.call_id)


async def test_a_provider_that_cannot_be_searched_says_so(provider: ProviderUnderTest, http: HttpClient) -> None:
    carrier = provider.open("http://127.0.0.1:1", http).carrier
    assert carrier.searchable == bool(provider.searches)
