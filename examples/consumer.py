"""Keep the state of every attempt of a tenant in SQLite, from outdial's events.

    AMQP_URL=amqp://… python examples/consumer.py TENANT FILE.db [HOW_MANY]

Events come at least once and in any order. Two rules make that harmless: an event whose id is known is skipped, and an
attempt only ever moves to a higher `sequence`. An event is acked after its row is committed, never before.
HOW_MANY ends the program after so many deliveries; without it, it runs until it is interrupted.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import closing
from typing import Any

import aio_pika

SCHEMA = """
create table if not exists seen (event_id text primary key);
create table if not exists attempts (
    attempt_id text primary key, sequence integer not null, type text not null, outcome text, body text not null
);
"""
KEEP_THE_HIGHEST = """
insert into attempts values (?, ?, ?, ?, ?)
on conflict (attempt_id) do update
set sequence = excluded.sequence, type = excluded.type, outcome = excluded.outcome, body = excluded.body
where excluded.sequence > attempts.sequence
"""


def keep(database: sqlite3.Connection, event: dict[str, Any]) -> bool:
    """Store one event in one transaction; False = it was known already."""
    with database:
        new = database.execute("insert or ignore into seen values (?)", (event["id"],)).rowcount == 1
        if new and event["type"].startswith("call_attempt."):
            data = event["data"]
            row = (data["attempt_id"], event["sequence"], event["type"], data.get("outcome"), json.dumps(event))
            database.execute(KEEP_THE_HIGHEST, row)
    return new


async def main(tenant: str, file: str, how_many: int | None = None) -> None:
    """Consume from a durable queue of our own, so that nothing is missed while we are away."""
    prefix = os.environ.get("OUTDIAL_PREFIX", "outdial")
    with closing(sqlite3.connect(file)) as database:
        database.executescript(SCHEMA)
        connection = await aio_pika.connect_robust(os.environ["AMQP_URL"])
        async with connection:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=100)
            name = os.environ.get("EVENTS_QUEUE", f"events.{tenant}")
            queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
            await queue.bind(await channel.get_exchange(f"{prefix}.events"), f"{tenant}.*.call_attempt.*")
            print("ready", flush=True)
            done = 0
            async with queue.iterator() as deliveries:
                async for delivery in deliveries:
                    event = json.loads(delivery.body)
                    new = keep(database, event)
                    await delivery.ack()
                    print("new" if new else "known", event["type"], event["subject"], flush=True)
                    done += 1
                    if done == how_many:
                        return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else None))
