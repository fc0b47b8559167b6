"""The daemon as a process: stopped or killed under load, nothing is lost and nobody is called twice."""

from __future__ import annotations

import asyncio
import signal

import pytest

from outdial.carrier import SimulatedCarrier
from outdial.embedded.rabbitmq import free_port
from tests.support.crew import SHORT, pass_time
from tests.support.daemon import LIMIT, Daemon, lay_out, pause, publish, scenario

CONTACTS = [f"+1{area}55501{n:02d}" for area in (202, 312, 415) for n in range(20)]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_stopped_under_load_a_second_one_finishes(
    database_url: str, amqp_url: str, amqp_prefix: str, number: signal.Signals
) -> None:
    async with SimulatedCarrier(scenario()) as carrier:
        pool = await lay_out(database_url, carrier.url)
        port = free_port()
        async with Daemon(database_url, amqp_url, amqp_prefix, port, environment=SHORT) as first:
            ids = await publish(amqp_url, amqp_prefix, CONTACTS)
            await carrier.wait_for(lambda: carrier.tally()["accepted"] >= 15, timeout_s=30)
            code = await first.end(number)
        assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
        assert await pool.fetchval("select count(*) from outcomes") < len(ids)

        second = Daemon(database_url, amqp_url, amqp_prefix, port, environment=SHORT)
        async with second, asyncio.timeout(90):
            while await pool.fetchval("select count(*) from outcomes") < len(ids):
                counted = await pool.fetchval("select count(*) from attempt_states")
                assert counted <= await pool.fetchval("select count(*) from attempts")
                await pass_time(pool)  # an intent whose create was never sent is in doubt for minutes
                for _ in range(10):
                    await pause()
            assert await second.end(signal.SIGTERM) == 0

        tally = carrier.tally()
        assert tally["violations"] == []
        assert tally["max_calls_per_attempt"] == 1
        assert tally["accounts"]["line"]["highest"] <= LIMIT
        ended = {str(row["attempt_id"]) for row in await pool.fetch("select attempt_id from outcomes")}
        assert ended == set(ids)
        assert await pool.fetchval("select sum(in_use) from limits") == 0
        await pool.close()
