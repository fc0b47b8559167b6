"""Somebody with a token who asks the admin API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from outdial.errors import BrokerUnavailable
from outdial.ports.messages import AttemptPublisher

VIEWER = "viewer-token-of-the-tests-000"
SEEING = "seeing-token-of-the-tests-000"
OPERATOR = "operator-token-of-the-tests-0"
TOKENS = f"""
# the tests' own
vera viewer {VIEWER}
simon viewer+contacts {SEEING}
olga operator {OPERATOR}
"""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def fields(self) -> list[str]:
        """The fields that a problem names."""
        return [one["field"] for one in self.body.get("errors", [])]


@dataclass(frozen=True, slots=True)
class Api:
    """The admin port, asked with one token after another."""

    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str, token: str | None = VIEWER, **query: Any) -> Told:
        """GET, as the viewer unless said otherwise."""
        return await self.ask("GET", path, token, params=query)

    async def post(self, path: str, body: object = None, token: str | None = OPERATOR, **more: Any) -> Told:
        """POST a JSON body, as the operator unless said otherwise."""
        return await self.ask("POST", path, token, json=body, **more)

    async def ask(self, method: str, path: str, token: str | None, **more: Any) -> Told:
        """Any request; `path` below /api/v1."""
        headers = {**({"Authorization": f"Bearer {token}"} if token else {}), **more.pop("headers", {})}
        async with self.session.request(method, f"{self.url}/api/v1{path}", headers=headers, **more) as response:
            text = await response.text()
            body = await response.json(content_type=None) if text else None
            return Told(response.status, body, response.headers.copy())


def no_broker() -> AttemptPublisher:
    """Nothing can be published."""
    raise BrokerUnavailable("these tests have no broker")
