"""A batch stays in hand until all of it is stored: whatever a producer writes around a message, whatever the database is."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.daemon import scenario
from tests.support.replica import replica

REFUSING = """
create sequence refusals;
create function refuse() returns trigger language plpgsql as $$
begin
    perform nextval('refusals');
    raise exception 'not just now' using errcode = '25006';
end $$;
create trigger refuse before insert on {table} for each row execute function refuse();
"""
REFUSED = "select nullif(last_value, 0) from refusals where is_called"


async def test_a_message_with_unstorable_properties_is_a_dead_letter_like_others(database_url: str) -> None:
    async with replica(database_url, scenario()) as one:
        await one.transport.broker.publish_attempt(
            "acme", b"no JSON", message_id="m\0", type_="call_attempt.requested.v1\0", headers={"no\0te": "a\0\ud800b"}
        )
        letter = await one.until_found(lambda: one.pool.fetchrow("select * from dead_letters"))
        assert (letter["body"], letter["message_id"]) == (b"no JSON", "m\ufffd")
        assert (letter["message_type"], letter["headers"]) == (
            "call_attempt.requested.v1\ufffd",
            {"no\ufffdte": "a\ufffd\ufffdb"},
        )


@pytest.mark.parametrize("table", ["attempts", "dead_letters"])
async def test_a_database_that_refuses_everything_for_a_while_loses_nothing(database_url: str, table: str) -> None:
    """Such as a standby that is not writable yet."""
    async with replica(database_url, scenario()) as one:
        await one.pool.execute(REFUSING.format(table=table))
        attempt_id = await one.publish()
        await one.raw(b"no JSON")
        await one.until_found(lambda: one.pool.fetchval(REFUSED))
        await one.pool.execute(f"drop trigger refuse on {table}")
        async with asyncio.timeout(20):
            await one.ended(attempt_id)
            await one.until_found(lambda: one.pool.fetchrow("select * from dead_letters"))
