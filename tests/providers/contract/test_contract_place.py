"""Placing: exactly one create request, exactly as documented, and its answer means what the provider says it means."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest

from outdial.ports.carriers import Accepted, Ambiguous, NotSent, PlaceResult, Refused, RefusedForNow, StartTooLate
from outdial.providers.http import HttpClient
from tests.providers.contract.description import ProviderUnderTest, Refusal, content_of, path_of
from tests.providers.contract.official_api import validate
from tests.providers.scripted_server import Exchange, Script, answers, scripted

WISHES: list[dict[str, Any]] = [
    {"detect_machine": detect, "record": record, "ring_timeout_s": ring, "max_duration_s": talk}
    for detect, record, ring, talk in (
        (False, False, 30, 1800), (True, False, 5, 30), (False, True, 120, 7200), (True, True, 30, 1800),
    )
]  # fmt: skip


def accepting(provider: ProviderUnderTest) -> Script:
    return answers(*provider.create.accepted)


async def placed(provider: ProviderUnderTest, http: HttpClient, script: Script) -> tuple[PlaceResult, int]:
    """The result, and how many create requests the carrier saw."""
    async with scripted(script) as server:
        result = await provider.open(server.url, http).carrier.place(provider.order())
    return result, len(server.requests)


# --- What is sent ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wishes", WISHES, ids=["plain", "detect", "record", "both"])
async def test_the_create_request_is_the_documented_one(
    provider: ProviderUnderTest, http: HttpClient, wishes: dict[str, Any]
) -> None:
    order = provider.order(**wishes)
    async with scripted(accepting(provider)) as server:
        result = await provider.open(server.url, http).carrier.place(order)
    assert result == Accepted(provider.create.call_id, provider.create.provider_status)
    (request,) = server.requests
    assert (request.method, path_of(request)) == ("POST", provider.create.path)
    assert content_of(request) == provider.create.body(order)
    provider.create.check_authorization(request.headers)
    if provider.official_api is not None:
        validate(provider.official_api, request)


async def test_numbers_are_written_as_the_provider_wants_them(provider: ProviderUnderTest, http: HttpClient) -> None:
    """For providers that write them without "+", none may slip through; for the others, none may lose it."""
    order = provider.order()
    async with scripted(accepting(provider)) as server:
        await provider.open(server.url, http).carrier.place(order)
    sent = json.dumps(content_of(server.requests[0]))
    for number in (order.to, order.from_number):
        assert f'"{provider.number(number)}"' in sent
        assert ("+" in provider.number(number)) == (number in sent)


# --- What was not sent ----------------------------------------------------------------------------------------------


async def test_a_late_start_sends_no_byte(provider: ProviderUnderTest, http: HttpClient) -> None:
    def late() -> None:
        raise StartTooLate

    async with scripted(accepting(provider)) as server:
        result = await provider.open(server.url, http).carrier.place(provider.order(late))
    assert (result, server.bytes_seen) == (NotSent("too_late"), 0)


async def test_a_refused_connection_is_not_sent(provider: ProviderUnderTest, http: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        carrier = provider.open(f"http://127.0.0.1:{unused.getsockname()[1]}", http).carrier
        assert await carrier.place(provider.order()) == NotSent("connect")


async def test_a_useless_instruction_asks_nobody(provider: ProviderUnderTest, http: HttpClient) -> None:
    async with scripted(accepting(provider)) as server:
        result = await provider.open(server.url, http).carrier.place(provider.order(instruction={"nonsense": 1}))
    assert isinstance(result, Refused)
    assert (result.outcome, server.connections) == ("app_error", 0)


# --- What answers prove ---------------------------------------------------------------------------------------------


async def test_a_documented_refusal(provider: ProviderUnderTest, refusal: Refusal, http: HttpClient) -> None:
    result, requests = await placed(provider, http, answers(refusal.status, refusal.content))
    assert (result, requests) == (refusal.result, 1)


async def test_a_refusal_proves_nothing_when_the_server_failed(
    provider: ProviderUnderTest, refusal: Refusal, http: HttpClient
) -> None:
    result, requests = await placed(provider, http, answers(502, refusal.content))
    assert (type(result), requests) == (Ambiguous, 1)


@pytest.mark.parametrize(("retry_after", "delay_s"), [("7", 7.0), (None, None)])
async def test_429_means_later(
    provider: ProviderUnderTest, http: HttpClient, retry_after: str | None, delay_s: float | None
) -> None:
    headers = {} if retry_after is None else {"Retry_After": retry_after}
    result, requests = await placed(provider, http, answers(429, b"slow down", "text/plain", **headers))
    assert (result, requests) == (RefusedForNow("http_429", delay_s), 1)


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def close(exchange: Exchange) -> None:
    exchange.writer.close()


async def rubbish(exchange: Exchange) -> None:
    exchange.writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    exchange.writer.close()


def broken_answers(provider: ProviderUnderTest) -> dict[str, Script]:
    status, content = provider.create.accepted
    whole = json.dumps(content).encode()

    async def truncated(exchange: Exchange) -> None:
        await exchange.answer(status, whole[:-9], declared=len(whole))
        exchange.writer.close()

    return {
        "reset after the request": reset,
        "closed after the request": close,
        "no HTTP": rubbish,
        "a success cut off": truncated,
        "a success with half its JSON": answers(status, whole[:-9]),
        "a success without an id": answers(status, provider.create.without_id),
        "a success with an id of the wrong type": answers(status, []),
        "an empty success": answers(status, b""),
        "500": answers(500, b"<html>Oops</html>", "text/html"),
        "502": answers(502, b"<html>Bad gateway</html>", "text/html"),
        "503": answers(503, {}),
        "504": answers(504, b""),
        "408": answers(408, b""),
        "a redirect": answers(307, b"", Location="/elsewhere"),
        "a refusal that nobody documents": answers(400, {"what": "ever"}),
        "a 404 of some proxy": answers(404, b"<html>no such page</html>", "text/html"),
    }


async def test_whatever_is_not_documented_is_ambiguous_and_sent_once(
    provider: ProviderUnderTest, http: HttpClient
) -> None:
    for name, script in broken_answers(provider).items():
        result, requests = await placed(provider, http, script)
        assert (type(result), requests) == (Ambiguous, 1), name


async def test_silence_is_ambiguous_and_sent_once(provider: ProviderUnderTest, hasty: HttpClient) -> None:
    over = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await over.wait()
        exchange.reset()

    async with scripted(silent) as server:
        result = await provider.open(server.url, hasty).carrier.place(provider.order())
        over.set()
    assert (result, len(server.requests)) == (Ambiguous("timeout"), 1)
