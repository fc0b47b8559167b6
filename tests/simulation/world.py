"""One run: draw the world from the seed, let it happen, heal, wait until all has ended, then judge."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from logging import CRITICAL
from random import Random
from unittest.mock import patch

import structlog

from outdial.catalogue import live_pools
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.ids import ConnectionId, Placement
from outdial.rules.outcome import Outcome
from tests.simulation.broker_model import Broker
from tests.simulation.carrier_model import Exchange, Line, Lines
from tests.simulation.carrier_watch import CarrierWatch
from tests.simulation.database_model import Database
from tests.simulation.happenings import Happenings
from tests.simulation.judgement import Judgement
from tests.simulation.recorder import Recorder
from tests.simulation.scenario import HEALED_AT_S, draw_scenario, known_policy
from tests.simulation.tables import Tables
from tests.simulation.virtual_loop import HotLoop, VirtualLoop, pass_time
from tests.simulation.weather import draw_weather
from tests.simulation.worker import METRICS, Worker

LONGEST_S = 600.0
"""All has to have ended by then, whatever happened: the limits are low, so some attempts wait for many calls."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one run came to."""

    seed: int
    violations: tuple[str, ...]
    reached: Counter[str]
    fingerprint: str
    trace: tuple[tuple[float, str, str], ...]


class World:
    """The models and the replicas of one run."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self.book = Recorder()
        self.scenario = draw_scenario(self._rng)
        self.weather = draw_weather(self._rng)
        self.tables = Tables(self.book, self.scenario.catalogue)
        self.tables.limits.update(self.scenario.limits)
        self.tables.suppressed |= self.scenario.suppressed
        self.database = Database(self.tables, self.weather, self._random())
        self.broker = Broker(self.tables, self.weather, self._random())
        self.exchange = Exchange(self.book, self.weather, self._random(), self._call_back)
        self.lines = Lines(
            {
                name: Line(
                    self.exchange,
                    name,
                    searchable=not self.weather.late_truth and name not in self.scenario.unsearchable,
                )
                for name in self.scenario.catalogue.connections
            }
        )
        self.workers: list[Worker] = []
        self.judgement = Judgement(self.tables, self.broker, self.exchange)
        self.at_the_carrier = CarrierWatch(self.tables, self.broker, self.exchange, self.scenario.skew_s)
        self._choices = self._random()

    def _random(self) -> Random:
        """A random source for each part, so that one more draw here changes nothing there."""
        return Random(self._rng.getrandbits(64))

    def new_worker(self) -> Worker:
        """One more replica, with a clock that is a little off."""
        rng, skew = self._random(), self.scenario.skew_s
        name = f"worker-{len(self.workers)}"
        worker = Worker(
            name, self.database, self.broker, self.lines, rng, self.scenario.pauses, rng.uniform(-skew, skew)
        )
        self.workers.append(worker)
        worker.start()
        return worker

    def alive(self) -> list[Worker]:
        """The replicas whose process exists."""
        return [worker for worker in self.workers if not worker.process.dead]

    async def _call_back(self, connection: ConnectionId, placement: Placement, news: Sequence[CallNews]) -> None:
        """To any replica; what is not stored is called back again."""
        for _ in range(4):
            if alive := self.alive():
                worker = self._choices.choice(alive)
                self.book.note(f"callback {placement} {news[-1].progress.name}")
                task = worker.process.start(worker.call_back(connection, placement, news))
                if self._choices.random() < self.weather.stray_callback:
                    self._stray(worker, placement, news[-1])
                await asyncio.wait({task, worker.gone}, timeout=15.0, return_when=asyncio.FIRST_COMPLETED)
                if task.done() and not task.cancelled() and task.result():
                    self.judgement.called_back(placement, news)
                    return
            await pass_time(5.0)

    def _stray(self, worker: Worker, placement: Placement, news: CallNews) -> None:
        self.book.reach("stray_callback")
        end = replace(news, progress=Progress.FINAL, outcome=Outcome.BUSY, answered_by=None, was_answered=False)
        _ = worker.process.start(worker.call_back(ConnectionId("elsewhere"), placement, [end]))

    async def live(self) -> None:
        """The whole run."""
        happenings = Happenings(self, self._random())
        for _ in range(self.scenario.workers):
            self.new_worker()
        script = [(when, happenings.happen, what) for when, what in self.scenario.events]
        loop = asyncio.get_running_loop()
        for when, message in self.scenario.sends:
            loop.call_at(when, self.broker.send, message)
        for when, happen, what in script:
            loop.call_at(when, happen, what)
        await pass_time(HEALED_AT_S)
        happenings.heal()
        while not self._is_quiet() and self.book.now() < LONGEST_S:
            await pass_time(1.0)
        self.judgement.judge(ended_in_time=self._is_quiet(), workers=self.workers)

    def _is_quiet(self) -> bool:
        """Nothing left to do, nothing on its way."""
        tables = self.tables
        return (
            not tables.waiting
            and not tables.calls
            and not tables.outbox
            and self.broker.is_idle()
            and not self.exchange.pending
            and not any(call.ends_at > self.book.now() for call in self.exchange.calls.values())
        )

    async def bury(self) -> None:
        """Let everything be cancelled; nothing has any effect any more."""
        self.database.is_over = True
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for worker in self.workers:
            worker.background.stopping.set()
            loop.go_on(worker.process)
        me = asyncio.current_task()
        for _ in range(20):
            others = [task for task in asyncio.all_tasks() if task is not me]
            if not others:
                return
            for task in others:
                task.cancel()
            await asyncio.wait(others, timeout=1.0)


def simulate(seed: int) -> Report:
    """One run. The same seed is the same run."""
    loop = VirtualLoop()
    book: Recorder | None = None
    failures = _task_failures()
    try:
        with _silence():
            world = loop.run_until_complete(_live(seed))
            book = world.book
    finally:
        loop.close()
    for message in loop.unhandled:
        book.violations.append(f"nobody handled: {message}")
    if (failed := _task_failures() - failures) and not book.violations:
        book.violations.append(f"{failed:g} background turns failed by an error that nobody foresaw")
    return Report(seed, tuple(book.violations), book.reached, book.fingerprint(), tuple(book.trace))


async def _live(seed: int) -> World:
    world = World(seed)
    try:
        await world.live()
    finally:
        await world.bury()
    return world


def _task_failures() -> float:
    return sum(sample.value for metric in METRICS.task_failures.collect() for sample in metric.samples
               if sample.name.endswith("_total"))  # fmt: skip


@contextmanager
def _silence() -> Iterator[None]:
    """Replicas warn of every fault; thousands of runs would drown in it."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(CRITICAL))
    try:
        with patch.object(live_pools, "campaign_policy", known_policy):
            yield
    finally:
        structlog.configure(**before)


__all__ = ["HotLoop", "Report", "World", "simulate"]
