"""A reputation service speaks over the broker: flagged numbers leave the draw of every running replica."""

from __future__ import annotations

import json
from typing import Any

from outdial.rules.ids import CampaignId
from outdial.rules.pool import SkipReason
from tests.integration.test_way_of_an_attempt import faulty
from tests.support.replica import Replica, replicas

WITHIN_S = 5.0
SPRING = CampaignId("spring")


async def _report(one: Replica, number: str, score: float) -> None:
    body = {"number": number, "score": score, "source": "lab", "why": "complaints"}
    await one.raw(json.dumps(body).encode(), type_="number.health_reported.v1")


def _skip_of(one: Replica, number: str) -> SkipReason | None:
    view = one.app.pools.view(SPRING)
    assert view is not None
    return next(member.static_skip for member in view.index.picture.members if member.number == number)


async def _sees(one: Replica, number: str, skip: SkipReason | None) -> None:
    await one.until(lambda: _skip_of(one, number) is skip, within_s=WITHIN_S)


def _told(some: list[Replica], kind: str) -> list[dict[str, Any]]:
    return [event["data"] for one in some for event in one.events if event["type"] == f"number.{kind}.v1"]


async def test_flagged_by_message_on_one_replica_is_in_no_draw_of_any_within_five_seconds(database_url: str) -> None:
    async with replicas(database_url, faulty(), 2) as both:
        one, other = both
        await _report(one, "+12025550102", 0.9)
        for each in both:
            await _sees(each, "n2", SkipReason.SPAM_FLAGGED)
        await one.until(lambda: bool(_told(both, "flagged")), within_s=WITHIN_S)
        told = _told(both, "flagged")[0]
        assert (told["number"], told["from"], told["score"], told["source"]) == ("n2", "+12025550102", 0.9, "lab")
        ids = [await each.publish(f"+1312555{n:04d}") for n, each in enumerate(both * 8)]
        assert "n2" not in {(await one.ended(attempt))["number"] for attempt in ids}
        await _report(other, "n2", 0.1)
        for each in both:
            await _sees(each, "n2", None)
        await one.until(lambda: bool(_told(both, "unflagged")), within_s=WITHIN_S)
