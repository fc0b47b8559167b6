"""Intake gives way: small batches wait for company while next to no call may start."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from outdial.dispatch.intake import GIVE_WAY_S, Intake
from tests.support.clock import FakeClock

BATCH = 20


@pytest.mark.parametrize(
    ("taken", "nearly_full", "rests"),
    [(1, True, True), (BATCH - 1, True, True), (BATCH, True, False), (1, False, False), (0, True, False)],
    ids=["one message", "all but a full batch", "more may wait", "calls may start", "the inbox is closed"],
)
async def test_when_intake_rests(taken: int, nearly_full: bool, rests: bool) -> None:
    clock, other = FakeClock(), cast(Any, MagicMock())
    other.is_nearly_full.return_value = nearly_full
    intake = Intake(other, other, other, other, other, other, clock, other, BATCH, other)
    resting = asyncio.create_task(intake.give_way(taken))
    await clock.advance(0.99 * GIVE_WAY_S)
    assert resting.done() is not rests
    await clock.advance(0.02 * GIVE_WAY_S)
    await asyncio.wait_for(resting, 5)
