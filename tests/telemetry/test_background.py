"""Background tasks: their death is noticed, they stop by event, then deadline, then cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from outdial.errors import Retryable
from outdial.telemetry.metrics import Metrics
from outdial.telemetry.tasks import Background
from tests.support.clock import FakeClock, let_others_run


class Stage:
    """A Background on a clock that the test moves, and what happened when."""

    def __init__(self) -> None:
        self.clock, self.metrics = FakeClock(), Metrics()
        self.background = Background(self.metrics, self.clock)
        self._begun = self.clock.monotonic()
        self.seen = list[float]()

    def mark(self) -> int:
        self.seen.append(round(self.clock.monotonic() - self._begun, 3))
        return len(self.seen)

    def failures(self, task: str) -> float:
        return self.metrics.registry.get_sample_value("outdial_task_failures_total", {"task": task}) or 0.0


def failing(stage: Stage, error: Callable[[], BaseException], until: int = 10_000) -> Callable[[], Awaitable[None]]:
    """A turn that marks its time and raises, `until` times."""

    async def turn() -> None:
        if stage.mark() < until:
            raise error()
        await stage.background.stopping.wait()

    return turn


async def test_a_fatal_task_that_raises_is_noticed() -> None:
    stage = Stage()

    async def run() -> None:
        raise RuntimeError("out of luck")

    _ = stage.background.start("planner", run(), fatal=True)
    death = await stage.background.failed()
    assert (death.name, repr(death.error)) == ("planner", "RuntimeError('out of luck')")
    assert (stage.failures("planner"), stage.background.alive()) == (1.0, [])


async def test_a_fatal_task_that_returns_unasked_is_a_death_too() -> None:
    stage = Stage()

    async def run() -> None:
        return

    _ = stage.background.start("relay", run(), fatal=True)
    assert (await stage.background.failed()).error is None


async def test_a_fatal_task_that_somebody_cancelled_is_a_death_too() -> None:
    stage = Stage()

    async def run() -> None:
        await asyncio.Event().wait()

    stage.background.start("relay", run(), fatal=True).cancel()
    assert (await stage.background.failed()).name == "relay"


async def test_an_ordinary_task_may_return_and_its_error_is_counted() -> None:
    stage = Stage()

    async def run(error: Exception | None) -> None:
        if error:
            raise error

    _ = stage.background.start("placing", run(None))
    _ = stage.background.start("placing", run(OSError()))
    await let_others_run()
    assert (stage.failures("placing"), stage.background.alive()) == (1.0, [])


async def test_a_failing_loop_is_begun_again_after_growing_pauses() -> None:
    stage = Stage()
    stage.background.loop("intake", failing(stage, RuntimeError))
    await stage.clock.advance(3.1)
    assert stage.seen == [0.0, 0.1, 0.3, 0.7, 1.5, 3.1]
    await stage.clock.advance(60)
    assert stage.seen[-1] - stage.seen[-2] == 5.0
    assert stage.failures("intake") == len(stage.seen)
    assert await stage.background.stop(1) == []


async def test_an_expected_trouble_is_repeated_but_not_counted_as_a_failure() -> None:
    stage = Stage()
    stage.background.loop("intake", failing(stage, lambda: Retryable("the database is away"), 3))
    await stage.clock.advance(1)
    assert (stage.seen, stage.failures("intake")) == ([0.0, 0.1, 0.3], 0.0)
    assert await stage.background.stop(1) == []


async def test_a_cancelled_helper_does_not_end_the_loop() -> None:
    stage = Stage()
    stage.background.loop("intake", failing(stage, asyncio.CancelledError, 2))
    await stage.clock.advance(1)
    assert (stage.seen, stage.background.alive()) == ([0.0, 0.1], ["intake"])
    await stage.background.stop(1)


async def test_a_tick_comes_at_once_and_then_at_its_times_whatever_failed_between() -> None:
    stage = Stage()

    async def tick() -> None:
        if stage.mark() == 2:
            raise ConnectionError

    stage.background.every("sweep", 10, tick)
    await stage.clock.advance(35)
    assert stage.seen == [0.0, 10.0, 10.1, 20.1, 30.1]
    assert await stage.background.stop(1) == []


async def test_a_turn_that_never_waits_leaves_time_for_others() -> None:
    stage = Stage()

    async def turn() -> None:
        stage.mark()

    stage.background.loop("busy", turn)
    await let_others_run(10)
    assert len(stage.seen) >= 3
    assert await stage.background.stop(1) == []


async def test_stopping_asks_first_and_cancels_those_who_do_not_listen() -> None:
    stage, ends = Stage(), list[str]()

    async def listens() -> None:
        await stage.background.stopping.wait()
        await stage.clock.sleep(3)
        ends.append("listens")

    async def deaf() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("deaf")

    _ = stage.background.start("listens", listens(), fatal=True)
    _ = stage.background.start("deaf", deaf(), fatal=True)
    await let_others_run()
    stop = asyncio.create_task(stage.background.stop(10))
    await stage.clock.advance(9.9)
    assert (ends, stop.done()) == (["listens"], False)
    await stage.clock.advance(0.1)
    assert await stop == ["deaf"]
    assert (ends, stage.background.alive()) == (["listens", "deaf"], [])
    assert (stage.failures("listens"), stage.failures("deaf")) == (0.0, 0.0)


async def test_stopping_does_not_wait_longer_than_needed() -> None:
    stage = Stage()
    stage.background.loop("planner", stage.background.stopping.wait)
    await let_others_run()
    assert await stage.background.stop(3_600) == []


async def test_a_pause_ends_when_stopping_begins_and_leaves_no_task_behind() -> None:
    stage = Stage()
    before = len(asyncio.all_tasks())
    pause = asyncio.create_task(stage.background.pause(3_600))
    await stage.clock.sleeping()
    stage.background.stopping.set()
    await pause
    await let_others_run()
    assert len(asyncio.all_tasks()) == before
