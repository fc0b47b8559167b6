"""Background tasks: their death is noticed, they stop by event, then deadline, then cancellation."""

from __future__ import annotations

import asyncio

import pytest

from outdial.telemetry.tasks import Background, Death, OnDeath, stopped_within, ticking
from tests.support.clock import FakeClock, let_others_run


async def test_a_task_that_raises_is_noticed_and_fatal() -> None:
    deaths = list[Death]()
    background = Background(FakeClock(), deaths.append)

    async def run(stopping: asyncio.Event) -> None:
        raise RuntimeError("out of luck")

    background.start("planner", run)
    death = await background.failed()
    assert (death.name, repr(death.error)) == ("planner", "RuntimeError('out of luck')")
    assert deaths == [death]
    assert background.alive() == []


async def test_a_task_that_returns_unasked_is_a_death_too() -> None:
    background = Background(FakeClock())

    async def run(stopping: asyncio.Event) -> None:
        return

    background.start("relay", run)
    assert (await background.failed()).error is None


async def test_a_task_that_dies_of_a_cancelled_helper_is_noticed() -> None:
    background = Background(FakeClock())

    async def run(stopping: asyncio.Event) -> None:
        helper = asyncio.ensure_future(asyncio.Event().wait())
        helper.cancel()
        await helper

    background.start("relay", run)
    assert isinstance((await background.failed()).error, asyncio.CancelledError)


async def test_a_restarted_task_comes_back_after_growing_pauses() -> None:
    clock, starts = FakeClock(), list[float]()
    background = Background(clock)
    begun = clock.monotonic()

    async def run(stopping: asyncio.Event) -> None:
        starts.append(clock.monotonic() - begun)
        raise ConnectionError

    background.start("watchdog", run, on_death=OnDeath.RESTART)
    await clock.advance(4)
    assert starts == [0.0, 0.5, 1.5, 3.5]
    await clock.advance(200)
    assert starts[-1] - starts[-2] == 30.0
    assert await background.stop(1) == []


async def test_after_a_healthy_minute_the_pauses_begin_anew() -> None:
    clock, starts = FakeClock(), list[float]()
    background = Background(clock)
    begun = clock.monotonic()

    async def run(stopping: asyncio.Event) -> None:
        starts.append(clock.monotonic() - begun)
        if len(starts) == 3:
            await clock.sleep(100)
        raise ConnectionError

    background.start("watchdog", run, on_death=OnDeath.RESTART)
    await clock.advance(103)
    assert starts == [0.0, 0.5, 1.5, 102.0, 103.0]
    await background.stop(1)


async def test_stopping_asks_first_and_cancels_those_who_do_not_listen() -> None:
    clock, ends = FakeClock(), list[str]()
    background = Background(clock)

    async def listens(stopping: asyncio.Event) -> None:
        await stopping.wait()
        await clock.sleep(3)
        ends.append("listens")

    async def deaf(stopping: asyncio.Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("deaf")

    background.start("listens", listens)
    background.start("deaf", deaf)
    await let_others_run()
    stop = asyncio.create_task(background.stop(10))
    await clock.advance(9.9)
    assert (ends, stop.done()) == (["listens"], False)
    await clock.advance(0.1)
    assert await stop == ["deaf"]
    assert (ends, background.alive()) == (["listens", "deaf"], [])


async def test_stopping_does_not_wait_longer_than_needed() -> None:
    background = Background(FakeClock())

    async def run(stopping: asyncio.Event) -> None:
        await stopping.wait()

    background.start("planner", run)
    assert await background.stop(3_600) == []


async def test_two_living_tasks_cannot_bear_one_name() -> None:
    background = Background(FakeClock())

    async def run(stopping: asyncio.Event) -> None:
        await stopping.wait()

    background.start("planner", run)
    with pytest.raises(ValueError, match="planner"):
        background.start("planner", run)
    await background.stop(1)


async def test_a_ticking_task_survives_a_failed_step_and_ticks_on() -> None:
    clock, ticks = FakeClock(), list[float]()
    background = Background(clock)
    begun = clock.monotonic()

    async def step() -> None:
        ticks.append(clock.monotonic() - begun)
        if len(ticks) == 2:
            raise ConnectionError

    background.start("sweep", ticking(step, 10, clock, name="sweep"))
    await clock.advance(35)
    assert ticks == [0, 10, 20, 30]
    assert background.alive() == ["sweep"]
    assert await background.stop(1) == []


async def test_stopped_within_leaves_no_task_behind() -> None:
    clock, stopping = FakeClock(), asyncio.Event()
    before = len(asyncio.all_tasks())
    waiting = asyncio.create_task(stopped_within(stopping, clock, 5))
    await clock.advance(5)
    assert await waiting is False
    stopping.set()
    assert await stopped_within(stopping, clock, 5) is True
    assert len(asyncio.all_tasks()) == before
