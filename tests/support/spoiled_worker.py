"""A worker with a defect planted on purpose: `python -m tests.support.spoiled_worker DEFECT run`.

With each of them the judge must find a broken promise, or the net has a hole. Patches of the real code in a process of
its own; nothing of it is in the product.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from outdial.cli.main import main
from outdial.dispatch.intake import Intake
from outdial.dispatch.recover import Recovery
from outdial.ports.messages import Delivery
from outdial.ports.records import CallIdentity, DueCheck, OpenCall
from outdial.postgres import bundle, plan, statements
from outdial.postgres.turn import PostgresTurn
from outdial.providers.http import HttpClient, UndecidedError
from outdial.rules import call_fate as fate
from outdial.rules.ids import Placement


def _posts_again_on_a_timeout() -> None:
    once = HttpClient.send_once

    async def twice(client: HttpClient, *request: Any) -> Any:
        try:
            return await once(client, *request)
        except UndecidedError:
            return await once(client, *request)

    patch.object(HttpClient, "send_once", twice).start()


def _releases_on_worker_death() -> None:
    real = Recovery._ask

    async def ask(recovery: Recovery, due: DueCheck, carrier: Any) -> Sequence[fate.Report]:
        if due.facts.state is fate.CallState.PLACING:
            return [fate.WasNotSent("worker_lost")]
        return await real(recovery, due, carrier)

    patch.object(Recovery, "_ask", ask).start()


def _acks_before_commit() -> None:
    real = Intake.take_in

    async def take_in(intake: Intake, deliveries: Sequence[Delivery]) -> None:
        await intake._inbox.ack(deliveries)
        await real(intake, deliveries)

    patch.object(Intake, "take_in", take_in).start()


def _settles_without_a_guard() -> None:
    """Calls that are over are settled as if they were open, and nobody counts what was deleted."""
    real, run = PostgresTurn.open_calls, bundle.run
    waits = {"not_after": 1e12, "excluded": [], "picks": 1, "spilled": 0, "sticky_waited": False, "waited": [0, 0]}

    async def open_calls(turn: PostgresTurn, identities: Sequence[CallIdentity]) -> Mapping[Placement, OpenCall]:
        found = dict(await real(turn, identities))
        past = await turn.past_calls([i.placement for i in identities if i.placement not in found])
        found |= {p: replace(one.call, carry={**waits, **one.call.carry}) for p, one in past.items()}
        return found

    async def uncounted(connection: Any, parts: Sequence[bundle.Part]) -> Mapping[str, Any]:
        asked = {part.block: len(part.arguments[0]) for part in parts if part.block == "delete_calls"}
        return {**await run(connection, parts), **asked}

    patch.object(PostgresTurn, "open_calls", open_calls).start()
    patch.object(bundle, "run", uncounted).start()


def _checks_then_takes_slots() -> None:
    """The limits are read without being locked."""
    unlocked = {name: plan.SQL[name].replace("for update of l", "") for name in ("lock_limits", "lock_with_claimed")}
    spoiled, load = MappingProxyType({**plan.SQL, **unlocked}), statements.load
    patch.object(plan, "SQL", spoiled).start()
    patch.object(bundle, "load", lambda file: spoiled if file == "plan" else load(file)).start()


DEFECTS: Mapping[str, Callable[[], None]] = {
    "repost_on_timeout": _posts_again_on_a_timeout,
    "release_on_worker_death": _releases_on_worker_death,
    "ack_before_commit": _acks_before_commit,
    "unguarded_settle": _settles_without_a_guard,
    "check_then_take": _checks_then_takes_slots,
}
"""Its name on the command line -> how to make it so."""

if __name__ == "__main__":
    DEFECTS[sys.argv[1]]()
    sys.exit(main(sys.argv[2:]))
