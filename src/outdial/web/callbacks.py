"""The public port: callbacks of carriers. Verified before anything else, told to the story, answered once committed.

The answers carry no detail: 204 = done (or of no concern to us), 403 = forged, 503 = not stored, call again. Nothing of
a callback is logged: bodies hold phone numbers, and paths hold the token that makes them hard to guess.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from aiohttp import web

from outdial.errors import BadInput, OutdialError
from outdial.ports.carriers import CallbackReader, CallbackRequest, ForgedCallback, HandOn
from outdial.rules.call_progress import CallNews
from outdial.rules.callback_address import CALLBACK_ROUTE, callback_url
from outdial.rules.ids import ConnectionId, Placement

MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT_S = 5.0
"""For a body to arrive. Twilio waits 15 s for the whole answer."""
DELIVER_TIMEOUT_S = 8.0
"""For the story to commit."""

_log = logging.getLogger(__name__)


class CallbackSink(Protocol):
    """The story's side of a callback."""

    async def deliver(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        """Returns once it is committed: True = the placement is known, False = it is not. Raising = not stored."""


class Door(Protocol):
    """Where one connection's callbacks go in."""

    @property
    def reader(self) -> CallbackReader:
        """Verifies and reads."""

    @property
    def callback_methods(self) -> frozenset[str]:
        """The HTTP methods its provider uses."""

    @property
    def hand_on(self) -> Callable[[CallbackRequest], HandOn | None]:
        """What of a callback that was read goes on to the customer's own application."""


class Doors(Protocol):
    """The connections that this replica knows."""

    def door(self, provider: str, connection: ConnectionId) -> Door | None:
        """None = no such connection at this provider."""


CountCallback = Callable[[ConnectionId | None, str], None]
"""Called once per callback with its connection (None = none of ours) and what became of it: `applied`, `unknown`,
`forged`, `unreadable` or `failed`."""


def _keep(_: HandOn) -> None:
    """Where nothing is handed on."""


@dataclass(frozen=True, slots=True)
class CallbackServer:
    """The handlers of the public port. `public_url`: the address that carriers were given, see `callback_url`."""

    public_url: str
    doors: Doors
    sink: CallbackSink
    count: CountCallback
    hand_on: Callable[[HandOn], None] = _keep
    """Takes what goes on to a customer's application, and returns at once."""
    max_body_bytes: int = MAX_BODY_BYTES
    body_timeout_s: float = BODY_TIMEOUT_S
    deliver_timeout_s: float = DELIVER_TIMEOUT_S

    def application(self) -> web.Application:
        """To be run with `access_log=None`, since the paths are not for logs."""
        app = web.Application(client_max_size=self.max_body_bytes)
        app.router.add_route("POST", CALLBACK_ROUTE, self.handle)
        app.router.add_route("GET", CALLBACK_ROUTE, self.handle)
        app.on_response_prepare.append(_say_little)
        return app

    async def handle(self, request: web.Request) -> web.Response:
        """One callback."""
        provider, connection = request.match_info["provider"], ConnectionId(request.match_info["connection"])
        placement = _placement(request.match_info["placement"])
        door = None if placement is None else self.doors.door(provider, connection)
        if placement is None or door is None:
            self.count(None, "unknown")
            return web.Response(status=404)
        if request.method not in door.callback_methods:
            return web.Response(status=405, headers={"Allow": ", ".join(sorted(door.callback_methods))})
        body = await self._body(request)
        if body is None:
            self.count(connection, "unreadable")
            return web.Response(status=413)
        url = callback_url(self.public_url, provider, connection, placement)
        _, mark, query = request.raw_path.partition("?")
        return await self._take(
            door,
            CallbackRequest(connection, placement, request.method, url + mark + query, dict(request.headers), body),
        )

    async def _body(self, request: web.Request) -> bytes | None:
        """None = too large, too slow or broken off."""
        if (request.content_length or 0) > self.max_body_bytes:
            return None
        try:
            async with asyncio.timeout(self.body_timeout_s):
                return await request.read()
        except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError, TimeoutError, ConnectionError):
            return None

    async def _take(self, door: Door, callback: CallbackRequest) -> web.Response:
        try:
            news = door.reader.read(callback)
        except ForgedCallback:
            self.count(callback.connection, "forged")
            return web.Response(status=403)
        except BadInput:
            self.count(callback.connection, "unreadable")
            return web.Response(status=400)
        # Before the commit, for a live call waits for its application; our settling goes on beside it.
        if (onward := door.hand_on(callback)) is not None:
            self.hand_on(onward)
        try:
            async with asyncio.timeout(self.deliver_timeout_s):
                known = await self.sink.deliver(callback.connection, callback.placement, news)
        except (OutdialError, TimeoutError) as error:
            _log.warning("callback.failed: %s", type(error).__name__)
            self.count(callback.connection, "failed")
            return web.Response(status=503)
        except Exception:  # whatever it is, the carrier has to call again
            _log.exception("callback.failed")
            self.count(callback.connection, "failed")
            return web.Response(status=503)
        self.count(callback.connection, "applied" if known else "unknown")
        return web.Response(status=204)


def _placement(text: str) -> Placement | None:
    try:
        placement = UUID(text)
    except ValueError:
        return None
    return Placement(placement) if str(placement) == text else None


async def _say_little(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.pop("Server", None)
