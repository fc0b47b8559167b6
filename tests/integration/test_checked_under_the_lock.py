"""What forbids a call is looked at again under the lock that would dial it, on a real database (SPEC 6)."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from outdial.rules.ids import E164
from outdial.rules.phone import geography
from tests.support.daemon import scenario
from tests.support.replica import Replica, replica

SYDNEY, AUSTRALIAN_MOBILE = "+61290001234", "+61491570156"
"""The mobile may be anywhere from Perth to Lord Howe Island: never the same hour."""
TOLL_FREE = "+18005550143"
"""Nobody knows where it rings: it has no zone."""


def open_in(zone: str) -> str:
    """Two hours around the present there; around midnight they are two windows."""
    there = datetime.fromtimestamp(time.time(), ZoneInfo(zone))
    start, end = f"{there - timedelta(hours=1):%H:%M}", f"{there + timedelta(hours=1):%H:%M}"
    windows = [(start, end)] if start < end else [(start, "24:00"), ("00:00", end)]
    return f"calling_hours = [{', '.join(f'{{ start = {a!r}, end = {b!r} }}' for a, b in windows if a != b)}]"


async def hours(one: Replica, text: str) -> None:
    """Change the campaign."""
    await one.apply(f"[campaigns.spring]\n{text}\n")


async def test_calling_hours_must_hold_in_every_plausible_zone(database_url: str) -> None:
    assert len(geography(E164(AUSTRALIAN_MOBILE)).zones) > 3
    async with replica(database_url, scenario(ring_s=1.0, talk_s=1.0)) as one:
        await hours(one, open_in("Australia/Sydney"))
        spread, here = await one.publish(AUSTRALIAN_MOBILE), await one.publish(SYDNEY)
        assert (await one.ended(here))["placement"] is not None
        await one.waiting(spread, "outside_calling_hours")
        assert one.carrier.tally()["accepted"] == 1


async def test_hours_that_change_while_it_waits_hold_at_once(any_database_url: str) -> None:
    async with replica(any_database_url, scenario(ring_s=1.0, talk_s=1.0)) as one:
        await hours(one, "paused = true")
        attempt_id = await one.publish(SYDNEY)
        await one.waiting(attempt_id, "in_line")
        day = time.strftime("%a", time.gmtime(time.time() + 3 * 86_400)).lower()
        await hours(one, f'paused = false\ncalling_hours = [{{ days = "{day}", start = "09:00", end = "10:00" }}]')
        await one.waiting(attempt_id, "outside_calling_hours")
        assert one.carrier.tally()["accepted"] == 0
        await hours(one, 'calling_hours = "always"')
        assert (await one.ended(attempt_id))["placement"] is not None


async def test_without_a_zone_it_is_closed_until_the_campaign_names_one(database_url: str) -> None:
    assert geography(E164(TOLL_FREE)).zones == ()
    async with replica(database_url, scenario(ring_s=1.0, talk_s=1.0)) as one:
        await hours(one, open_in("America/New_York"))
        attempt_id = await one.publish(TOLL_FREE)
        row = await one.waiting(attempt_id, "outside_calling_hours")
        assert row["next_eligible_at"] is None
        await hours(one, 'fallback_time_zone = "America/New_York"')
        assert (await one.ended(attempt_id))["placement"] is not None


async def test_not_after_is_looked_at_again_while_nothing_may_start(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        await hours(one, "paused = true")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
        attempt_id = await one.publish(SYDNEY, not_after=stamp)
        await one.waiting(attempt_id, "in_line")
        assert (await one.ended(attempt_id))["outcome"] == "expired"
        assert one.carrier.tally()["accepted"] == 0
