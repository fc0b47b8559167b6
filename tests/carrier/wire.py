"""A simulated carrier on a free port, a receiver for its callbacks, and a caller: all over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from outdial.carrier import Scenario, SimulatedCarrier

SID = "AC00000000000000000000000000000001"
TOKEN = "simulated-token"
FROM, OTHER_FROM, TO = "+12025550101", "+12025550102", "+13035550143"
ALL_EVENTS = ("initiated", "ringing", "answered", "completed")

Pairs = list[tuple[str, str]]

NOBODY: dict[str, object] = {
    "busy_share": 0.0,
    "rejected_share": 0.0,
    "unreachable_share": 0.0,
    "invalid_share": 0.0,
    "failed_share": 0.0,
}
SILENT = {"answer_rate": 0.0, **NOBODY}
ANSWERED = {
    "answer_rate": 1.0,
    "machine_share": 0.0,
    "detection_unknown_share": 0.0,
    "ring_s": 5,
    "talk_s": 60,
    **NOBODY,
}
"""Everybody picks up after 5 s and talks for a minute."""


@dataclass
class Heard:
    """One callback as it arrived."""

    method: str
    path: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def params(self) -> dict[str, str]:
        """What it says."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def status(self) -> str:
        """Its CallStatus."""
        return self.params.get("CallStatus", "")


@dataclass
class Receiver:
    """Takes callbacks. `reply` decides the HTTP status of each; `entered` may hold it."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    reply: Callable[[Heard], int] = lambda heard: 204
    gate: asyncio.Event | None = None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Any request."""
        heard = Heard(request.method, request.path, self.url + request.path_qs, request.headers, await request.read())
        self.heard.append(heard)
        self.arrived.set()
        if self.gate is not None:
            await self.gate.wait()
        return web.Response(status=self.reply(heard))

    def statuses(self) -> list[str]:
        """The CallStatus of all status callbacks in the order of their arrival."""
        return [each.status for each in self.heard if each.status]


@dataclass
class Reply:
    """An answer of the carrier's API."""

    status: int
    headers: Mapping[str, str]
    text: str
    json: dict[str, object]


@dataclass
class Wire:
    """The carrier, whom it calls back, and a client that calls it."""

    carrier: SimulatedCarrier
    receiver: Receiver
    session: aiohttp.ClientSession

    async def ask(
        self, method: str, path: str, data: Pairs | None = None, *, token: str = TOKEN, timeout_s: float = 10.0
    ) -> Reply:
        """One request to the account's part of the API."""
        async with self.session.request(
            method,
            f"{self.carrier.url}/2010-04-01/Accounts/{SID}/{path}",
            data=data,
            headers={"Authorization": aiohttp.encode_basic_auth(SID, token)},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as response:
            text = await response.text()
            value = await response.json() if response.content_type == "application/json" else {}
            return Reply(response.status, dict(response.headers), text, value)

    async def create(self, **changes: object) -> Reply:
        """A create request; a list repeats its field, None leaves it out."""
        return await self.ask("POST", "Calls.json", self.form(**changes))

    async def created(self, **changes: object) -> str:
        """The sid of a new call."""
        reply = await self.create(**changes)
        assert reply.status == 201, reply
        return str(reply.json["sid"])

    def form(self, **changes: object) -> Pairs:
        """The fields of a create request."""
        fields: dict[str, object] = {
            "To": TO,
            "From": FROM,
            "Twiml": "<Response/>",
            "StatusCallback": f"{self.receiver.url}/callbacks/one",
            "StatusCallbackEvent": list(ALL_EVENTS),
            **changes,
        }
        pairs: Pairs = []
        for name, value in fields.items():
            pairs += [(name, str(each)) for each in (value if isinstance(value, list) else [value]) if each is not None]
        return pairs

    async def admin(self, method: str, path: str, body: object = None) -> Reply:
        """One request to the operator's side."""
        async with self.session.request(method, f"{self.carrier.url}/_carrier/{path}", json=body) as response:
            return Reply(response.status, dict(response.headers), await response.text(), await response.json())

    async def until_idle(self) -> None:
        """Wait until all calls have ended and all callbacks were delivered or given up."""
        await self.carrier.wait_for(self.carrier.idle)


def scenario(
    behaviour: Mapping[str, object] = ANSWERED,
    *,
    faults: list[dict[str, object]] | None = None,
    account: Mapping[str, object] | None = None,
    **settings: object,
) -> Scenario:
    """One account with two numbers; a model second takes a millisecond unless told otherwise."""
    return Scenario.from_mapping(
        {
            "speed": 1000.0,
            "behaviour": {"setup_s": 1, **behaviour},
            "faults": faults or [],
            "accounts": {
                "us": {"account_id": SID, "auth_token": TOKEN, "numbers": [FROM, OTHER_FROM], **(account or {})}
            },
            **settings,
        }
    )


@asynccontextmanager
async def wired(told: Scenario | None = None) -> AsyncIterator[Wire]:
    """Everything connected, and taken down at the end."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with SimulatedCarrier(told or scenario()) as carrier, aiohttp.ClientSession() as session:
            try:
                yield Wire(carrier, receiver, session)
            finally:
                if receiver.gate is not None:
                    receiver.gate.set()
    finally:
        await runner.cleanup()
