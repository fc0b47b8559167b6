"""Callbacks go on to customers' applications raw, a few times at most, and wait for nobody."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from outdial.ports.carriers import HandOn
from outdial.providers.handing_on import HandingOn, HandingOnLimits
from tests.providers.scripted_server import Exchange, Script, answers, in_turn, scripted

BODY = b'{"data": {"event_type": "call.answered"}} \xc3\xa9'
HEADERS = {"telnyx-signature-ed25519": "c2ln", "telnyx-timestamp": "1795213800", "content-type": "application/json"}
HASTY = HandingOnLimits(connect_s=0.5, total_s=0.5, pauses_s=(0.0, 0.0))


@dataclass
class Results:
    """What became of each callback; `until` waits for so many."""

    counted: Counter[str] = field(default_factory=Counter)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, result: str) -> None:
        self.counted[result] += 1
        self.more.set()

    async def until(self, number: int) -> Counter[str]:
        async with asyncio.timeout(10):
            while self.counted.total() < number:
                self.more.clear()
                await self.more.wait()
        return self.counted


@asynccontextmanager
async def handing_on(limits: HandingOnLimits = HASTY) -> AsyncIterator[tuple[HandingOn, Results]]:
    results = Results()
    async with HandingOn(results.count, limits) as handing:
        yield handing, results


def callback(url: str) -> HandOn:
    return HandOn(f"{url}/telnyx?x=1", HEADERS, BODY)


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def test_the_body_and_the_signature_arrive_as_they_came() -> None:
    async with scripted(answers(200, {})) as server, handing_on() as (handing, results):
        handing.offer(callback(server.url))
        assert await results.until(1) == {"delivered": 1}
    (request,) = server.requests
    assert (request.method, request.target, request.body) == ("POST", "/telnyx?x=1", BODY)
    assert HEADERS.items() <= request.headers.items()


@pytest.mark.parametrize(
    ("scripts", "result", "tries"),
    [
        ([answers(503, b""), answers(204, b"")], "delivered", 2),
        ([reset, reset, answers(200, b"")], "delivered", 3),
        ([answers(429, b""), answers(408, b""), answers(200, b"")], "delivered", 3),
        ([answers(500, b""), reset, answers(502, b"")], "failed", 3),
        ([answers(404, b"")], "refused", 1),
        ([answers(302, b"", Location="/elsewhere")], "refused", 1),
    ],
)
async def test_troubles_are_tried_again_and_refusals_are_not(scripts: list[Script], result: str, tries: int) -> None:
    async with scripted(in_turn(*scripts)) as server, handing_on() as (handing, results):
        handing.offer(callback(server.url))
        assert await results.until(1) == {result: 1}
    assert len(server.requests) == tries


async def test_a_silent_application_delays_no_other_and_its_surplus_is_dropped() -> None:
    over = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await over.wait()
        await exchange.answer(200, b"")

    limits = replace(HASTY, total_s=30.0, at_once=2, waiting=3)
    async with scripted(silent) as slow, scripted(answers(200, {})) as quick, handing_on(limits) as (handing, results):
        for _ in range(5):
            handing.offer(callback(slow.url))
        handing.offer(callback(quick.url))
        assert await results.until(3) == {"dropped": 2, "delivered": 1}
        over.set()
        assert await results.until(6) == {"dropped": 2, "delivered": 4}
        handing.offer(callback(quick.url))
        assert await results.until(7) == {"dropped": 2, "delivered": 5}, "room is given back"


async def test_there_is_a_limit_over_all_applications() -> None:
    over = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await over.wait()
        await exchange.answer(200, b"")

    limits = replace(HASTY, total_s=30.0, waiting_in_all=2)
    async with scripted(silent) as one, scripted(silent) as other, handing_on(limits) as (handing, results):
        for url in (one.url, other.url, one.url, other.url):
            handing.offer(callback(url))
        assert await results.until(2) == {"dropped": 2}
        over.set()
        assert await results.until(4) == {"dropped": 2, "delivered": 2}


async def test_it_is_given_up_in_time() -> None:
    async def refusing(exchange: Exchange) -> None:
        await exchange.answer(503, b"")

    limits = replace(HASTY, pauses_s=(30.0,), give_up_s=0.05)
    async with scripted(refusing) as server, handing_on(limits) as (handing, results):
        handing.offer(callback(server.url))
        assert await results.until(1) == {"failed": 1}


async def test_stopping_gives_what_is_under_way_a_little_time_only() -> None:
    over = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await over.wait()
        exchange.reset()

    async with scripted(silent) as server:
        async with handing_on(replace(HASTY, total_s=0.1, pauses_s=(30.0,))) as (handing, results):
            handing.offer(callback(server.url))
            await server.seen.wait()
        assert results.counted == {"failed": 1}
        over.set()
