"""What a provider's API is to the server: routes, answers, and the two ways to spoil an answer that only it knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from aiohttp import web

from outdial.carrier.faults import Fault


@dataclass(frozen=True, slots=True)
class Route:
    """Which operation a request asks for: create, fetch, list or update; of which account (as named by the caller)."""

    operation: str
    account_id: str
    account: str
    """The account's name in the scenario; empty = there is none with that id."""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is not yet on the wire. `call_id`: of the call that was made, if one was."""

    status: int
    payload: Mapping[str, object]
    headers: tuple[tuple[str, str], ...] = ()
    call_id: str = ""

    def body(self) -> bytes:
        """The JSON text."""
        return json.dumps(self.payload).encode()

    def with_field(self, name: str, value: object) -> Answer:
        """The same with one field of the payload changed; None takes it out."""
        payload = {key: old for key, old in self.payload.items() if key != name}
        if value is not None:
            payload[name] = value
        return replace(self, payload=payload)


class Api(Protocol):
    """One provider's API."""

    def route(self, request: web.BaseRequest) -> Route | None:
        """What the request asks for; None = not of this API."""

    async def perform(self, route: Route, request: web.BaseRequest, fault: Fault | None) -> Answer:
        """Do it. Of the faults only those that change what is done (list_empty, list_lag) concern it."""

    def error(self, status: int) -> Answer:
        """A failure of the provider in its own words, with that HTTP status."""

    def without_id(self, answer: Answer) -> Answer:
        """The answer to a create, lacking the call's id."""

    def with_wrong_id(self, answer: Answer) -> Answer:
        """The answer to a create, with the id of no call."""
