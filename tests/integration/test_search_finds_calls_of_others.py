"""Carriers are searched by numbers and time, and their clocks are forgiven a minute: an earlier attempt's call to the same
contact is found, too. It must not be taken for the lost one (found by chaos)."""

from __future__ import annotations

from outdial.carrier.faults import Fault
from outdial.rules.outcome import Outcome
from tests.integration.test_carrier_trouble import told
from tests.support.crew import PASS_TIME
from tests.support.replica import Replica, replica


async def _minutes_later(one: Replica, attempt_id: str) -> str:
    """The attempt's outcome, once the carrier was asked as often as it takes."""

    async def look() -> str | None:
        for statement in PASS_TIME:
            await one.pool.execute(statement)
        await one.app.dispatcher._recovery.check_due()
        outcome: str | None = await one.pool.fetchval(
            "select outcome from outcomes where attempt_id::text = $1", attempt_id
        )
        return outcome

    return str(await one.until_found(look))


async def test_an_earlier_call_to_the_same_contact_is_not_the_lost_one(database_url: str) -> None:
    async with replica(database_url, told()) as one:
        first = await one.ended(await one.publish())
        assert first["outcome"] == Outcome.ANSWERED_UNKNOWN
        one.carrier.faults.add(Fault("reset", "create", times=1))
        second = await one.publish()
        assert await _minutes_later(one, second) == Outcome.AMBIGUOUS
        assert one.carrier.tally()["accepted"] == 1


async def test_the_lost_call_itself_is_found_beside_it(database_url: str) -> None:
    async with replica(database_url, told()) as one:
        await one.ended(await one.publish())
        for fault in (Fault("reset", "create", done=True, times=1), Fault("lost", "callback")):
            one.carrier.faults.add(fault)
        second = await one.publish()
        assert await _minutes_later(one, second) == Outcome.ANSWERED_UNKNOWN
        violations = one.app.metrics.registry.get_sample_value(
            "outdial_invariant_violations_total", {"invariant": "several_calls_found"}
        )
        assert not violations, "the other attempt's call is not a second one of this"
