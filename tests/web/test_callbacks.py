"""The public port: verified first, answered only once committed, silent about everything."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from outdial.errors import BadInput, DatabaseUnavailable
from outdial.ports.carriers import CallbackRequest, ForgedCallback, HandOn
from outdial.providers.http import HttpClient
from outdial.providers.registry import OpenConnections
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.callback_address import callback_path
from outdial.rules.ids import ConnectionId, Placement
from outdial.web.callbacks import CallbackServer, Door
from tests.providers.test_twilio_callbacks import SEQUENCES, sign
from tests.providers.twilio_account import ACCOUNT_SID, CONNECTION, PLACEMENT, PUBLIC_URL, secrets

PATH = callback_path("mute", CONNECTION, PLACEMENT)
NEWS = CallNews(Progress.RINGING)


@dataclass
class Reader:
    """Reads what it is told to."""

    result: CallNews | Exception = NEWS
    requests: list[CallbackRequest] = field(default_factory=list)

    def read(self, request: CallbackRequest) -> Sequence[CallNews]:
        self.requests.append(request)
        if isinstance(self.result, Exception):
            raise self.result
        return (self.result,)


@dataclass
class OneDoor:
    reader: Reader = field(default_factory=Reader)
    callback_methods: frozenset[str] = frozenset({"POST"})
    onward: HandOn | None = None

    def hand_on(self, _: CallbackRequest) -> HandOn | None:
        return self.onward

    def door(self, provider: str, connection: ConnectionId) -> Door | None:
        return self if (provider, connection) == ("mute", CONNECTION) else None


@dataclass
class Sink:
    """`gate`: deliveries wait for it, as they would for a commit."""

    known: bool | Exception = True
    delivered: list[tuple[ConnectionId, Placement, Sequence[CallNews]]] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def deliver(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        self.begun.set()
        await self.gate.wait()
        if isinstance(self.known, Exception):
            raise self.known
        self.delivered.append((connection, placement, news))
        return self.known


@dataclass
class Port:
    """The running server and all that it touches."""

    doors: OneDoor
    sink: Sink
    counted: list[str]
    handed_on: list[HandOn]
    url: str
    client: aiohttp.ClientSession

    async def call(self, method: str = "POST", path: str = PATH, data: bytes = b"") -> tuple[int, bytes]:
        async with self.client.request(method, self.url + path, data=data, allow_redirects=False) as response:
            assert "Server" not in response.headers
            return response.status, await response.read()


@pytest.fixture
async def port() -> AsyncIterator[Port]:
    doors, sink, counted, handed_on = OneDoor(), Sink(), list[str](), list[HandOn]()
    sink.gate.set()
    server = CallbackServer(
        PUBLIC_URL,
        doors,
        sink,
        lambda _connection, result: counted.append(result),
        handed_on.append,
        max_body_bytes=1_000,
        body_timeout_s=0.2,
        deliver_timeout_s=0.2,
    )
    async with TestServer(server.application()) as running, aiohttp.ClientSession() as client:
        yield Port(doors, sink, counted, handed_on, str(running.make_url("")).rstrip("/"), client)


async def test_a_callback_is_verified_delivered_and_answered(port: Port) -> None:
    assert await port.call(path=f"{PATH}?about=machine&x=%2B1", data=b"a=1") == (204, b"")
    (request,) = port.doors.reader.requests
    assert (request.connection, request.placement, request.method, request.body) == (
        CONNECTION,
        PLACEMENT,
        "POST",
        b"a=1",
    )
    assert request.url == f"{PUBLIC_URL}{PATH}?about=machine&x=%2B1", "the public address, the query as it came"
    assert port.sink.delivered == [(CONNECTION, PLACEMENT, (NEWS,))]
    assert port.counted == ["applied"]


async def test_the_answer_waits_for_the_commit(port: Port) -> None:
    port.sink.gate.clear()
    answer = asyncio.ensure_future(port.call())
    await port.sink.begun.wait()
    assert not answer.done()
    assert port.counted == []
    port.sink.gate.set()
    assert (await answer)[0] == 204


async def test_what_goes_on_is_offered_before_the_commit(port: Port) -> None:
    port.doors.onward = HandOn("https://voice.example.com", {}, b"a=1")
    port.sink.gate.clear()
    answer = asyncio.ensure_future(port.call(data=b"a=1"))
    await port.sink.begun.wait()
    assert (port.handed_on, answer.done()) == ([port.doors.onward], False)
    port.sink.gate.set()
    assert (await answer)[0] == 204


@pytest.mark.parametrize("error", [ForgedCallback("no"), BadInput("data", "is missing")])
async def test_what_was_not_read_does_not_go_on(port: Port, error: Exception) -> None:
    port.doors.onward = HandOn("https://voice.example.com", {}, b"a=1")
    port.doors.reader.result = error
    await port.call()
    assert port.handed_on == []


async def test_a_forged_callback_touches_nothing(port: Port) -> None:
    port.doors.reader.result = ForgedCallback("the signature is wrong")
    assert await port.call() == (403, b"")
    assert (port.sink.delivered, port.counted) == ([], ["forged"])


async def test_an_unreadable_callback_is_not_repeated(port: Port) -> None:
    port.doors.reader.result = BadInput("CallStatus", "is missing")
    assert await port.call() == (400, b"")
    assert (port.sink.delivered, port.counted) == ([], ["unreadable"])


async def test_an_unknown_placement_is_nobodys_business(port: Port) -> None:
    port.sink.known = False
    assert await port.call() == (204, b"")
    assert port.counted == ["unknown"]


@pytest.mark.parametrize("error", [DatabaseUnavailable("down"), RuntimeError("+12025550143 surprised us")])
async def test_what_is_not_stored_is_called_again(port: Port, error: Exception) -> None:
    port.sink.known = error
    assert await port.call() == (503, b"")
    assert port.counted == ["failed"]


async def test_a_story_that_takes_too_long_is_called_again(port: Port) -> None:
    port.sink.gate.clear()
    assert await port.call() == (503, b"")
    assert port.counted == ["failed"]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/callbacks",
        "/metrics",
        callback_path("other", CONNECTION, PLACEMENT),
        callback_path("mute", ConnectionId("other"), PLACEMENT),
        PATH.replace(str(PLACEMENT), "not-a-placement"),
        PATH.replace(str(PLACEMENT), str(PLACEMENT).upper()),
        f"{PATH}/more",
        f"{PATH}/",
    ],
)
async def test_every_other_path_leads_nowhere(port: Port, path: str) -> None:
    assert (await port.call(path=path))[0] == 404
    assert (port.doors.reader.requests, port.sink.delivered) == ([], [])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
async def test_every_other_method_is_refused(port: Port, method: str) -> None:
    assert (await port.call(method))[0] == 405
    assert port.doors.reader.requests == []


async def test_a_provider_that_calls_back_with_get_may(port: Port) -> None:
    port.doors.callback_methods = frozenset({"GET", "POST"})
    assert await port.call("GET", f"{PATH}?status=ringing") == (204, b"")
    assert port.doors.reader.requests[0].url.endswith("?status=ringing")


async def test_a_body_too_large_is_not_read(port: Port) -> None:
    assert await port.call(data=b"x" * 1_000) == (204, b"")
    assert await port.call(data=b"x" * 1_001) == (413, b"")
    assert port.counted == ["applied", "unreadable"]


async def test_a_body_too_large_is_seen_without_its_length_too(port: Port) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 500

    async with port.client.post(port.url + PATH, data=chunks()) as response:
        assert response.status == 413
    assert port.doors.reader.requests == []


async def test_a_body_that_drips_is_given_up(port: Port) -> None:
    over = asyncio.Event()

    async def drip() -> AsyncIterator[bytes]:
        yield b"x"
        await over.wait()

    async with port.client.post(port.url + PATH, data=drip()) as response:
        assert response.status == 413
    over.set()
    assert port.counted == ["unreadable"]


async def test_ten_at_once(port: Port) -> None:
    port.sink.gate.clear()
    waiting = [asyncio.ensure_future(port.call()) for _ in range(10)]
    await port.sink.begun.wait()
    port.sink.gate.set()
    assert [status for status, _ in await asyncio.gather(*waiting)] == [204] * 10
    assert len(port.sink.delivered) == 10


async def test_nothing_of_a_callback_is_logged(port: Port, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        port.sink.known = DatabaseUnavailable("down")
        await port.call(path=f"{PATH}?To=%2B12025550143", data=b"To=%2B12025550143")
        port.doors.reader.result = ForgedCallback("no")
        await port.call(path=f"{PATH}?To=%2B12025550143", data=b"To=%2B12025550143")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("outdial")]
    assert ours == ["callback.failed: DatabaseUnavailable"]


async def test_real_twilio_callbacks_all_the_way_in() -> None:
    """The whole path with Twilio's reader: signed ones arrive as news, a stranger's do not."""
    connections = OpenConnections(HttpClient(), secrets)
    connections.replace(
        [(CONNECTION, "twilio", {"account": ACCOUNT_SID, "credentials": {"auth_token": "env:TOKEN"}})]
    )  # fmt: skip
    sink, counted = Sink(), list[str]()
    sink.gate.set()
    server = CallbackServer(PUBLIC_URL, connections, sink, lambda _connection, result: counted.append(result))
    async with TestServer(server.application()) as running, aiohttp.ClientSession() as client:
        for form in SEQUENCES["human"]:
            path = callback_path("twilio", CONNECTION, PLACEMENT) + ("" if "CallStatus" in form else "?about=machine")
            headers = {"X-Twilio-Signature": sign(PUBLIC_URL + path, form.items())}
            async with client.post(running.make_url(path), data=urlencode(form).encode(), headers=headers) as response:
                assert response.status == 204
            elsewhere = running.make_url(callback_path("twilio", CONNECTION, Placement(uuid4())))
            async with client.post(elsewhere, data=urlencode(form).encode(), headers=headers) as response:
                assert response.status == 403, "a signature holds for one address only"
    assert [news[0].progress for _, _, news in sink.delivered] == [
        Progress.INITIATED,
        Progress.RINGING,
        Progress.ANSWERED,
        Progress.MACHINE_RESULT,
        Progress.FINAL,
    ]
    assert (counted.count("applied"), counted.count("forged")) == (5, 5)
