"""Dead letters from the command line: listed with their reason, published again whole."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import uuid
from pathlib import Path

from outdial.ports.arrivals import DeadLetter
from outdial.postgres.pool import connect
from outdial.postgres.store import PostgresStore
from outdial.rabbitmq.transport import RabbitOptions, open_transport
from outdial.rules.catalogue_rows import CatalogueRows, TenantRow
from outdial.rules.ids import TenantId

OUTDIAL = Path(sys.executable).with_name("outdial")


async def outdial(environment: dict[str, str], *arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        OUTDIAL, *arguments, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_listed_with_reason_and_replayed_whole(database_url: str, amqp_url: str, amqp_prefix: str) -> None:
    pool = await connect(database_url)
    body = b'{"attempt_id": 7}'
    letter = DeadLetter(
        "q", "acme", "m1", "call_attempt.requested.v1", body, {"x-death": "1", "traceparent": "t"}, "invalid_field",
        "attempt_id", 1_800_000_000.0,
    )  # fmt: skip
    await PostgresStore(pool, uuid.uuid4(), 1).keep_dead_letters([letter])
    rows = CatalogueRows(1, {TenantId("acme"): TenantRow(TenantId("acme"))}, {}, {}, {}, {})
    transport = await open_transport(RabbitOptions(amqp_url, amqp_prefix, queues=2))
    await transport.start(rows)
    environment = {
        "OUTDIAL_DATABASE__URL": database_url,
        "OUTDIAL_RABBITMQ__URL": amqp_url,
        "OUTDIAL_RABBITMQ__PREFIX": amqp_prefix,
        "OUTDIAL_RABBITMQ__QUEUES": "2",
    }
    try:
        code, out, _ = await outdial(environment, "--json", "dead", "list")
        (listed,) = json.loads(out)
        assert (code, listed["reason"], listed["field"]) == (0, "invalid_field", "attempt_id")
        code, _, err = await outdial(environment, "dead", "replay", str(listed["letter"] + 1), "--yes")
        assert code == 1
        assert "no dead letter" in err
        code, _, err = await outdial(environment, "dead", "replay", "--all", "--yes", "--why", "mended")
        assert code == 0, err
        async with asyncio.timeout(20):
            (delivery,) = await transport.inbox.receive(10)
        assert (delivery.body, delivery.message_id, delivery.type) == (body, "m1", "call_attempt.requested.v1")
        assert "x-death" not in delivery.headers
        code, out, _ = await outdial(environment, "--json", "dead", "list")
        assert json.loads(out) == []
        said = await pool.fetch("select action, subject, why from audit_log where action = 'dead.replay'")
        assert [tuple(row) for row in said] == [("dead.replay", f"dead_letter/{listed['letter']}", "mended")]
    finally:
        await transport.stop_consuming()
        await transport.close()
        await pool.close()
