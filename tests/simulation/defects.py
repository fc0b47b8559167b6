"""Defects planted on purpose: with each of them the simulation must find a broken promise, or its net has a hole.

Each is a patch of the real code (or of what the database would guarantee) for as long as a test lasts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from outdial.dispatch import dispatcher, follow, place, plan, recover, relay, settle
from outdial.dispatch.intake import Intake
from outdial.ports.carriers import Ambiguous
from outdial.ports.messages import Delivery
from outdial.ports.records import DueCheck
from outdial.rules import call_fate as fate
from outdial.rules.capacity import LimitKey, lock_order
from tests.simulation.carrier_model import Line
from tests.simulation.turn_model import ModelTurn
from tests.simulation.turn_write import TurnWrite

Patches = Sequence[AbstractContextManager[Any]]


def _posts_again_on_a_timeout() -> Patches:
    once = Line.place

    async def twice(line: Line, order: Any) -> Any:
        result = await once(line, order)
        return await once(line, order) if isinstance(result, Ambiguous) else result

    return [patch.object(Line, "place", twice)]


def _gives_back_what_may_exist() -> Patches:
    real = place.report_of

    def report_of(result: Any, now: float) -> fate.Report:
        return fate.WasNotSent("connect") if isinstance(result, Ambiguous) else real(result, now)

    return [patch.object(place, "report_of", report_of)]


def _frees_the_slot_of_a_dead_worker() -> Patches:
    real = recover.Recovery._ask

    async def ask(recovery: Any, due: DueCheck, carrier: Any) -> Sequence[fate.Report]:
        if due.facts.state is fate.CallState.PLACING:
            return [fate.WasNotSent("worker_lost")]
        return await real(recovery, due, carrier)

    return [patch.object(recover.Recovery, "_ask", ask)]


def _acks_before_the_commit() -> Patches:
    real = Intake.take_in

    async def take_in(intake: Intake, deliveries: Sequence[Delivery]) -> None:
        await intake._inbox.ack(deliveries)
        await real(intake, deliveries)

    return [patch.object(Intake, "take_in", take_in)]


def _settles_without_a_guard() -> Patches:
    """Calls that are over are settled as if they were open, and nobody counts what was deleted."""
    real = ModelTurn.open_calls

    async def open_calls(turn: ModelTurn, identities: Any) -> Mapping[Any, Any]:
        found = dict(await real(turn, identities))
        past = await turn.past_calls([i.placement for i in identities if i.placement not in found])
        carry = {"not_after": 1e12, "excluded": [], "picks": 1, "spilled": 0, "sticky_waited": False, "waited": [0, 0]}
        for placement, call in past.items():
            object.__setattr__(call.call, "carry", {**carry, **call.call.carry})
            found[placement] = call.call
        return found

    return [
        patch.object(ModelTurn, "open_calls", open_calls),
        patch.object(TurnWrite, "_refuse_what_is_not_there", lambda _: None),
    ]


def _checks_then_takes_slots() -> Patches:
    """The limits are read without being locked."""

    async def read(turn: ModelTurn, keys: Sequence[LimitKey]) -> Mapping[LimitKey, Any]:
        await turn._statement()
        return {key: turn._tables.limits[key] for key in lock_order(keys) if key in turn._tables.limits}

    return [patch.object(ModelTurn, "_lock_limits", read)]


def _starts_however_late() -> Patches:
    return [patch.object(place.StartCheck, "__call__", lambda _: None)]


def _takes_the_first_search_for_proof() -> Patches:
    return [patch.object(fate, "PROVING_SEARCHES", 1), patch.object(Line, "settle_time_s", 0.0)]


def _forgets_unconfirmed_events() -> Patches:
    async def send(one: relay.Relay, batch: list[Any]) -> None:
        await one._publisher.publish(batch)
        await one._store.remove_events([event.event_id for event in batch])

    return [patch.object(relay.Relay, "_send", send)]


def _calls_a_contact_that_is_in_a_call() -> Patches:
    real = plan.Planning.__init__

    def init(planning: plan.Planning, *arguments: Any) -> None:
        real(planning, *arguments)
        planning._in_call.clear()

    return [patch.object(plan.Planning, "__init__", init)]


def _ignores_cancels() -> Patches:
    async def claim(turn: ModelTurn, keys: Any) -> Sequence[Any]:
        return []

    async def cancel(turn: ModelTurn, keys: Any, now: float) -> None:
        """Nothing is written."""

    return [patch.object(ModelTurn, "claim_canceled", claim), patch.object(ModelTurn, "cancel", cancel)]


def _never_asks_about_overdue_calls() -> Patches:
    async def check_due(_: Any, at_most: int = 100) -> None:
        """Trust callbacks alone."""

    return [patch.object(recover.Recovery, "check_due", check_due)]


def _forgets_the_slots_of_a_call_given_back() -> Patches:
    real = settle.Settlement._give_back

    def give_back(settlement: Any, call: Any, decided: Any, learning: Any) -> None:
        before = settlement._ledger.free
        settlement._ledger.free = lambda _: None
        try:
            real(settlement, call, decided, learning)
        finally:
            settlement._ledger.free = before

    return [patch.object(settle.Settlement, "_give_back", give_back)]


def _never_reports_what_the_carrier_said() -> Patches:
    async def nothing(one: Any, intent: Any, committed_at: float) -> None:
        await one._ask_carrier(intent, committed_at)
        raise SystemError("a bug in a task that nobody watches")

    return [patch.object(dispatcher.Dispatcher, "_place", nothing)]


def _answers_callbacks_before_they_are_stored() -> Patches:
    real = follow.Follower.deliver

    async def deliver(follower: Any, *arguments: Any) -> bool:
        task = asyncio.get_running_loop().create_task(real(follower, *arguments))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return True

    return [patch.object(follow.Follower, "deliver", deliver)]


def _believes_callbacks_from_elsewhere() -> Patches:
    real = follow.Follower.deliver

    async def deliver(follower: Any, _: Any, placement: Any, news: Any) -> bool:
        found = await follower._look_ups.identity(placement)
        return await real(follower, found.slots.connection, placement, news) if found is not None else False

    return [patch.object(follow.Follower, "deliver", deliver)]


def _calls_again_from_a_rejected_number() -> Patches:
    real = fate.decide

    def decide(*arguments: Any, **rest: Any) -> Any:
        decided = real(*arguments, **rest)
        return replace(decided, exclude_number=False) if isinstance(decided, fate.WaitsAgain) else decided

    return [patch.object(fate, "decide", decide)]


def _publishes_after_forgetting() -> Patches:
    async def send(one: relay.Relay, batch: list[Any]) -> None:
        await one._store.remove_events([event.event_id for event in batch])
        await one._publisher.publish(batch)

    return [patch.object(relay.Relay, "_send", send)]


DEFECTS: Mapping[str, Callable[[], Patches]] = {
    "posts again on a timeout": _posts_again_on_a_timeout,
    "gives back what may exist": _gives_back_what_may_exist,
    "frees the slot of a dead worker": _frees_the_slot_of_a_dead_worker,
    "acks before the commit": _acks_before_the_commit,
    "settles without a guard": _settles_without_a_guard,
    "checks then takes slots": _checks_then_takes_slots,
    "starts however late": _starts_however_late,
    "takes the first search for proof": _takes_the_first_search_for_proof,
    "forgets unconfirmed events": _forgets_unconfirmed_events,
    "calls a contact that is in a call": _calls_a_contact_that_is_in_a_call,
    "ignores cancels": _ignores_cancels,
    "never asks about overdue calls": _never_asks_about_overdue_calls,
    "forgets the slots of a call given back": _forgets_the_slots_of_a_call_given_back,
    "loses the carrier's answer": _never_reports_what_the_carrier_said,
    "answers callbacks before they are stored": _answers_callbacks_before_they_are_stored,
    "believes callbacks from elsewhere": _believes_callbacks_from_elsewhere,
    "calls again from a rejected number": _calls_again_from_a_rejected_number,
    "publishes after forgetting": _publishes_after_forgetting,
}
"""What is wrong -> how to make it so."""


def planted(defect: str) -> AbstractContextManager[Any]:
    """The code with that defect."""
    stack = ExitStack()
    for one in DEFECTS[defect]():
        stack.enter_context(one)
    return stack
