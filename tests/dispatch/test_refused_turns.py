"""What PostgreSQL refuses is put aside alone: reports, cancels and plans of the same turn do not suffer for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast
from unittest.mock import MagicMock
from uuid import UUID

import pytest

from outdial.clock import SystemClock
from outdial.dispatch import dispatcher as story
from outdial.dispatch.desk import Desk, Work
from outdial.dispatch.dispatcher import Dispatcher, Pauses
from outdial.dispatch.place import PlacingLimits
from outdial.dispatch.turn import TurnResult
from outdial.errors import DatabaseRefused
from outdial.ports.store import CallIdentity, Line, LineAsk
from outdial.rules.call_fate import IsOverdue
from outdial.rules.capacity import Slots
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, ConnectionId, NumberId, Placement, TenantId
from outdial.telemetry.tasks import Background
from tests.simulation.worker import METRICS

TENANT, SPRING = TenantId("acme"), CampaignId("spring")
GUILTY = 13
ASK = LineAsk(SPRING, Line(SPRING, "").line, 1)


def key(n: int) -> AttemptKey:
    return AttemptKey(TENANT, AttemptId(UUID(int=n)))


def identity(n: int) -> CallIdentity:
    slots = Slots(TENANT, SPRING, ConnectionId("line"))
    return CallIdentity(key(n), Placement(UUID(int=n)), E164("+12025550143"), slots, NumberId("a"))


class Impatient(SystemClock):
    """Pauses take no time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Refusing:
    """A database that refuses what is guilty, or everything so many times. `asks`: what the board would claim."""

    def __init__(self) -> None:
        self.sqlstate, self.everything, self.asks = "22P05", 0, list[LineAsk]()

    async def take_turn(self, _: object, work: Work, asks: Sequence[LineAsk]) -> TurnResult:
        await asyncio.sleep(0)
        self.everything -= 1
        reported = {identity.placement for identity, *_ in work.reports}
        guilty = Placement(UUID(int=GUILTY)) in reported or key(GUILTY) in {one for one, _ in work.canceled} or asks
        if self.everything >= 0 or guilty:
            raise DatabaseRefused(self.sqlstate, "Refused")
        return TurnResult(known=reported)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    """Refuses by what a test says."""
    database = Refusing()
    monkeypatch.setattr(story, "take_turn", database.take_turn)
    return database


@pytest.fixture
async def desk(database: Refusing) -> AsyncIterator[Desk]:
    """Of a replica that takes turn after turn."""
    clock, setting = Impatient(), MagicMock(metrics=METRICS, sweep_batch=500)
    setting.clock, setting.board.asks, setting.board.next_look = clock, lambda *_, **__: database.asks, lambda _: None
    desk, background, other = Desk(500, clock), Background(METRICS, clock), cast(Any, MagicMock())
    replica = Dispatcher(
        setting, other, desk, other, other, other, other, background, PlacingLimits(5, 1), "", Pauses(poll_s=0.01)
    )
    turns = asyncio.create_task(replica._turns())
    yield desk
    turns.cancel()
    await asyncio.wait({turns})


async def results(*promises: asyncio.Future[Any]) -> list[Any]:
    """What became of each."""
    async with asyncio.timeout(10):
        return await asyncio.gather(*promises, return_exceptions=True)


@pytest.mark.parametrize("innocent", [0, 1, 5])
async def test_a_guilty_report_harms_no_other_and_no_cancel(desk: Desk, innocent: int) -> None:
    reports = [desk.report(identity(n), IsOverdue(1.0)) for n in [GUILTY, *range(innocent)]]
    guilty, *others = await results(*reports, *desk.cancel([key(1), key(2)]))
    assert isinstance(guilty, DatabaseRefused)
    assert others == [True] * innocent + [None, None]


@pytest.mark.parametrize("innocent", [0, 1])
async def test_a_guilty_cancel_harms_no_other_and_no_report(desk: Desk, innocent: int) -> None:
    reports = [desk.report(identity(n), IsOverdue(1.0)) for n in range(innocent)]
    *others, before, guilty, after = await results(*reports, *desk.cancel([key(1), key(GUILTY), key(2)]))
    assert isinstance(guilty, DatabaseRefused)
    assert (others, before, after) == ([True] * innocent, None, None)


async def test_a_guilty_attempt_that_waits_harms_no_report(database: Refusing, desk: Desk) -> None:
    database.asks = [ASK]
    assert await results(desk.report(identity(1), IsOverdue(1.0))) == [True]


@pytest.mark.parametrize("sqlstate", ["25006", "25P03", "42501"])
async def test_what_no_row_is_to_blame_for_is_tried_again(database: Refusing, desk: Desk, sqlstate: str) -> None:
    """A standby that is not yet writable after a failover, a replica that was frozen within a turn, rights withdrawn."""
    database.sqlstate, database.everything = sqlstate, 3
    promises = [desk.report(identity(n), IsOverdue(1.0)) for n in range(2)]
    assert await results(*promises, *desk.cancel([key(1)])) == [True, True, None]
