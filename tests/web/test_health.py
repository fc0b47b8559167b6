"""The internal port, over real HTTP: alive, started, ready with reasons, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from outdial.errors import BadConfiguration, DatabaseUnavailable
from outdial.telemetry.heartbeat import Heartbeat
from outdial.telemetry.metrics import Metrics
from outdial.web.health import Health
from outdial.web.server import HttpServer
from tests.support.clock import FakeClock


@dataclass
class Replica:
    """The internal port of a replica whose parts the test makes fail."""

    health: Health
    clock: FakeClock
    heartbeat: Heartbeat
    metrics: Metrics
    server: HttpServer
    http: aiohttp.ClientSession

    async def ask(self, path: str) -> tuple[int, Any]:
        async with self.http.get(f"{self.server.url}{path}") as answer:
            return answer.status, await answer.json() if "json" in answer.content_type else await answer.text()


@pytest.fixture
async def replica() -> AsyncIterator[Replica]:
    clock, metrics = FakeClock(), Metrics()
    heartbeat = Heartbeat(clock, metrics)
    health = Health(metrics, heartbeat, loop_stall_s=10, check_timeout_s=0.05)
    async with HttpServer(health.application(), "127.0.0.1", 0) as server, aiohttp.ClientSession() as http:
        yield Replica(health, clock, heartbeat, metrics, server, http)


async def fine() -> None:
    return None


async def test_alive_as_long_as_the_loop_beats_whatever_else_is_down(replica: Replica) -> None:
    async def down() -> str:
        return "away"

    replica.health.add("database", down)
    assert (await replica.ask("/healthz/live"))[0] == 200
    await replica.heartbeat.beat()
    replica.clock.jump(9.9)
    assert await replica.ask("/healthz/live") == (200, {"alive": True, "heartbeat_age_s": 9.9})
    replica.clock.jump(0.2)
    assert await replica.ask("/healthz/live") == (503, {"alive": False, "heartbeat_age_s": 10.1})
    await replica.heartbeat.beat()
    assert (await replica.ask("/healthz/live"))[0] == 200


async def test_started_only_when_the_app_says_so(replica: Replica) -> None:
    assert await replica.ask("/healthz/startup") == (503, {"started": False})
    replica.health.started = True
    assert await replica.ask("/healthz/startup") == (200, {"started": True})


async def test_ready_when_started_and_every_check_passes(replica: Replica) -> None:
    replica.health.add("database", fine)
    replica.health.add("broker", fine)
    status, body = await replica.ask("/healthz/ready")
    assert (status, body["ready"], body["started"]) == (503, False, False)
    replica.health.started = True
    assert await replica.ask("/healthz/ready") == (
        200,
        {"ready": True, "started": True, "checks": {"database": "ok", "broker": "ok", "draining": "ok"}},
    )


async def test_not_ready_says_why_check_by_check_and_in_metrics(replica: Replica) -> None:
    async def unavailable() -> None:
        raise DatabaseUnavailable("PostgreSQL cannot be reached: calling +12025550143")

    async def frozen() -> None:
        await asyncio.Event().wait()

    async def broken() -> None:
        raise RuntimeError("+12025550143")

    replica.health.started = True
    for name, check in (("database", unavailable), ("broker", frozen), ("schema", broken)):
        replica.health.add(name, check)
    status, body = await replica.ask("/healthz/ready")
    assert status == 503
    assert body["checks"] == {
        "database": "PostgreSQL cannot be reached: calling …43",
        "broker": "no answer within 0.05 s",
        "schema": "RuntimeError",
        "draining": "ok",
    }
    value = replica.metrics.registry.get_sample_value
    assert value("outdial_ready") == 0
    assert value("outdial_ready_check", {"check": "database"}) == 0
    assert value("outdial_ready_check", {"check": "draining"}) == 1


async def test_a_draining_replica_is_alive_but_not_ready(replica: Replica) -> None:
    replica.health.started = replica.health.draining = True
    status, body = await replica.ask("/healthz/ready")
    assert (status, body["checks"]["draining"]) == (503, "this replica is being stopped")
    assert (await replica.ask("/healthz/live"))[0] == 200


async def test_metrics_are_served_with_readiness_as_it_is_now(replica: Replica) -> None:
    replica.health.started = True
    status, text = await replica.ask("/metrics")
    assert status == 200
    assert "outdial_ready 1.0" in text
    assert 'outdial_attempts_ended_without_call_total{outcome="expired"} 0.0' in text
    replica.health.draining = True
    assert "outdial_ready 0.0" in (await replica.ask("/metrics"))[1]


async def test_nothing_else_is_there(replica: Replica) -> None:
    for path in ("/", "/healthz", "/callbacks/twilio/acme-us/x", "/healthz/../metrics/x"):
        assert (await replica.ask(path))[0] == 404
    async with replica.http.post(f"{replica.server.url}/metrics") as answer:
        assert answer.status == 405


async def test_the_heartbeat_measures_how_late_the_loop_is(replica: Replica) -> None:
    await replica.heartbeat.beat()
    replica.clock.jump(1.3)
    await replica.heartbeat.beat()
    total = replica.metrics.registry.get_sample_value("outdial_event_loop_lag_seconds_sum")
    assert round(total or 0, 6) == 0.3


async def test_a_port_that_is_taken_is_named_with_its_cure(replica: Replica) -> None:
    second = HttpServer(replica.health.application(), "127.0.0.1", replica.server.port, setting="internal.port")
    with pytest.raises(BadConfiguration, match=r"internal\.port: cannot listen on .*name a free port"):
        await second.start()
    await second.stop()


async def test_a_stopped_server_frees_its_port() -> None:
    app = Health(Metrics(), Heartbeat(FakeClock(), Metrics())).application()
    async with HttpServer(app, "127.0.0.1", 0) as first:
        port = first.port
    again = Health(Metrics(), Heartbeat(FakeClock(), Metrics())).application()
    async with HttpServer(again, "127.0.0.1", port) as second:
        assert second.port == port
