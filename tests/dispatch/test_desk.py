"""The desk: what frees a slot comes first and in parts, other news waits for company, one call's reports stay together."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from outdial.dispatch.desk import LEAST_SHARE, LINGER_S, PATIENCE_S, Desk, NoMoreTurns, Work
from outdial.ports.store import CallIdentity
from outdial.rules import call_fate as fate
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.capacity import Slots
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, ConnectionId, NumberId, Placement, TenantId
from outdial.rules.outcome import Outcome
from tests.support.clock import FakeClock

ACCEPTED = fate.WasAccepted("call", "queued", 1.0)
RINGING = fate.HasNews(CallNews(Progress.RINGING, "call"), 2.0)
OVER = fate.HasNews(CallNews(Progress.FINAL, "call", outcome=Outcome.BUSY), 3.0)
URGENT = [
    OVER,
    fate.HasNews(CallNews(Progress.ANSWERED, "call", answered_by=AnsweredBy.MACHINE), 3.0),
    fate.WasRefused(Outcome.CALLER_ID_REJECTED, None, None),
    fate.WasDeferred("429", None),
    fate.WasNotSent("too_late"),
    fate.MayExist("timeout", 5.0),
    fate.IsNowhere(True, 60.0),
    fate.IsOverdue(4.0),
]


def identity(n: int) -> CallIdentity:
    tenant, campaign = TenantId("acme"), CampaignId("spring")
    return CallIdentity(
        AttemptKey(tenant, AttemptId(UUID(int=1_000 + n))),
        Placement(UUID(int=n)),
        E164("+12025550143"),
        Slots(tenant, campaign, ConnectionId("line")),
        NumberId("n1"),
    )


def desk(at_most: int = 500) -> tuple[Desk, FakeClock]:
    clock = FakeClock()
    return Desk(at_most, clock), clock


def reported(work: Work) -> list[tuple[int, fate.Report]]:
    return [(identity.placement.int, report) for identity, report, _ in work.reports]


@pytest.mark.parametrize("report", URGENT, ids=lambda report: type(report).__name__)
async def test_what_frees_a_slot_or_is_in_doubt_is_taken_at_once(report: fate.Report) -> None:
    one, _ = desk()
    _ = one.report(identity(1), report)
    assert reported(one.take()) == [(1, report)]
    assert one.is_empty


@pytest.mark.parametrize("report", [ACCEPTED, RINGING], ids=["accepted", "ringing"])
async def test_other_news_asks_for_a_turn_only_when_its_patience_ends(report: fate.Report) -> None:
    one, clock = desk()
    _ = one.report(identity(1), report)
    await clock.advance(0.9 * PATIENCE_S)
    _ = one.report(identity(2), report)
    assert one.take().is_empty
    assert not one.is_empty
    await clock.advance(0.11 * PATIENCE_S)
    assert reported(one.take()) == [(1, report)]
    assert one.take(anyway=True).is_empty, "the other one may still end within the moment"


async def test_much_of_it_is_worth_a_turn_after_a_moment() -> None:
    one, clock = desk()
    for n in range(LEAST_SHARE):
        _ = one.report(identity(n), ACCEPTED)
    assert one.take().is_empty
    await clock.advance(LINGER_S)
    assert len(one.take().reports) == LEAST_SHARE


@pytest.mark.parametrize("reason", ["a call that is over", "a cancel", "a sweep", "calls to begin"])
async def test_other_news_rides_with_any_turn_after_a_moment(reason: str) -> None:
    one, clock = desk()
    _ = one.report(identity(1), ACCEPTED)
    await clock.advance(LINGER_S)
    _ = one.report(identity(2), ACCEPTED)
    match reason:
        case "a call that is over":
            _ = one.report(identity(3), OVER)
        case "a cancel":
            _ = one.cancel([AttemptKey(TenantId("acme"), AttemptId(UUID(int=7)))])
        case "a sweep":
            one.sweep()
    taken = one.take(anyway=reason == "calls to begin")
    assert [report for report in reported(taken) if report[1] is ACCEPTED] == [(1, ACCEPTED)]
    assert reported(one.take(hurry=True)) == [(2, ACCEPTED)]


async def test_a_call_that_is_over_takes_its_earlier_news_along_in_their_order() -> None:
    one, _ = desk()
    for report in (ACCEPTED, RINGING):
        _ = one.report(identity(1), report)
    _ = one.report(identity(2), ACCEPTED)
    _ = one.report(identity(1), OVER)
    _ = one.report(identity(1), RINGING)  # late, and to be judged by the same turn
    assert reported(one.take()) == [(1, ACCEPTED), (1, RINGING), (1, OVER), (1, RINGING)]
    assert reported(one.take(hurry=True)) == [(2, ACCEPTED)]


async def test_many_calls_that_end_together_are_taken_in_parts() -> None:
    one, _ = desk()
    for n in range(90):
        _ = one.report(identity(n), OVER)
    parts = []
    while not one.is_empty:
        parts.append(len(one.take().reports))
    assert parts == [30, 20, LEAST_SHARE, LEAST_SHARE, 8]


async def test_a_turn_takes_so_many_calls_at_most() -> None:
    one, clock = desk(at_most=20)
    for n in range(90):
        _ = one.report(identity(n), OVER if n % 2 else ACCEPTED)
    await clock.advance(LINGER_S)
    taken = reported(one.take())
    assert [n for n, _ in taken] == [*range(1, 33, 2), 0, 2, 4, 6]


async def test_nothing_waits_for_company_when_there_is_a_hurry() -> None:
    one, _ = desk()
    _ = one.report(identity(1), ACCEPTED)
    assert reported(one.take(hurry=True)) == [(1, ACCEPTED)]


async def test_who_waits_is_woken_when_the_patience_of_the_first_news_ends() -> None:
    """In real time: the limit is far beyond what it takes, so only a wake-up that never comes fails."""
    one, clock = desk()
    for n in (1, LEAST_SHARE):
        waiting = asyncio.ensure_future(one.wait(30.0))
        await asyncio.sleep(0)
        for placement in range(n):
            _ = one.report(identity(placement), ACCEPTED)
        async with asyncio.timeout(10):
            await waiting  # to learn until when
    assert one.take().is_empty
    async with asyncio.timeout(10):
        await one.wait(30.0)
    await clock.advance(PATIENCE_S)
    assert not one.take().is_empty


async def test_what_is_left_wakes_the_next_turn() -> None:
    one, _ = desk(at_most=1)
    for n in (1, 2):
        _ = one.report(identity(n), OVER)
    keys = [AttemptKey(TenantId("acme"), AttemptId(UUID(int=n))) for n in (7, 8)]
    _ = one.cancel(keys)
    one.sweep()
    first = one.take()
    assert (len(first.reports), [key for key, _ in first.canceled], first.sweep) == (1, keys[:1], True)
    async with asyncio.timeout(10):
        await one.wait(30.0)
    second = one.take()
    assert (len(second.reports), [key for key, _ in second.canceled], second.sweep) == (1, keys[1:], False)
    assert one.is_empty


async def test_whoever_waits_learns_that_no_turn_comes_any_more() -> None:
    one, _ = desk()
    promises: list[asyncio.Future[Any]] = [one.report(identity(1), OVER)]
    assert not one.take().is_empty  # by a turn that is undone
    promises += [one.report(identity(2), OVER), one.report(identity(3), ACCEPTED)]
    key = AttemptKey(TenantId("acme"), AttemptId(UUID(int=7)))
    promises += one.cancel([key])
    one.close()
    promises += [one.report(identity(4), ACCEPTED), *one.cancel([key])]
    told = await asyncio.gather(*promises, return_exceptions=True)
    assert [type(error) for error in told] == [NoMoreTurns] * 6
    assert one.is_empty
