"""Where a search that finds nothing proves nothing, one that finds something still adopts the call, until the deadline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from outdial.dispatch.recover import Recovery
from outdial.errors import Retryable
from outdial.ports.carriers import SearchQuery
from outdial.ports.records import CallIdentity, DueCheck
from outdial.rules import call_fate as fate
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.capacity import Slots
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, ConnectionId, NumberId, Placement, TenantId
from outdial.telemetry.metrics import Metrics
from tests.support.clock import FakeClock

FOUND = CallNews(Progress.RINGING, "63f61863")


@dataclass
class Asked:
    """A carrier that is only searched. `answer` None = it cannot be asked."""

    answer: Sequence[CallNews] | None
    searchable: bool = False
    settle_time_s: float = 300.0
    queries: list[SearchQuery] = field(default_factory=list)

    async def search(self, query: SearchQuery) -> Sequence[CallNews]:
        self.queries.append(query)
        if self.answer is None:
            raise Retryable("the carrier could not be asked: timeout")
        return self.answer


async def reported(carrier: Asked, *, to_deadline_s: float) -> list[fate.Report]:
    """What a check of an unconfirmed call reports."""
    clock, reports = FakeClock(), list[fate.Report]()
    slots = Slots(TenantId("t"), CampaignId("c"), ConnectionId("v"))
    key, placement = AttemptKey(TenantId("t"), AttemptId(UUID(int=1))), Placement(UUID(int=2))
    identity = CallIdentity(key, placement, E164("+12025550143"), slots, NumberId("n"))
    facts = fate.CallFacts(state=fate.CallState.UNCONFIRMED)
    now = clock.now()
    due = DueCheck(identity, facts, now - 60, now + to_deadline_s, E164("+12025550101"), False)

    async def due_checks(*_: object) -> list[DueCheck]:
        return [due]

    async def report(_: object, one: fate.Report) -> None:
        reports.append(one)

    parts: Any = [SimpleNamespace(due_checks=due_checks), SimpleNamespace(of=lambda _: carrier)]
    recovery = Recovery(parts[0], parts[1], cast(Any, SimpleNamespace(report=report)), clock, Metrics())
    await recovery.check_due()
    assert [query.until - query.begun_at for query in carrier.queries] == [60]
    return reports


@pytest.mark.parametrize("to_deadline_s", [600.0, 0.0])
async def test_what_is_found_is_adopted(to_deadline_s: float) -> None:
    (report,) = await reported(Asked([FOUND]), to_deadline_s=to_deadline_s)
    assert isinstance(report, fate.HasNews)
    assert report.news == FOUND


@pytest.mark.parametrize("answer", [(), None], ids=["found nothing", "cannot be asked"])
async def test_nothing_found_is_no_report_before_the_deadline_and_the_end_at_it(
    answer: Sequence[CallNews] | None,
) -> None:
    assert await reported(Asked(answer), to_deadline_s=1.0) == []
    (report,) = await reported(Asked(answer), to_deadline_s=0.0)
    assert isinstance(report, fate.IsOverdue)


async def test_where_a_search_proves_something_nothing_found_is_reported() -> None:
    (report,) = await reported(Asked((), searchable=True, settle_time_s=30.0), to_deadline_s=600.0)
    assert isinstance(report, fate.IsNowhere)
    assert report.counts
