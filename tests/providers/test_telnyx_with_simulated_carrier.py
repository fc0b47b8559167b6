"""The Telnyx adapter against the simulated carrier: two readings of Telnyx's documentation, by wire, asking only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import time
from uuid import UUID

import pytest

from outdial.carrier import Scenario, SimulatedCarrier
from outdial.ports.carriers import Accepted, Ambiguous, Carrier, Refused, RefusedForNow, SearchQuery
from outdial.providers.http import HttpClient
from outdial.rules.call_progress import Progress, final_outcome
from outdial.rules.ids import Placement
from outdial.rules.outcome import Outcome
from tests.providers.contract.description import FROM, TO
from tests.providers.contract.telnyx import API_KEY, APPLICATION, TELNYX

NOBODY = {"busy_share": 0.0, "rejected_share": 0.0, "unreachable_share": 0.0, "invalid_share": 0.0, "failed_share": 0.0}
SILENT: dict[str, object] = {"answer_rate": 0.0, **NOBODY}
ANSWERED: dict[str, object] = {
    "answer_rate": 1.0, "machine_share": 0.0, "detection_unknown_share": 0.0, "talk_s": 60, **NOBODY
}  # fmt: skip
OTHER = Placement(UUID(int=7, version=4))


@dataclass
class Line:
    """The adapter and the carrier that it asks. All callbacks are lost."""

    carrier: Carrier
    simulated: SimulatedCarrier


@asynccontextmanager
async def line(
    behaviour: Mapping[str, object], *faults: Mapping[str, object], speed: float = 1_000, **account: object
) -> AsyncIterator[Line]:
    values = {
        "speed": speed,
        "behaviour": behaviour,
        "faults": [{"kind": "lost", "on": "callback"}, *faults],
        "accounts": {
            "tx": {"provider": "telnyx", "account_id": APPLICATION, "auth_token": API_KEY, "numbers": [FROM], **account}
        },
    }
    async with HttpClient() as http, SimulatedCarrier(Scenario.from_mapping(values)) as simulated:
        yield Line(TELNYX.open(simulated.url, http).carrier, simulated)


CALLS: list[tuple[dict[str, object], bool, Outcome]] = [
    (ANSWERED, False, Outcome.ANSWERED_UNKNOWN),
    (ANSWERED, True, Outcome.ANSWERED_HUMAN),
    (ANSWERED | {"machine_share": 1.0, "machine_talk_s": 60}, True, Outcome.ANSWERED_MACHINE),
    (SILENT, False, Outcome.NO_ANSWER),
    (SILENT | {"busy_share": 1.0}, False, Outcome.BUSY),
    (SILENT | {"rejected_share": 1.0}, False, Outcome.REJECTED),
    (SILENT | {"unreachable_share": 1.0}, False, Outcome.UNREACHABLE),
    (SILENT | {"invalid_share": 1.0}, False, Outcome.INVALID_NUMBER),
    (SILENT | {"failed_share": 1.0}, False, Outcome.CARRIER_FAILED),
    (SILENT | {"labelled": True, "labelled_blocked_share": 1.0}, False, Outcome.SPAM_BLOCKED),
]


@pytest.mark.parametrize(("behaviour", "detect", "outcome"), CALLS, ids=[row[2] for row in CALLS])
async def test_without_a_single_callback_asking_tells_the_outcome(
    behaviour: Mapping[str, object], detect: bool, outcome: Outcome
) -> None:
    async with line(behaviour) as wire:
        placed = await wire.carrier.place(TELNYX.order(detect_machine=detect))
        assert isinstance(placed, Accepted)
        await wire.simulated.wait_for(wire.simulated.idle)
        news = await wire.carrier.look_up(placed.carrier_call_id)
    assert news is not None
    assert news.outcome is not None
    assert (news.progress, news.known_code) == (Progress.FINAL, True)
    assert final_outcome(news.outcome, news.answered_by) == outcome


LOST: list[dict[str, object]] = [
    {"kind": "status", "on": "create", "status": 500, "done": True},
    {"kind": "reset", "on": "create", "done": True},
    {"kind": "truncated", "on": "create"},
    {"kind": "no_id", "on": "create"},
]


@pytest.mark.parametrize("speed", [0.001, 1_000], ids=["alive", "over"])
@pytest.mark.parametrize("fault", LOST, ids=[str(fault["kind"]) for fault in LOST])
async def test_a_lost_answer_is_found_again_by_our_token(fault: Mapping[str, object], speed: float) -> None:
    async with line(ANSWERED, fault, speed=speed) as wire:
        begun, order = time(), TELNYX.order()
        assert isinstance(await wire.carrier.place(order), Ambiguous)
        moved = (lambda: wire.simulated.tally()["callbacks"].get("lost", 0) > 0) if speed < 1 else wire.simulated.idle
        await wire.simulated.wait_for(moved)
        found = await wire.carrier.search(SearchQuery(order.placement, FROM, TO, begun, time()))
        (call,) = wire.simulated.switchboard.calls()
    assert [news.carrier_call_id for news in found] == [call.call_id]
    assert found[0].outcome == (None if speed < 1 else Outcome.ANSWERED_UNKNOWN)


async def test_an_error_without_a_call_is_found_to_be_none() -> None:
    async with line(ANSWERED, {"kind": "status", "on": "create", "status": 503}) as wire:
        begun, order = time(), TELNYX.order()
        assert isinstance(await wire.carrier.place(order), Ambiguous)
        assert list(await wire.carrier.search(SearchQuery(order.placement, FROM, TO, begun, time()))) == []


@pytest.mark.parametrize("state", ["alive", "over"])
async def test_hanging_up(state: str) -> None:
    async with line(ANSWERED, speed=0.001 if state == "alive" else 1_000) as wire:
        placed = await wire.carrier.place(TELNYX.order())
        assert isinstance(placed, Accepted)
        if state == "over":
            await wire.simulated.wait_for(wire.simulated.idle)
        for _ in range(2):
            await wire.carrier.hang_up(placed.carrier_call_id)
        assert wire.simulated.idle()


async def test_no_room_and_no_right() -> None:
    async with line(ANSWERED, speed=0.001, limit=1, above_limit="refuse") as wire:
        assert isinstance(await wire.carrier.place(TELNYX.order()), Accepted)
        assert isinstance(await wire.carrier.place(TELNYX.order(placement=OTHER)), RefusedForNow)
    async with line(ANSWERED | {"refuse": "caller_id"}) as wire:
        refused = await wire.carrier.place(TELNYX.order())
        assert isinstance(refused, Refused)
        assert refused.outcome is Outcome.CALLER_ID_REJECTED
