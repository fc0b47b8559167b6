"""The dashboards: generated, committed as generated, and every panel shows data of a daemon under load."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from outdial.carrier import SimulatedCarrier
from outdial.embedded.rabbitmq import free_port
from tests.monitoring.test_alerts import names_that_exist, unknown_names
from tests.support.daemon import Daemon, lay_out, pause, publish, scenario
from tests.support.prometheus import Prometheus

GRAFANA = Path(__file__).resolve().parents[2] / "deploy/grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))


def generator() -> ModuleType:
    """The program itself; it stands outside of any package, as it is used."""
    spec = importlib.util.spec_from_file_location("generate_dashboards", GRAFANA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def queries() -> Iterator[tuple[str, str]]:
    """(dashboard / panel, expression as Grafana would send it)."""
    for path in FILES:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                expression = target["expr"].replace("$__rate_interval", "1m").replace("$campaign", ".*")
                yield f"{path.stem} / {panel['title']}", expression


def test_what_is_committed_is_what_the_program_makes() -> None:
    program = generator()
    assert {path.stem for path in FILES} == set(program.DASHBOARDS)
    for path in FILES:
        assert path.read_text() == program.render(path.stem), "run: python deploy/grafana/generate.py"


def test_panels_have_names_of_their_own_and_say_what_they_tell() -> None:
    for path in FILES:
        board: dict[str, Any] = json.loads(path.read_text())
        titles = [panel["title"] for panel in board["panels"]]
        assert len(set(titles)) == len(titles)
        assert all(panel["description"].endswith(".") for panel in board["panels"])
        assert all(target["datasource"]["uid"] == "${datasource}" for p in board["panels"] for target in p["targets"])


def test_the_panels_use_only_metrics_that_exist() -> None:
    exist = names_that_exist()
    for panel, expression in queries():
        assert unknown_names(expression, exist) == set(), panel


@pytest.mark.timeout(120)
async def test_every_panel_shows_data_of_a_daemon_under_load(
    database_url: str, amqp_url: str, amqp_prefix: str, tmp_path: Path
) -> None:
    async with SimulatedCarrier(scenario(ring_s=1.0)) as carrier:
        await (await lay_out(database_url, carrier.url)).close()
        async with (
            Daemon(database_url, amqp_url, amqp_prefix, free_port()) as daemon,
            Prometheus(tmp_path, daemon.internal_port) as prometheus,
        ):
            contacts = (f"+1{area}555{n:04d}" for n in range(10_000) for area in (202, 312))
            await publish(amqp_url, amqp_prefix, list(islice(contacts, 120)))
            empty = list(queries())
            with suppress(TimeoutError):
                async with asyncio.timeout(60):
                    while empty := [one for one in empty if not _numbers(await prometheus.ask(one[1]))]:
                        # A rate needs two scrapes with calls between them: one burst may fall into one.
                        await publish(amqp_url, amqp_prefix, list(islice(contacts, 6)))
                        await pause()
            assert empty == []
            firing = {one["metric"]["alertname"] for one in await prometheus.ask('ALERTS{alertstate="firing"}')}
    assert firing == set(), "an alert fires although all is well"


def _numbers(series: list[dict[str, Any]]) -> list[float]:
    values = [float(one["value"][1]) for one in series]
    return [value for value in values if value == value]  # not what is nothing divided by nothing
