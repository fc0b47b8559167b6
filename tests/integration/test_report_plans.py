"""What operators ask stays cheap as the tables grow: every block of the reports walks an index, from plans made once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from outdial.postgres import statements
from outdial.postgres.pool import connect
from tests.support.plans import whole_reads
from tests.support.services import Services
from tests.support.statements import highest_parameter

ROWS = 20_000
FILES = ("reports_attempts", "reports_capacity", "reports_explain", "reports_health")
BLOCKS = [(file, name) for file in FILES for name in statements.load(file) if name != "in_order"]

GROW = f"""
insert into tenants select 't' || i from generate_series(1, 20) i;
insert into connections values ('line', 'twilio');
insert into numbers select 'n' || i, '+1202555' || lpad(i::text, 4, '0'), 't1', 'line' from generate_series(1, 200) i;
insert into campaigns select 'c' || i, 't' || (i % 20 + 1), 'n1' from generate_series(1, 100) i;
insert into members select 'c' || i, 'n' || j from generate_series(1, 100) i, generate_series(1, 20) j;
insert into limits (kind, id) select 'connection', 'l' || i from generate_series(1, 500) i;
insert into attempts
select 't' || (i % 20 + 1), gen_random_uuid(), 'c' || (i % 100 + 1), '+1312' || lpad((i % 5000)::text, 7, '0'), '{{}}', '\\x00',
       now() - i * interval '1 second'
from generate_series(1, {ROWS}) i;
insert into waiting (tenant, attempt_id, campaign, contact, line, urgency, due_at, not_after, look_at, blocker, received_at)
select tenant, attempt_id, campaign, contact, '', 4, now(), now(), now(), 'in_line', received_at
from attempts where contact < '+13120002500';
insert into outcomes (tenant, attempt_id, campaign, contact, outcome, ended_at, received_at, placement, number, intent_at)
select tenant, attempt_id, campaign, contact, 'no_answer', received_at, received_at, gen_random_uuid(),
       'n' || (abs(hashtext(contact)) % 200 + 1), received_at
from attempts where contact >= '+13120002500';
insert into sticky select 'c' || (i % 100 + 1), '+1312' || i, 'n' || (i % 200 + 1), 1, now(), null, 'x'
from generate_series(1, {ROWS}) i;
insert into number_volume select 'n' || i, date_trunc('hour', now()) - j * interval '1 hour', 3
from generate_series(1, 200) i, generate_series(1, 48) j;
insert into pool_pictures select md5(i::text), 'c1', '{{}}', now() from generate_series(1, 5000) i;
"""


@pytest.fixture(scope="module")
async def grown(services: Services) -> AsyncIterator[Any]:
    """Prepared while everything was empty, then grown: plans that are kept must not be those of the empty tables."""
    databases = services.databases("distribution")
    url = await databases.fresh()
    pool = await connect(url)
    async with pool.acquire() as connection:
        for file, name in BLOCKS:
            await connection.execute(f"prepare {file}_{name} as {statements.load(file)[name]}")
        await connection.execute(GROW)
        await connection.execute("analyze")
        await connection.execute(statements.load("reports_attempts")["in_order"].replace("set local", "set"))
        yield connection
    await pool.close()
    await databases.drop(url)


def arguments(file: str, name: str) -> str:
    """Nulls for its parameters: a generic plan does not look at them."""
    highest = highest_parameter(statements.load(file)[name])
    return f"({', '.join(['null'] * highest)})" if highest else ""


@pytest.mark.parametrize(("file", "name"), BLOCKS, ids=[name for _, name in BLOCKS])
async def test_no_question_reads_a_big_table_from_end_to_end(grown: Any, file: str, name: str) -> None:
    rows = await grown.fetch(f"explain execute {file}_{name}{arguments(file, name)}")
    plan = "\n".join(row[0] for row in rows)
    assert whole_reads(plan) == [], plan


async def test_pages_need_no_sort_of_what_they_do_not_show(grown: Any) -> None:
    """Each campaign's part of a page ends after as many rows as the page has, in the index's own order."""
    for name in ("page_all", "page_waiting", "page_ended"):
        rows = await grown.fetch(f"explain execute reports_attempts_{name}{arguments('reports_attempts', name)}")
        plan = "\n".join(row[0] for row in rows)
        inner = plan[plan.index("Nested Loop") :]
        assert "Limit" in inner, plan
        assert re.search(r"^\s+(->\s+)?Sort\b", inner, re.MULTILINE) is None, plan
