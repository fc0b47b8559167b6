"""Lists of attempts on a database that was really dialled on: every filter, page by page, and what is refused."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from outdial.errors import BadInput, NotFound
from outdial.operator.attempts import LOCK_TEXT, AttemptLine, AttemptQuery, check, list_attempts
from outdial.operator.plain import as_data
from outdial.rules.blocker import Blocker
from tests.support.dialled import CALLS, Dialled, applied, looker

SPRING = AttemptQuery("spring", limit=1_000)


@pytest.fixture
async def pool(dialled: Dialled) -> AsyncIterator[asyncpg.Pool]:
    opened = await looker(dialled)
    yield opened
    await opened.close()


async def ask(pool: asyncpg.Pool, query: AttemptQuery = SPRING, **change: Any) -> list[AttemptLine]:
    return list((await list_attempts(pool, dataclasses.replace(query, **change))).attempts)


async def test_a_campaign_lists_all_its_attempts_newest_first(pool: asyncpg.Pool, dialled: Dialled) -> None:
    lines = await ask(pool)
    expected = {*dialled.first, dialled.own_again, dialled.waits, dialled.refused}
    assert {str(line.attempt_id) for line in lines} == expected
    assert [line.received_at for line in lines] == sorted((line.received_at for line in lines), reverse=True)


async def test_a_tenant_lists_the_attempts_of_all_its_campaigns(pool: asyncpg.Pool, dialled: Dialled) -> None:
    lines = await ask(pool, campaign=None, tenant="acme")
    assert len(lines) == CALLS + 4
    assert dialled.waits_at_night in {str(line.attempt_id) for line in lines}
    assert await ask(pool, campaign=None, tenant="other") == []


@pytest.mark.parametrize("size", [1, 4, 7])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"campaign": None, "tenant": "acme"},
        {"states": ["ended"]},
        {"number": "n1"},
        {"states": ["ended", "waiting"]},
    ],
    ids=["campaign", "tenant", "state", "number", "states"],
)
async def test_pages_put_together_are_the_whole_list(pool: asyncpg.Pool, change: dict[str, Any], size: int) -> None:
    whole = await ask(pool, **change)
    query: AttemptQuery | None = dataclasses.replace(SPRING, **{**change, "limit": size})
    paged: list[AttemptLine] = []
    while query is not None:
        page = await list_attempts(pool, query)
        assert 0 < len(page.attempts) <= size
        paged += page.attempts
        query = dataclasses.replace(query, after=page.next_after) if page.next_after else None
    assert paged == whole


async def test_each_filter_gives_what_looking_at_every_line_gives(pool: asyncpg.Pool, dialled: Dialled) -> None:
    lines = await ask(pool)
    middle = lines[len(lines) // 2].received_at
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"states": ["waiting"]}, lambda line: line.state == "waiting"),
        ({"states": ["placed", "placing", "unconfirmed"]}, lambda line: False),
        ({"outcomes": ["answered_unknown"]}, lambda line: line.outcome == "answered_unknown"),
        (
            {"outcomes": ["no_answer", "rejected_request"]},
            lambda line: line.outcome in ("no_answer", "rejected_request"),
        ),
        ({"blockers": ["not_due"]}, lambda line: line.blocker == "not_due"),
        ({"number": "n1"}, lambda line: line.number == "n1"),
        ({"number": "+12025550103"}, lambda line: line.number == "n3"),
        ({"number": "n1", "outcomes": ["no_answer"]}, lambda line: (line.number, line.outcome) == ("n1", "no_answer")),
        ({"contact": dialled.own_contact}, lambda line: line.contact == dialled.own_contact),
        ({"contact": dialled.own_contact, "outcomes": ["busy"]}, lambda line: False),
        ({"contact": "+1 (312) 555-0999", "blockers": ["not_due"]}, lambda line: str(line.attempt_id) == dialled.waits),
        ({"contact": dialled.own_contact, "number": "uk"}, lambda line: False),
        ({"since": middle}, lambda line: line.received_at >= middle),
        ({"until": middle}, lambda line: line.received_at < middle),
        ({"since": middle, "states": ["ended"]}, lambda line: line.received_at >= middle and line.state == "ended"),
    ]
    for change, holds in cases:
        assert await ask(pool, **change) == [line for line in lines if holds(line)], change


async def test_a_call_from_the_contacts_own_number_bears_the_lock_and_no_other_does(
    pool: asyncpg.Pool, dialled: Dialled
) -> None:
    lines = {str(line.attempt_id): line for line in await ask(pool)}
    assert [name for name, line in lines.items() if line.locked] == [dialled.own_again]
    again = lines[dialled.own_again]
    assert (again.lock_text, again.tier, again.number) == (LOCK_TEXT, "sticky", lines[dialled.own].number)
    assert LOCK_TEXT == "Sticky – number locked to this contact after answered call"
    assert (again.contact_id, again.attempt_no) == ("lead-7", 2)


async def test_every_state_shows_what_it_has(pool: asyncpg.Pool, dialled: Dialled) -> None:
    lines = {str(line.attempt_id): line for line in await ask(pool)}
    waits, refused, called = lines[dialled.waits], lines[dialled.refused], lines[dialled.own]
    assert (waits.state, waits.blocker, waits.outcome, waits.number) == ("waiting", "not_due", None, None)
    assert waits.next_eligible_at == 4_070_908_800.0
    assert (refused.outcome, refused.reason) == ("rejected_request", "destination_kind_not_allowed")
    assert (called.state, called.tier, called.outcome) == ("ended", "country", "answered_unknown")
    assert called.from_number in ("+12025550101", "+12025550103")
    assert called.ended_at is not None


async def test_contacts_are_told_in_full_only_to_who_may_see_them(pool: asyncpg.Pool, dialled: Dialled) -> None:
    page = await list_attempts(pool, dataclasses.replace(SPRING, contact=dialled.own_contact))
    assert dialled.own_contact not in str(as_data(page))
    shown = as_data(page, full=True)["attempts"][0]
    assert (shown["contact"], shown["contact_masked"]) == (dialled.own_contact, f"…{dialled.own_contact[-2:]}")
    assert shown["received_at"].endswith("Z")


async def test_what_does_not_exist_is_named(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFound, match="no campaign named 'sprng'"):
        await ask(pool, campaign="sprng")
    with pytest.raises(NotFound, match="no tenant named 'acne'"):
        await ask(pool, campaign=None, tenant="acne")
    with pytest.raises(NotFound, match="no number 'n77'"):
        await ask(pool, number="n77")
    with pytest.raises(NotFound, match=r"no number …77"):
        await ask(pool, number="+12025550177")
    assert await ask(pool, campaign="removed", tenant="acme") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (AttemptQuery(), "campaign"),
        (AttemptQuery("spring", limit=0), "limit"),
        (AttemptQuery("spring", limit=1_001), "limit"),
        (AttemptQuery("spring", states=["done"]), "state"),
        (AttemptQuery("spring", outcomes=["answered"]), "outcome"),
        (AttemptQuery("spring", blockers=["busy"]), "blocker"),
        (AttemptQuery("spring", since=2.0, until=1.0), "since"),
        (AttemptQuery("spring", outcomes=["busy"], states=["waiting"]), "outcome"),
        (AttemptQuery("spring", outcomes=["busy"], blockers=["pacing"]), "outcome"),
        (AttemptQuery("spring", blockers=["pacing"], states=["ended"]), "blocker"),
        (AttemptQuery("spring", number="n1", states=["waiting"]), "number"),
    ],
)
def test_questions_that_make_no_sense_are_refused_by_name(query: AttemptQuery, field: str) -> None:
    with pytest.raises(BadInput) as refused:
        check(query)
    assert refused.value.field == field


ANY_ID = "3f0b0c9e-5d0f-4b1e-9a55-0c2f5a1d7e11"


@pytest.mark.parametrize("after", ["", "x", "1-2", f"99999999999999999999-{ANY_ID}", f"-1-{ANY_ID}"])
async def test_a_cursor_must_be_one(pool: asyncpg.Pool, after: str) -> None:
    with pytest.raises(BadInput, match="after: is not a cursor"):
        await ask(pool, after=after)


async def test_a_contact_that_is_no_phone_number_is_refused_without_showing_it(pool: asyncpg.Pool) -> None:
    with pytest.raises(BadInput) as refused:
        await ask(pool, contact="2025550143")
    assert "2025550143" not in str(refused.value)


async def test_what_holds_a_whole_campaign_is_shown_at_once_and_found_by_its_name(database_url: str) -> None:
    async with applied(database_url) as pool:
        await pool.execute(
            "insert into attempts select 'acme', gen_random_uuid(), 'spring', '+1' || i, '{}', '', now() from generate_series(1, 6) i;"
        )
        await pool.execute(
            "insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, "
            "next_eligible_at, received_at) select tenant, attempt_id, campaign, contact, '', 4, now(), now(), now(), "
            "case when contact > '+13' then 'not_due' when contact = '+13' then 'tier_busy' else 'in_line' end, "
            "now(), received_at from attempts"
        )
        individual = {"not_due": 3, "tier_busy": 1}
        for statement, seen in (
            ("select", individual | {"in_line": 2}),
            (
                "update limits set in_use = max_calls where kind = 'connection'",
                individual | {"connections_at_capacity": 2},
            ),
            ("update limits set max_calls = 0 where kind = 'campaign'", {"not_due": 3, "campaign_at_capacity": 3}),
            ("update limits set paused = true where kind = 'campaign'", {"not_due": 3, "campaign_paused": 3}),
            ("update limits set paused = true where kind = 'tenant'", {"not_due": 3, "tenant_paused": 3}),
        ):
            await pool.execute(statement)
            lines = await ask(pool)
            assert Counter(line.blocker for line in lines) == seen, statement
            for blocker in Blocker:
                found = await ask(pool, blockers=[blocker.value])
                assert len(found) == seen.get(blocker.value, 0), (statement, blocker)
                assert {line.blocker for line in found} <= {blocker.value}
