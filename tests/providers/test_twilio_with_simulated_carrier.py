"""The adapter and the callback server against the simulated carrier: two readings of Twilio's documentation, by wire."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from time import time
from uuid import uuid4

import pytest
from aiohttp import web

from outdial.carrier import Scenario, SimulatedCarrier
from outdial.ports.carriers import Accepted, Ambiguous, CallOrder, Carrier, RefusedForNow, SearchQuery
from outdial.providers.http import HttpClient
from outdial.providers.registry import OpenConnections
from outdial.rules.call_progress import CallNews, Progress, final_outcome
from outdial.rules.callback_address import callback_url
from outdial.rules.ids import ConnectionId, Placement
from outdial.rules.outcome import Outcome
from outdial.web.callbacks import CallbackServer
from tests.providers.twilio_account import ACCOUNT_SID, CONNECTION, FROM, TO, TOKEN, secrets
from tests.providers.twilio_account import order as new_order

NOBODY = {"busy_share": 0.0, "rejected_share": 0.0, "unreachable_share": 0.0, "invalid_share": 0.0, "failed_share": 0.0}
SILENT: dict[str, object] = {"answer_rate": 0.0, **NOBODY}
ANSWERED: dict[str, object] = {"answer_rate": 1.0, "machine_share": 0.0, **NOBODY}


@dataclass
class Heard:
    """A sink that keeps everything."""

    news: dict[Placement, list[CallNews]] = field(default_factory=dict)

    async def deliver(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> bool:
        assert connection == CONNECTION
        self.news.setdefault(placement, []).extend(news)
        return True


@dataclass
class Loop:
    """outdial's two edges with a carrier in between."""

    simulated: SimulatedCarrier
    carrier: Carrier
    heard: Heard
    counted: list[str]
    public_url: str

    def order(self, *, detect_machine: bool = False) -> CallOrder:
        placement = Placement(uuid4())
        url = callback_url(self.public_url, "twilio", CONNECTION, placement)
        return replace(
            new_order({"twiml": "<Response/>"}, detect_machine=detect_machine), placement=placement, callback_url=url
        )

    async def until_idle(self) -> None:
        await self.simulated.wait_for(self.simulated.idle)


@asynccontextmanager
async def loop(
    behaviour: Mapping[str, object], *faults: Mapping[str, object], speed: float = 1_000
) -> AsyncIterator[Loop]:
    values = {
        "speed": speed,
        "behaviour": behaviour,
        "faults": list(faults),
        "accounts": {"us": {"account_id": ACCOUNT_SID, "auth_token": TOKEN, "numbers": {FROM: {}}}},
    }
    heard, counted = Heard(), list[str]()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        public_url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with HttpClient() as http, SimulatedCarrier(Scenario.from_mapping(values)) as simulated:
            connections = OpenConnections(http, secrets)
            settings = {"account": ACCOUNT_SID, "base_url": simulated.url, "credentials": {"auth_token": "env:TOKEN"}}
            assert connections.replace([(CONNECTION, "twilio", settings)]) == {}
            server = CallbackServer(public_url, connections, heard, lambda _connection, result: counted.append(result))
            runner = web.AppRunner(server.application(), access_log=None)
            await runner.setup()
            await web.SockSite(runner, listening).start()
            try:
                yield Loop(simulated, connections.of(CONNECTION), heard, counted, public_url)
            finally:
                await runner.cleanup()


def outcome_of(all_news: Sequence[CallNews]) -> Outcome | None:
    last = max(all_news, key=lambda news: news.progress)
    answered_by = next((news.answered_by for news in all_news if news.answered_by is not None), None)
    return None if last.outcome is None else final_outcome(last.outcome, answered_by)


CALLS: list[tuple[dict[str, object], bool, Outcome]] = [
    (ANSWERED, False, Outcome.ANSWERED_UNKNOWN),
    (ANSWERED | {"detection_unknown_share": 0.0, "talk_s": 60}, True, Outcome.ANSWERED_HUMAN),
    (
        ANSWERED | {"machine_share": 1.0, "detection_unknown_share": 0.0, "machine_talk_s": 60},
        True,
        Outcome.ANSWERED_MACHINE,
    ),
    (SILENT, False, Outcome.NO_ANSWER),
    (SILENT | {"busy_share": 1.0}, False, Outcome.BUSY),
    (SILENT | {"rejected_share": 1.0}, False, Outcome.REJECTED),
    (SILENT | {"unreachable_share": 1.0}, False, Outcome.UNREACHABLE),
    (SILENT | {"invalid_share": 1.0}, False, Outcome.INVALID_NUMBER),
    (SILENT | {"failed_share": 1.0}, False, Outcome.CARRIER_FAILED),
    (SILENT | {"labelled": True, "labelled_blocked_share": 1.0}, False, Outcome.SPAM_BLOCKED),
]


@pytest.mark.parametrize(("behaviour", "detect", "outcome"), CALLS, ids=[row[2] for row in CALLS])
async def test_a_call_from_the_create_request_to_its_outcome(
    behaviour: Mapping[str, object], detect: bool, outcome: Outcome
) -> None:
    async with loop(behaviour) as wire:
        order = wire.order(detect_machine=detect)
        placed = await wire.carrier.place(order)
        assert isinstance(placed, Accepted)
        await wire.until_idle()
        news = wire.heard.news[order.placement]
        state = await wire.carrier.look_up(placed.carrier_call_id)
    assert outcome_of(news) == outcome
    assert {one.carrier_call_id for one in news} == {placed.carrier_call_id}
    assert all(one.known_code for one in news)
    assert set(wire.counted) == {"applied"}
    assert state is not None
    assert (state.progress, state.to, state.from_number) == (Progress.FINAL, TO, FROM)


async def test_forged_callbacks_do_not_get_in() -> None:
    async with loop(ANSWERED, {"kind": "forged", "on": "callback"}) as wire:
        await wire.carrier.place(wire.order())
        await wire.until_idle()
    assert wire.heard.news == {}
    assert set(wire.counted) == {"forged"}


LOST: list[dict[str, object]] = [
    {"kind": "status", "on": "create", "status": 500, "done": True},
    {"kind": "reset", "on": "create", "done": True},
    {"kind": "truncated", "on": "create"},
    {"kind": "no_id", "on": "create"},
]


@pytest.mark.parametrize("fault", LOST, ids=[str(fault["kind"]) for fault in LOST])
async def test_a_lost_answer_is_found_again_by_searching(fault: Mapping[str, object]) -> None:
    async with loop(ANSWERED, fault) as wire:
        begun, order = time(), wire.order()
        assert isinstance(await wire.carrier.place(order), Ambiguous)
        found = await wire.carrier.search(SearchQuery(order.placement, FROM, TO, begun, time()))
        assert len(found) == 1
        await wire.until_idle()
    assert {one.carrier_call_id for one in wire.heard.news[order.placement]} == {found[0].carrier_call_id}


async def test_an_error_without_a_call_is_found_to_be_none() -> None:
    async with loop(ANSWERED, {"kind": "status", "on": "create", "status": 500, "done": False}) as wire:
        begun, order = time(), wire.order()
        assert await wire.carrier.place(order) == Ambiguous("http_500", "20500")
        assert list(await wire.carrier.search(SearchQuery(order.placement, FROM, TO, begun, time()))) == []


async def test_too_many_requests_with_the_carriers_delay() -> None:
    fault = {"kind": "status", "on": "create", "status": 429, "retry_after_s": 7}
    async with loop(ANSWERED, fault) as wire:
        assert await wire.carrier.place(wire.order()) == RefusedForNow("20429", 7.0)


@pytest.mark.parametrize("reached", [Progress.RINGING, Progress.ANSWERED])
async def test_hanging_up_whatever_the_state(reached: Progress) -> None:
    endless = ANSWERED | {"setup_s": 0.001, "ring_s": 0.001 if reached is Progress.ANSWERED else 25, "talk_s": 1_000}
    async with loop(endless, speed=1) as wire:
        order = wire.order()
        placed = await wire.carrier.place(order)
        assert isinstance(placed, Accepted)
        await wire.simulated.wait_for(
            lambda: any(one.progress is reached for one in wire.heard.news.get(order.placement, ()))
        )
        await wire.carrier.hang_up(placed.carrier_call_id)
        await wire.carrier.hang_up(placed.carrier_call_id)
        await wire.until_idle()
        state = await wire.carrier.look_up(placed.carrier_call_id)
    assert state is not None
    assert state.progress is Progress.FINAL


async def test_a_call_the_carrier_never_had() -> None:
    async with loop(ANSWERED) as wire:
        unknown = "CA" + "f" * 32
        assert await wire.carrier.look_up(unknown) is None
        await wire.carrier.hang_up(unknown)
