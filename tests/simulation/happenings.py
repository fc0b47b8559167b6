"""What befalls a run: replicas die, stop and go on, lines break, operators change limits, pauses, numbers and pools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter
from random import Random
from typing import TYPE_CHECKING

from outdial.ports.records import MemberKey
from outdial.rules.attempt import CancelRequest
from outdial.rules.capacity import LimitKey
from outdial.rules.catalogue_rows import NumberState
from outdial.rules.ids import AttemptKey, NumberId
from tests.simulation.broker_model import Message
from tests.simulation.carrier_model import EPOCH, OUTSIDE
from tests.simulation.scenario import CONTACTS, HEALED_AT_S
from tests.simulation.virtual_loop import Process
from tests.simulation.worker import Worker

if TYPE_CHECKING:
    from tests.simulation.world import World

IDLE_IN_TRANSACTION_S = 10.0


class Happenings:
    """The script's hand. Every happening is one word of the script."""

    def __init__(self, world: World, rng: Random) -> None:
        self._world, self._rng, self._book, self._tables = world, rng, world.book, world.tables
        self._original = dict(world.tables.limits)
        self._does: dict[str, Callable[[], None]] = {
            "kill": self._kill,
            "kill_within_a_step": self._kill_within_a_step,
            "kill_after_an_intent": lambda: self._armed.append(lambda worker, _: self._die(worker)),
            "pause_after_an_intent": lambda: self._armed.append(lambda worker, _: self._pause_somehow(worker)),
            "cancel_after_an_intent": lambda: self._armed.append(lambda _, key: self._cancel(key)),
            "pause": lambda: self._pause(self._some(), self._rng.uniform(0.1, 4.0)),
            "pause_long": lambda: self._pause_long(self._some()),
            "end_in_order": self._end_in_order,
            "lose_broker": self._lose_broker,
            "lose_broker_with_a_delivery": self._lose_broker_with_a_delivery,
            "carrier_down": self._carrier_down,
            "restart_database": self._restart_database,
            "limit": self._change_limit,
            "pause_row": self._pause_row,
            "number_off": self._number_off,
            "number_flagged": self._number_flagged,
            "member_leaves": self._member_leaves,
            "do_not_call": self._do_not_call,
            "sticky_off": self._sticky_off,
        }

        self._armed: list[Callable[[Worker, AttemptKey], None]] = []
        """What befalls the next replica that commits intents, a few steps later."""
        world.database.on_intents.append(self._strike)

    def _strike(self, process: Process, key: AttemptKey) -> None:
        worker = next(w for w in self._world.workers if w.process is process)
        if self._armed:
            strike = self._armed.pop()
            self._later(self._rng.choice([0.0, 0.001, 0.003, 0.006, 0.01, 0.05]), lambda: strike(worker, key))

    def happen(self, what: str) -> None:
        """Let it happen now."""
        self._book.note(f"happens: {what}")
        self._does[what]()

    def heal(self) -> None:
        """Everybody goes on, or one alone has to end what the others left; limits are as at the beginning, numbers are in use, nothing goes wrong any more."""
        self._book.note("heals")
        self._world.weather.heal()
        self._armed.clear()
        for worker in self._world.alive()[1:] if self._rng.random() < 0.6 else ():
            worker.kill()
        for worker in self._world.alive():
            worker.go_on()
            worker.calm_down()
        if not self._world.alive():
            self._world.new_worker()
        self._change(self._restore)

    def _restore(self) -> None:
        tables = self._tables
        for key, limit in self._original.items():
            most = None if limit.max_calls is None else max(1, limit.max_calls)
            tables.limits[key] = replace(tables.limits[key], max_calls=most, paused=False)
            self._world.at_the_carrier.limit_changed(key, most)
        numbers = {name: replace(row, state=NumberState.ACTIVE) for name, row in tables.catalogue.numbers.items()}
        tables.catalogue = replace(tables.catalogue, numbers=numbers)
        tables.health.clear()
        tables.spam_signals.clear()

    # -- replicas

    def _some(self) -> Worker | None:
        alive = [worker for worker in self._world.alive() if not worker.process.stopped]
        return self._rng.choice(alive) if alive else None

    def _kill(self) -> None:
        if (worker := self._some()) is not None:
            self._die(worker)

    def _die(self, worker: Worker) -> None:
        if worker.process.dead:
            return
        worker.kill()
        self._book.reach("killed")
        self._later(self._rng.uniform(0.1, 5.0), self._start_another)

    def _start_another(self) -> None:
        if len(self._world.alive()) < 3:
            _ = self._world.new_worker()

    def _kill_within_a_step(self) -> None:
        """Right when something is under way: in the middle of a transaction, or while the carrier is being asked."""
        if (worker := self._some()) is not None:
            self._hunt(worker, 400)

    def _hunt(self, worker: Worker, left: int) -> None:
        busy = any(t.owner is worker.process for t in self._world.database.open)
        if left and not worker.process.dead and not (busy and self._rng.random() < 0.3):
            self._later(0.004, lambda: self._hunt(worker, left - 1))
            return
        if busy:
            self._book.reach("killed_within_a_transaction")
        self._die(worker)

    def _pause_somehow(self, worker: Worker) -> None:
        """Shorter than `place_within`, or longer."""
        self._pause(worker, self._rng.choice([self._rng.uniform(0.1, 4.0), self._rng.uniform(6.0, 30.0)]))

    def _cancel(self, key: AttemptKey) -> None:
        """The producer thinks better of it while the call is under way."""
        name = f"cancel-of-{key.attempt_id}"
        self._later(self._rng.uniform(0.0, 2.0), lambda: self._world.broker.send(Message(name, CancelRequest(key))))

    def _pause_long(self, worker: Worker | None) -> None:
        self._pause(worker, self._rng.uniform(6.0, 30.0))

    def _pause(self, worker: Worker | None, seconds: float) -> None:
        if worker is None or worker.process.stopped:
            return
        worker.pause()
        self._book.reach("stopped" if seconds < IDLE_IN_TRANSACTION_S else "stopped_for_long")
        self._later(seconds, lambda: None if worker.process.dead else worker.go_on())
        self._later(IDLE_IN_TRANSACTION_S, lambda: self._lose_patience(worker))

    def _lose_patience(self, worker: Worker) -> None:
        if worker.process.stopped:
            if any(t.owner is worker.process for t in self._world.database.open):
                self._book.reach("transaction_of_a_stopped_worker_ended")
            self._world.database.break_connections(worker.process)

    def _end_in_order(self) -> None:
        worker = self._some()
        if worker is None:
            return

        async def end() -> None:
            task = worker.process.start(worker.end())
            await asyncio.wait({task, worker.gone}, timeout=25.0, return_when=asyncio.FIRST_COMPLETED)
            worker.kill()
            self._later(self._rng.uniform(0.1, 3.0), self._start_another)

        self._world.exchange.start(end())

    # -- lines

    def _lose_broker(self) -> None:
        for link in list(self._world.broker.links):
            link.lose_connection()

    def _lose_broker_with_a_delivery(self) -> None:
        self._world.broker.losses_to_come += 1

    def _carrier_down(self) -> None:
        """Nobody gets through to any carrier for a while."""
        weather = self._world.weather
        before, weather.not_connected = weather.not_connected, 1.0

        def up() -> None:
            weather.not_connected = before if self._book.now() < HEALED_AT_S else 0.0

        self._later(self._rng.uniform(2.0, 12.0), up)

    def _restart_database(self) -> None:
        for transaction in sorted(self._world.database.open, key=attrgetter("number")):
            self._world.database.abort(transaction)

    # -- operators

    def _change(self, effect: Callable[[], None]) -> None:
        """A change of the catalogue: it holds the limits rows, and bumps the version."""

        async def change() -> None:
            database, tables = self._world.database, self._tables
            while True:
                try:
                    async with database.transaction() as transaction:
                        for key in sorted(tables.limits):
                            await database.locks.lock(transaction, ("limit", key))
                        transaction.effects += [effect, tables.bump]
                    return
                except Exception as error:  # an operator tries again
                    self._book.note(f"change failed: {error}")
                    if "took effect" in str(error):
                        return

        self._world.exchange.start(change())

    def _change_limit(self) -> None:
        key = self._rng.choice(sorted(self._tables.limits))
        most = self._rng.choice([0, 1, 1, 2, 3])

        def effect() -> None:
            if self._tables.limits[key].in_use > most:
                self._book.reach("limit_lowered_below_what_is_in_use")
            self._tables.limits[key] = replace(self._tables.limits[key], max_calls=most)
            self._world.at_the_carrier.limit_changed(key, most)

        self._change(effect)

    def _pause_row(self) -> None:
        key: LimitKey = self._rng.choice(sorted(self._tables.limits))

        def effect() -> None:
            self._tables.limits[key] = replace(self._tables.limits[key], paused=True)

        self._change(effect)

    def _number_off(self) -> None:
        number = self._rng.choice(sorted(self._tables.catalogue.numbers))

        def effect() -> None:
            numbers = dict(self._tables.catalogue.numbers)
            numbers[number] = replace(numbers[number], state=NumberState.INACTIVE)
            self._tables.catalogue = replace(self._tables.catalogue, numbers=numbers)
            self._tables.numbers_out.add(number)

        self._change(effect)

    def _number_flagged(self) -> None:
        number = self._rng.choice(sorted(self._tables.catalogue.numbers))

        def effect() -> None:
            self._tables.spam_scores[number] = 0.9
            self._tables.numbers_out.add(number)

        self._change(effect)
        self._later(20.0, lambda: self._unflag(number))

    def _unflag(self, number: NumberId) -> None:
        self._change(lambda: (self._tables.spam_scores.pop(number, None), None)[1])

    def _member_leaves(self) -> None:
        """And comes back later: its earlier assignments stay void."""
        key = self._rng.choice(sorted(self._tables.catalogue.members))
        if key[1] == self._tables.catalogue.campaigns[key[0]].primary:
            return
        row = self._tables.catalogue.members[key]

        def leave() -> None:
            members = dict(self._tables.catalogue.members)
            members.pop(key, None)
            self._tables.catalogue = replace(self._tables.catalogue, members=members)
            self._tables.numbers_out.add(key[1])
            for contact in [c for c, a in self._tables.sticky.items() if (c[0], a.number) == key]:
                del self._tables.sticky[contact]

        def come_back() -> None:
            members = dict(self._tables.catalogue.members)
            members[MemberKey(*key)] = replace(row, added_at=EPOCH + self._book.now())
            self._tables.catalogue = replace(self._tables.catalogue, members=members)

        self._change(leave)
        self._later(8.0, lambda: self._change(come_back))

    def _do_not_call(self) -> None:
        """Somebody asks not to be called again, while attempts to reach them wait."""
        entry = (self._rng.choice(sorted(self._tables.catalogue.tenants)), self._rng.choice(CONTACTS[:3]))
        self._change(lambda: self._tables.suppressed.add(entry))

    def _sticky_off(self) -> None:
        """Off and on again: all assignments of the campaign are void."""
        campaign = self._rng.choice(sorted(self._tables.catalogue.campaigns))

        def effect() -> None:
            campaigns = dict(self._tables.catalogue.campaigns)
            row = campaigns[campaign]
            campaigns[campaign] = replace(row, sticky_epoch=row.sticky_epoch + 1)
            self._tables.catalogue = replace(self._tables.catalogue, campaigns=campaigns)

        self._change(effect)

    def _later(self, seconds: float, what: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(seconds, what, context=OUTSIDE.copy())
