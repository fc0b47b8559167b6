"""Two small carriers that are nothing but their official description: Vonage and Plivo, with the documented callbacks.

What a call comes to is written in the last digits of the number called, so that everybody can tell what is right. Some
creates go wrong: every 20th answers 500 although it took the call, every 25th is refused for now. Callbacks come shuffled,
some twice. All creates are counted by token (the last segment of the callback address) and by contact.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import time
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
from aiohttp import web

from outdial.rules.outcome import Outcome
from tests.providers.contract.description import Event, Headers, ProviderUnderTest
from tests.providers.contract.official_api import validate
from tests.providers.contract.plivo import PLIVO
from tests.providers.contract.vonage import VONAGE
from tests.providers.scripted_server import Request

LOST_EVERY, LATER_EVERY = 20, 25
MACHINE_EVENTS = ("human", "machine", "MachineDetection")
KINDS = ("human", "busy", "no_answer", "rejected", "unreachable", "invalid_number", "human", "carrier_failed")


def kind_of(contact: str) -> str:
    """The sequence that a call to this contact follows."""
    return KINDS[int(contact[-4:]) % len(KINDS)]


def expected(provider: ProviderUnderTest, contact: str) -> Outcome:
    """What such a call must come to, machine detection being off."""
    kind = kind_of(contact)
    return Outcome.ANSWERED_UNKNOWN if kind == "human" else provider.callbacks.ends[kind]


@dataclass
class SmallCarrier:
    """One of the two. `told`: what its description says."""

    told: ProviderUnderTest
    url: str = ""
    creates: Counter[str] = field(default_factory=Counter)
    """Create requests by token, refused ones included."""
    taken: Counter[str] = field(default_factory=Counter)
    """Calls made, by contact."""
    lost: int = 0
    """Calls made whose create was answered 500."""
    problems: list[str] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(7))
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*self._tasks)
        if self._session is not None:
            await self._session.close()

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Any request; only creates are expected."""
        seen = Request(
            request.method, request.path_qs, {k.lower(): v for k, v in request.headers.items()}, await request.read()
        )
        try:
            if (seen.method, request.path) != ("POST", self.told.create.path):
                raise AssertionError(f"{seen.method} {request.path}")
            self.told.create.check_authorization(seen.headers)
            if self.told.official_api is not None:
                validate(self.told.official_api, seen)
        except Exception as error:  # whatever it is: it belongs to the test, not into a log
            self.problems.append(repr(error))
            return web.json_response({"title": "Bad Request", "error": "bad request"}, status=400)
        return self._create(json.loads(seen.body))

    def _create(self, body: Mapping[str, Any]) -> web.Response:
        contact, callback = order_of(body)
        self.creates[urlsplit(callback).path.rpartition("/")[2]] += 1
        number = self.creates.total()
        if number % LATER_EVERY == 0:
            return web.json_response({}, status=429, headers={"Retry-After": "1"})
        self.taken[contact] += 1
        call_id = str(uuid4())
        task = asyncio.get_running_loop().create_task(self._call_back(contact, callback, call_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if number % LOST_EVERY == 0:
            self.lost += 1
            return web.json_response({"title": "Internal Error"}, status=500)
        status, accepted = self.told.create.accepted
        return web.json_response(with_id(accepted, self.told.create.call_id, call_id), status=status)

    async def _call_back(self, contact: str, callback: str, call_id: str) -> None:
        told = self.told.callbacks
        url = callback.partition("#")[0]
        sequence = [event for event in told.sequences[kind_of(contact)] if not is_about_machine(event)]
        self._random.shuffle(sequence)
        for event in [*sequence, *sequence[:1]] if self._random.random() < 0.2 else sequence:
            body = told.encode(with_id(event, self.told.create.call_id, call_id))
            headers: Headers = {"Content-Type": told.content_type, **told.sign(url, body, time())}
            assert self._session is not None
            async with self._session.post(url, data=body, headers=dict(headers)) as answer:
                if answer.status != 204:
                    self.problems.append(f"callback answered {answer.status}")


def order_of(body: Mapping[str, Any]) -> tuple[str, str]:
    """Who is called, and where the carrier calls back, in either dialect."""
    to = body["to"]
    return (to, body["hangup_url"]) if isinstance(to, str) else (to[0]["number"], body["event_url"][0])


def is_about_machine(event: Event) -> bool:
    return event.get("status") in MACHINE_EVENTS or event.get("Event") in MACHINE_EVENTS


def with_id(value: Any, old: str, new: str) -> Any:
    """The same with another call's id."""
    return json.loads(json.dumps(value).replace(old, new))


@asynccontextmanager
async def small_carrier(told: ProviderUnderTest) -> AsyncIterator[SmallCarrier]:
    """On a free port of this machine, gone with the block."""
    async with SmallCarrier(told) as carrier:
        runner = web.ServerRunner(web.Server(carrier.handle, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        carrier.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield carrier
        finally:
            await runner.cleanup()


__all__ = ["PLIVO", "VONAGE", "SmallCarrier", "expected", "small_carrier"]
