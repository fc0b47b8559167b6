"""A Telnyx account at the simulated carrier, and requests to it. The rest is as for Twilio: `wire.py`."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import aiohttp

from outdial.carrier import Scenario
from tests.carrier.wire import ANSWERED, FROM, OTHER_FROM, TO, Heard, Reply, Wire

APPLICATION = "1494404757140276705"
KEY = "KEY0123456789ABCDEF"
STATE = b64encode(b"attempt-1").decode()


def telnyx_scenario(
    behaviour: Mapping[str, object] = ANSWERED,
    *,
    account: Mapping[str, object] | None = None,
    **settings: object,
) -> Scenario:
    """One Telnyx account with two numbers; a model second takes a millisecond unless told otherwise."""
    known = {"provider": "telnyx", "account_id": APPLICATION, "auth_token": KEY, "numbers": [FROM, OTHER_FROM]}
    values = {
        "speed": 1000.0,
        "behaviour": {"setup_s": 1, **behaviour},
        "accounts": {"tx": {**known, **(account or {})}},
        **settings,
    }
    return Scenario.from_mapping(values)


async def ask(
    wire: Wire, method: str, path: str, body: object = None, *, key: str = KEY, **headers: str
) -> Reply:  # fmt: skip
    """One request to /v2/."""
    async with wire.session.request(
        method,
        f"{wire.carrier.url}/v2/{path}",
        json=body,
        headers={"Authorization": f"Bearer {key}", **headers},
        timeout=aiohttp.ClientTimeout(total=10),
    ) as response:
        text = await response.text()
        value = json.loads(text) if response.content_type == "application/json" else {}
        return Reply(response.status, dict(response.headers), text, value)


def dial(wire: Wire, **changes: object) -> dict[str, object]:
    """The body of a create request; None leaves a field out."""
    body = {
        "connection_id": APPLICATION,
        "to": TO,
        "from": FROM,
        "webhook_url": f"{wire.receiver.url}/callbacks/one?then=else",
        "client_state": STATE,
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


async def dialled(wire: Wire, **changes: object) -> dict[str, Any]:
    """The `data` of a new call."""
    reply = await ask(wire, "POST", "calls", dial(wire, **changes))
    assert reply.status == 200, reply
    data = reply.json["data"]
    assert isinstance(data, dict)
    return data


def event_of(heard: Heard) -> dict[str, Any]:
    """A webhook's `data`."""
    data = json.loads(heard.body)["data"]
    assert isinstance(data, dict)
    return data


def events(wire: Wire) -> list[str]:
    """The types of the webhooks that came, in their order."""
    return [event_of(heard)["event_type"] for heard in wire.receiver.heard]


def code(reply: Reply) -> tuple[int, object]:
    """The status and the code of a refusal."""
    errors = reply.json["errors"]
    assert isinstance(errors, list)
    return reply.status, errors[0]["code"]
