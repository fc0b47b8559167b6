"""The switchboard moves calls: from the queue over ringing and answer to the end, each by one timer of the event loop.

Two clocks: real time (Unix seconds, never falling) for what others measure, and model time, which runs `speed` times
as fast, for ringing, talking, volumes and labels.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator

from outdial.carrier.calls import Call, Detection, Ending, Follower, Order, Phase
from outdial.carrier.population import Population
from outdial.carrier.reading import Table
from outdial.carrier.scenario import Account, Scenario
from outdial.carrier.tally import Tally
from outdial.carrier.windows import Pace

_BEFORE_RINGING = frozenset({Ending.UNREACHABLE, Ending.INVALID, Ending.FAILED, Ending.BLOCKED})


class LimitReached(Exception):
    """The account has its promised number of calls under way and refuses more (`above_limit = "refuse"`)."""


class QueueFull(Exception):
    """The account's queue above the start rate is longer than `queue_limit_s`."""


class Switchboard:
    """All calls of the carrier. Must be used within one event loop."""

    def __init__(self, scenario: Scenario, changed: Callable[[], None]) -> None:
        self._scenario = scenario
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._wall = time.time() - self._loop.time()
        self._began = self._loop.time()
        self.accounts: dict[str, Account] = dict(scenario.accounts)
        self.population = Population(scenario)
        self.tally = Tally(self.accounts, scenario.rate_allowance_s)
        self._paces = {name: self._pace(account) for name, account in self.accounts.items()}
        self._calls: dict[str, Call] = {}
        self._by_contact: dict[tuple[str, str], list[Call]] = {}
        self._ended: deque[Call] = deque()

    def now(self) -> float:
        """Real time, Unix seconds."""
        return self._wall + self._loop.time()

    def model_now(self) -> float:
        """Model seconds since the start."""
        return (self._loop.time() - self._began) * self._scenario.speed

    def _pace(self, account: Account) -> Pace:
        return Pace(account.calls_per_second, self._scenario.rate_allowance_s)

    def change_account(self, account: Account) -> None:
        """Another limit, start rate or state from now on; calls under way stay."""
        if self._paces[account.name].rate != account.calls_per_second:
            self._paces[account.name] = self._pace(account)
        self.accounts[account.name] = account
        self.tally.promise(account)

    def change_number(self, number: str, table: Table) -> None:
        """Other figures for one number from now on."""
        self.population.change(number, table)

    def accept(self, call_id: str, order: Order, follower: Follower, arrived_at: float | None = None) -> Call:
        """Take a call on. `arrived_at`: when its request arrived, if known, Unix seconds. Raises `LimitReached` or
        `QueueFull`; then there is no call."""
        account, now = self.accounts[order.account], self.now()
        arrived = now if arrived_at is None else min(now, arrived_at)
        if account.limit and account.above_limit == "refuse" and self.tally.open_calls(account.name) >= account.limit:
            self.tally.turned_away(account.name, now, "limit_exceeded")
            raise LimitReached
        queue_s = self._paces[account.name].wait(arrived)
        if queue_s > account.queue_limit_s:
            if not account.queue_limit_s:
                self.tally.turned_away(account.name, now, "rate_exceeded")
            raise QueueFull
        self._paces[account.name].add(arrived + queue_s)
        fate = self.population.fate(order.from_number, order.to, self.model_now())
        call = Call(call_id, order, fate, follower, now, arrived, queue_s)
        self._calls[call_id] = call
        self._by_contact.setdefault((order.account, order.to), []).append(call)
        self.tally.accepted(call)
        call.timer = self._loop.call_later(max(0.0, arrived + queue_s - now), self._dial, call)
        self._changed()
        return call

    def find(self, account: str, call_id: str) -> Call | None:
        """The account's call with that id, if it is known (still)."""
        call = self._calls.get(call_id)
        return call if call is not None and call.order.account == account else None

    def calls(self, account: str | None = None, to: str | None = None) -> Iterator[Call]:
        """Calls that are known (still), the newest first."""
        if account is not None and to is not None:
            yield from reversed(self._by_contact.get((account, to), ()))
            return
        for call in reversed(self._calls.values()):
            if account is None or call.order.account == account:
                yield call

    def hang_up(self, call: Call) -> None:
        """The caller ends the call: canceled before the answer, completed after it."""
        if call.answered_at is None:
            self._end(call, Ending.CANCELED)
        else:
            talked_s = (self.now() - call.answered_at) * self._scenario.speed
            self._end(call, Ending.COMPLETED, min(talked_s, _talk_s(call)))

    def advance(self, call: Call) -> None:
        """Let the call take its next step at once, whatever its timer says."""
        if call.timer is not None:
            call.timer.cancel()
        step = {Phase.QUEUED: self._dial, Phase.INITIATED: self._after_setup, Phase.RINGING: self._after_ringing}
        if call.open:
            step.get(call.phase, self._after_talk)(call)

    def close(self) -> None:
        """Stop all timers; calls stay as they are."""
        for call in self._calls.values():
            _cancel_timers(call)

    def _later(self, model_s: float, step: Callable[[Call], None], call: Call) -> asyncio.TimerHandle:
        return self._loop.call_later(model_s / self._scenario.speed, step, call)

    def _dial(self, call: Call) -> None:
        call.initiated_at = self.now()
        call.timer = self._later(call.fate.setup_s, self._after_setup, call)
        self._move(call, Phase.INITIATED)

    def _after_setup(self, call: Call) -> None:
        if call.fate.ending in _BEFORE_RINGING:
            self._end(call, call.fate.ending)
            return
        call.timer = self._later(_ringing_s(call), self._after_ringing, call)
        self._move(call, Phase.RINGING)

    def _after_ringing(self, call: Call) -> None:
        if call.fate.ring_s >= call.order.ring_timeout_s:
            self._end(call, Ending.NO_ANSWER)
        elif call.fate.ending is not Ending.COMPLETED:
            self._end(call, call.fate.ending)
        else:
            self._answer(call)

    def _answer(self, call: Call) -> None:
        call.answered_at = self.now()
        call.timer = self._later(_talk_s(call), self._after_talk, call)
        if call.order.detection is not Detection.OFF:
            call.detection_timer = self._later(call.fate.detection_s, self._detect, call)
        self.tally.answered(call)
        self._move(call, Phase.ANSWERED)

    def _detect(self, call: Call) -> None:
        call.detected = call.fate.detected
        call.follower.detected(call)
        self._changed()

    def _after_talk(self, call: Call) -> None:
        self._end(call, Ending.COMPLETED, _talk_s(call))

    def _end(self, call: Call, ending: Ending, talked_s: float = 0.0) -> None:
        _cancel_timers(call)
        call.ending, call.ended_at, call.talked_s = ending, self.now(), talked_s
        self.tally.ended(call)
        self._ended.append(call)
        self._move(call, Phase.ENDED)
        while len(self._ended) > self._scenario.keep_calls:
            self._forget(self._ended.popleft())

    def _move(self, call: Call, phase: Phase) -> None:
        call.phase = phase
        call.follower.moved(call)
        self._changed()

    def _forget(self, call: Call) -> None:
        del self._calls[call.call_id]
        key = (call.order.account, call.order.to)
        self._by_contact[key].remove(call)
        if not self._by_contact[key]:
            del self._by_contact[key]


def _ringing_s(call: Call) -> float:
    if call.fate.ending is Ending.NO_ANSWER:
        return call.order.ring_timeout_s
    return min(call.fate.ring_s, call.order.ring_timeout_s)


def _talk_s(call: Call) -> float:
    return min(call.fate.talk_s, call.order.max_duration_s)


def _cancel_timers(call: Call) -> None:
    for timer in (call.timer, call.detection_timer):
        if timer is not None:
            timer.cancel()
    call.timer = call.detection_timer = None
