"""The way of an attempt costs the same whatever the backlog and the history: prepared while empty, asked when grown.

A plan that PostgreSQL kept from the time of empty tables is what a replica uses until the tables are analyzed, so the
statements are prepared first and their plans looked at; then 200,000 attempts wait and 200,000 have ended, and the plans
are looked at again. Both are kept (generic) ones, as the pool's connections use.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any

import asyncpg
import pytest

from outdial.postgres import bundle, readings, statements
from outdial.postgres.bundle import Part
from outdial.postgres.pool import connect
from tests.support.plans import whole_reads
from tests.support.services import Services
from tests.support.statements import CLAIMING, highest_parameter, prepared_texts

FILES = sorted(
    file.name.removesuffix(".sql")
    for file in resources.files("outdial.postgres").joinpath("sql").iterdir()
    if file.name.endswith(".sql")
)
ROWS = 200_000
HOT = {
    "plan": (
        *("claim", "claim_due", "anything_due", "lines", "lines_left", "lock_limits", "contact_facts"),
        *("volumes", "delete_waiting", "park", "write_limits", "count_volume", "relook"),
    ),
    "settle": (
        *("open_calls", "identify_calls", "past_calls", "member_stats", "baselines", "number_health", "assignments"),
        *("update_calls", "delete_calls", "wake_contacts", "correct_outcomes", "spam_contacts", "others_worked"),
    ),
    "recover": ("due_checks",),
    "relay": ("remove_events", "leftover_events"),
    "intake": ("take_in", "known_hashes", "doors", "claim_canceled"),
    "cancel": ("cancel", "tenants_of", "waiting_page"),
    "sticky": ("of_contact", "one", "clear"),
}
BLOCKS = [(file, name) for file, names in HOT.items() for name in names]
LEAVING = [
    Part("settle", "update_calls", [None] * 15),
    Part("settle", "delete_calls", [None] * 3, "count(*)"),
    Part("plan", "delete_waiting", [None] * 2, "count(*)"),
    Part("settle", "wake_contacts", [None] * 2, "array_agg(distinct campaign)"),
]
PREPARED = {
    **{
        f"{file}_{name}": (text, highest_parameter(text))
        for file, name in BLOCKS
        for text in [statements.load(file)[name]]
    },
    "claiming": (readings.text_of(CLAIMING), sum(len(part.arguments) for part in CLAIMING)),
    "leaving": (bundle.text_of(LEAVING), sum(len(part.arguments) for part in LEAVING)),
}
"""By name: the text and how many parameters it has."""
GROW = f"""
insert into tenants select 't' || i from generate_series(1, 20) i;
insert into connections values ('line', 'twilio');
insert into numbers select 'n' || i, '+1202555' || lpad(i::text, 4, '0'), 't1', 'line' from generate_series(1, 200) i;
insert into campaigns select 'c' || i, 't' || (i % 20 + 1), 'n1' from generate_series(1, 60) i;
insert into limits (kind, id) select 'campaign', 'c' || i from generate_series(1, 2000) i;
insert into attempts
select 't' || (i % 20 + 1), md5(i::text)::uuid, 'c' || (i % 60 + 1), '+1312' || lpad(i::text, 7, '0'), '{{}}', '\\x00',
       now() - i * interval '1 second'
from generate_series(1, {ROWS}) i;
insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, received_at)
select tenant, attempt_id, campaign, contact, case when right(contact, 1) = '7' then null else '' end, 4, now(),
       now() + interval '1 day', now() + interval '1 day',
       case when right(contact, 1) = '7' then 'contact_in_call' else 'in_line' end, received_at
from attempts;
insert into outcomes (tenant, attempt_id, campaign, contact, outcome, ended_at, received_at, placement, number, intent_at)
select tenant, attempt_id, campaign, contact, 'no_answer', received_at, received_at, attempt_id, 'n1', received_at
from attempts;
insert into calls (tenant, attempt_id, placement, campaign, contact, connection, number, intent_at, place_at, deadline,
                   next_check_at, worker, epoch, counted, h, r, baseline_class, sticky_epoch, decision, carry)
select tenant, attempt_id, attempt_id, campaign, contact, 'line', 'n1', now(), now(), now(), now(), attempt_id, 1, true,
       0.3, 1, 'first', 1, '{{}}', '{{}}'
from attempts where contact > '+1312' || lpad('{ROWS - 500}', 7, '0');
insert into sticky select 'c' || (i % 60 + 1), '+1312' || i, 'n1', 1, now(), null, 'x' from generate_series(1, 20000) i;
insert into number_volume select 'n' || i, date_trunc('hour', now()) - j * interval '1 hour', 3
from generate_series(1, 200) i, generate_series(1, 48) j;
insert into outbox select md5(i::text)::uuid, 't1', 'x', '', now(), now() from generate_series(1, 20000) i;
insert into cancellations select 't1', md5(i::text)::uuid, now() from generate_series(1, 20000) i;
"""


async def test_every_block_prepares_on_both_servers(any_database_url: str) -> None:
    connection = await asyncpg.connect(any_database_url)
    try:
        for file in FILES:
            for name, text in prepared_texts(file):
                if not text.split("\n")[-1].startswith("set "):
                    await connection.execute(f"prepare {file}_{name} as {text}")
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def prepared(services: Services) -> AsyncIterator[Any]:
    """All statements, prepared while everything is empty."""
    databases = services.databases("distribution")
    url = await databases.fresh()
    pool = await connect(url)
    async with pool.acquire() as connection:
        for name, (text, _) in PREPARED.items():
            await connection.execute(f"prepare {name} as {text}")
        yield connection
    await pool.close()
    await databases.drop(url)


@pytest.fixture(scope="module")
async def plans_while_empty(prepared: Any) -> dict[str, str]:
    """Before anything was stored."""
    return {name: await plan_of(prepared, name, parameters) for name, (_, parameters) in PREPARED.items()}


@pytest.fixture(scope="module")
async def grown(prepared: Any, plans_while_empty: dict[str, str]) -> Any:
    """Prepared while everything was empty, then grown."""
    assert plans_while_empty
    await prepared.execute(GROW, timeout=120)
    await prepared.execute("analyze", timeout=60)
    return prepared


async def plan_of(connection: Any, prepared: str, parameters: int) -> str:
    """The kept plan; nulls will do, a generic plan does not look at its parameters."""
    nulls = f"({', '.join(['null'] * parameters)})" if parameters else ""
    rows = await connection.fetch(f"explain execute {prepared}{nulls}")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("name", PREPARED)
async def test_no_step_reads_a_big_table_from_end_to_end(
    grown: Any, plans_while_empty: dict[str, str], name: str
) -> None:
    """Neither by the plan for tables that have just grown nor by the one for tables that were analyzed."""
    for plan in (plans_while_empty[name], await plan_of(grown, name, PREPARED[name][1])):
        assert whole_reads(plan) == [], plan


async def test_limits_are_locked_one_by_one(grown: Any) -> None:
    plan = await plan_of(grown, "claiming", PREPARED["claiming"][1])
    assert not re.search(r"Seq Scan on limits", plan), plan


async def test_claimed_and_locked_are_what_was_asked_for(grown: Any) -> None:
    rows = await grown.fetch(
        "explain (analyze, costs off) execute claiming(array['c1'], array[''], array[10],"
        " array['', 'c1', 'c2'], array['campaign', 'campaign', 'campaign'], array['c5', 'c1', 'c2'])"
    )
    plan = "\n".join(row[0] for row in rows)
    assert re.search(r"Index Scan using waiting_line on waiting .*rows=10(\.0+)? loops=1", plan), plan
    assert re.search(r"LockRows .*rows=2(\.0+)? loops=1", plan), plan


async def test_a_claim_takes_the_most_urgent_straight_from_the_index(grown: Any) -> None:
    """A sort would read a line's whole backlog for its first few."""
    plan = await plan_of(grown, "plan_claim", 3)
    assert "Index Scan using waiting_line" in plan, plan
    assert "Sort" not in plan, plan


async def test_a_claim_reads_as_many_rows_as_it_takes(grown: Any) -> None:
    """200,000 wait: a claim of 20 reads some dozens of them."""
    rows = await grown.fetch(
        "explain (analyze, costs off) execute plan_claim(array['c1', 'c2'], array['', ''], array[10, 10])"
    )
    plan = "\n".join(row[0] for row in rows)
    found = re.search(r"Index Scan using waiting_line on waiting .*rows=([\d.]+) loops=2", plan)
    assert found is not None, plan
    assert float(found[1]) <= 20, plan
