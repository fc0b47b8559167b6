"""Telnyx's events: our webhook first, then the customer's own application, at the address that we sealed ourselves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from time import time
from urllib.parse import parse_qs, quote, urlsplit
from uuid import UUID

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from outdial.errors import BadInput
from outdial.ports.carriers import CallbackRequest, ForgedCallback
from outdial.providers.handing_on import HandingOn
from outdial.providers.http import HttpClient
from outdial.providers.registry import OpenConnections
from outdial.providers.telnyx.hand_on import MAX_ADDRESS_CHARS
from outdial.providers.telnyx.place import check_instruction
from outdial.rules.call_progress import CallNews
from outdial.rules.callback_address import callback_path
from outdial.rules.ids import ConnectionId, Placement
from outdial.web.callbacks import CallbackServer
from tests.providers.contract.description import CONNECTION, PLACEMENT, as_json
from tests.providers.contract.telnyx import CUSTOMER, SEQUENCES, TELNYX, seal_of, sign
from tests.providers.scripted_server import Exchange, answers, scripted

OTHER = Placement(UUID(int=7, version=4))
EVENT = as_json(SEQUENCES["human"][1])


def query_for(address: str, seal: str | None = None) -> str:
    return f"?then={quote(address, safe='')}&seal={seal_of(address) if seal is None else seal}"


def event(query: str, placement: Placement = PLACEMENT) -> CallbackRequest:
    headers = {"Content-Type": "application/json", "User-Agent": "x", **sign("", EVENT, time())}
    return CallbackRequest(CONNECTION, placement, "POST", TELNYX.callback_url + query, headers, EVENT)


def opened(**settings: object) -> OpenConnections:
    connections = OpenConnections(HttpClient(), lambda key: SecretStr(SECRETS[key]))
    assert connections.replace([(CONNECTION, "telnyx", {**TELNYX.settings, **settings})]) == {}
    return connections


SECRETS = {**TELNYX.secrets, "env:OLD": "KEYold", "env:NEW": "KEYnew"}


def onward(request: CallbackRequest, **settings: object) -> str | None:
    door = opened(**settings).door("telnyx", CONNECTION)
    assert door is not None
    found = door.hand_on(request)
    return None if found is None else found.address


def test_an_event_goes_on_raw_with_what_verifies_it() -> None:
    request = event(query_for(CUSTOMER))
    door = opened().door("telnyx", CONNECTION)
    assert door is not None
    found = door.hand_on(request)
    assert found is not None
    assert (found.address, found.body) == (CUSTOMER, EVENT)
    assert set(found.headers) == {"telnyx-signature-ed25519", "telnyx-timestamp", "content-type"}
    assert CUSTOMER not in repr(found)


@pytest.mark.parametrize(
    "request_",
    [
        event(""),
        event("?then="),
        event(query_for(CUSTOMER, "")),
        event(query_for(CUSTOMER, "\udcff")),
        event(query_for(CUSTOMER, seal_of(CUSTOMER, "KEYother"))),
        event(query_for("https://evil.example", seal_of(CUSTOMER))),
        event(query_for(CUSTOMER), OTHER),
    ],
    ids=["none", "empty", "unsealed", "no text", "another key", "another address", "another call"],
)
def test_what_we_did_not_seal_goes_nowhere(request_: CallbackRequest) -> None:
    assert onward(request_) is None


def test_while_the_api_key_changes_calls_under_way_go_on() -> None:
    request = event(query_for(CUSTOMER, seal_of(CUSTOMER, "KEYold")))
    public = {"public_key": "env:PUBLIC"}
    assert onward(request, credentials={"api_key": "env:NEW", **public}) is None
    assert onward(request, credentials={"api_key": "env:NEW", "other_api_key": "env:OLD", **public}) == CUSTOMER


def test_an_event_of_another_application_or_call_is_forged() -> None:
    door = opened().door("telnyx", CONNECTION)
    assert door is not None
    with pytest.raises(ForgedCallback):
        door.reader.read(replace(event(""), placement=OTHER))
    other = as_json(SEQUENCES["human"][1]).replace(b"1494404757140276705", b"1494404757140276706")
    with pytest.raises(ForgedCallback):
        door.reader.read(replace(event(""), body=other, headers=sign("", other, time())))


class Sink:
    async def deliver(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        return True


async def test_a_silent_application_does_not_slow_the_callbacks() -> None:
    over = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await over.wait()
        await exchange.answer(200, b"")

    counted: list[str] = []
    handed_on: list[str] = []
    async with scripted(silent) as customer, HandingOn(handed_on.append) as handing:
        server = CallbackServer(
            "https://calls.example.com", opened(), Sink(), lambda _, result: counted.append(result), handing.offer
        )
        path = callback_path("telnyx", CONNECTION, PLACEMENT) + query_for(f"{customer.url}/app")
        async with TestServer(server.application()) as running, aiohttp.ClientSession() as client:
            for _ in range(50):
                async with client.post(running.make_url(path), data=EVENT, headers=sign("", EVENT, time())) as answer:
                    assert answer.status == 204
        assert (len(counted), set(counted), handed_on) == (50, {"applied"}, [])
        over.set()
    assert handed_on == ["delivered"] * 50
    assert {request.body for request in customer.requests} == {EVENT}


async def test_the_address_in_the_create_request_leads_to_the_application() -> None:
    """From the order to the wire and back: what Telnyx is given is what is believed when it calls back."""
    async with scripted(answers(*TELNYX.create.accepted)) as server, HttpClient() as http:
        await TELNYX.open(server.url, http).carrier.place(TELNYX.order())
    url = json.loads(server.requests[0].body)["webhook_url"]
    assert parse_qs(urlsplit(url).query)["then"] == [CUSTOMER]
    assert onward(replace(event(""), url=url)) == CUSTOMER


@pytest.mark.parametrize(
    ("instruction", "field", "problem"),
    [
        ({}, "answer.telnyx.webhook_url", "is not an http"),
        ({"url": "https://a.example"}, "answer.telnyx.url", "is unknown"),
        ({"webhook_url": 7}, "answer.telnyx.webhook_url", "is not an http"),
        ({"webhook_url": "ftp://a.example"}, "answer.telnyx.webhook_url", "is not an http"),
        ({"webhook_url": "https://user:pw@a.example"}, "answer.telnyx.webhook_url", "is not an http"),
        ({"webhook_url": "https://a.example:port"}, "answer.telnyx.webhook_url", "is not an http"),
        ({"webhook_url": "https://a.example/#x"}, "answer.telnyx.webhook_url", "has a fragment"),
        ({"webhook_url": "https://a.example/ä"}, "answer.telnyx.webhook_url", "has a fragment"),
        ({"webhook_url": "https://a.example/" + "x" * MAX_ADDRESS_CHARS}, "answer.telnyx.webhook_url", "characters"),
    ],
)
def test_bad_instructions_name_the_field(instruction: dict[str, object], field: str, problem: str) -> None:
    with pytest.raises(BadInput, match=problem) as caught:
        check_instruction(instruction)
    assert (caught.value.field, bool(caught.value.cure)) == (field, True)
