"""The bench measures what it says: each figure is there and counted, on a few attempts. How fast anything is, is not asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from bench.baseline import plain_replica
from bench.caps import caps
from bench.fleet import LIMITS, figures_of
from bench.flood import Deluge, flood
from bench.floor import floor
from bench.ground import Ground
from bench.latency import latency
from bench.over_http import throughput_over_http
from bench.processes import Use
from bench.report import Figures
from bench.scenarios import SCENARIOS, add_ratios
from bench.throughput import replica, throughput
from bench.world import TOKEN, TOKEN_VARIABLE, World, is_answered

from tests.support.caps import CapsVerdict
from tests.support.services import Services

SMALL = World(tenants=2, lines=1, limit=20, pool=2)


@pytest.fixture
def ground(services: Services, amqp_url: str, monkeypatch: pytest.MonkeyPatch) -> Ground:
    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    monkeypatch.setattr("bench.throughput.WARM_UP", 4)
    monkeypatch.setattr("bench.over_http.WARM_UP", 4)
    monkeypatch.setattr("bench.latency.WARM_UP", 4)
    return Ground(services.databases("distribution"), amqp_url)


async def test_floor_baseline_and_throughput_let_all_attempts_through(ground: Ground) -> None:
    figures = Figures()
    figures.add("floor", await floor(ground, SMALL, 12))
    figures.add("baseline", await throughput(ground, SMALL, 12, plain_replica))
    figures.add("throughput", await throughput(ground, SMALL, 12, replica))
    add_ratios(figures)
    medians = figures.medians()
    assert medians["throughput.violations"] == 0
    assert {"throughput.ratio_to_floor", "throughput.ratio_to_baseline"} <= medians.keys()
    assert min(medians["floor.per_s"], medians["baseline.per_s"], medians["throughput.per_s"]) > 0


async def test_over_http_every_callback_is_taken_and_no_limit_broken(ground: Ground) -> None:
    figures = await throughput_over_http(ground, SMALL, 8, "all")
    assert figures["violations"] == 0


async def test_limits_are_judged_by_the_carrier(ground: Ground) -> None:
    figures = await caps(ground, World(tenants=2, lines=1, limit=3, pool=2), 0.02, 0.3, over_http=False)
    assert figures["violations"] == 0
    assert 0 < figures["highest"] <= 3
    assert 0 < figures["utilisation"] <= 1


async def test_latency_has_a_figure_for_every_share(ground: Ground) -> None:
    figures = await latency(ground, SMALL, 200.0, 0.1)
    names = {
        f"p{p}_ms_{of}_{share}" for p in (50, 95, 99) for of in ("at", "from_publish_at") for share in (10, 50, 80)
    }
    assert names == figures.keys()
    for share in (10, 50, 80):
        assert 0 < figures[f"p50_ms_at_{share}"] < figures[f"p50_ms_from_publish_at_{share}"]


async def test_a_flood_shows_what_it_does_to_others_and_where_it_is_kept(ground: Ground) -> None:
    """A mark that is reached: how much is left at the broker then, is a matter of speed."""
    figures = await flood(ground, Deluge(attempts=400, mark=200), LIMITS)
    assert figures["violations"] == 0
    assert figures["waiting_most"] >= 200
    assert min(figures["other_queue_ms"], figures["same_queue_ms"], figures["replica_mib"]) > 0
    assert 0 <= figures["left_at_the_broker"] <= 400


def test_a_fleet_that_broke_a_promise_is_told_from_one_that_did_not() -> None:
    seen = CapsVerdict(
        seconds=2.0, calls=30, in_window=20, per_s=10.0, violations={}, detail=[], highest_tenant={"t18": 2, "t19": 3},
        highest_campaign={"c0-1": 1}, utilisation=0.99, dead_ms=10.0, least=0.93, most=1.05,
        rates={"line4": (5.0, 5), "line6": (12.0, 13)}, paced_use=0.98,
    )  # fmt: skip
    use = Use(ran=0.2, waited=0.2, busy=1.5, idle=0.5)
    figures = figures_of(seen, use)
    assert (figures["violations"], figures["starts_above_rate"]) == (0, 1)
    assert figures["share_worst_percent"] == pytest.approx(7)
    assert (figures["cpu_ms_per_call"], figures["waited_for_cpu"], figures["machine_busy"]) == (10, 0.5, 0.75)
    broken = [replace(seen, violations={"limit_exceeded": 2}), replace(seen, highest_tenant={"t18": 3})]
    assert [figures_of(one, use)["violations"] for one in broken] == [2, 1]
    told = Figures()
    for one in [seen, broken[0]]:
        told.add("fleet", figures_of(one, use))
    told.add("caps", {"violations": 0.0})
    assert told.violated() == ["fleet.violations"]


def test_figures_are_medians_with_their_spread(tmp_path: Path) -> None:
    figures = Figures()
    for value in (3.0, 1.0, 2.0):
        figures.add("floor", {"per_s": value})
    figures.write(tmp_path / "out.json", {"cpu": "one"})
    written = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert written["figures"] == {"floor.per_s": 2.0}
    assert written["spread"] == {"floor.per_s": [1.0, 3.0]}


def test_a_fourth_of_all_contacts_answers() -> None:
    assert sum(is_answered(World.contact(n)) for n in range(100)) == 25


def test_the_scenarios_of_the_issue_have_their_names() -> None:
    assert {
        "floor",
        "baseline",
        "throughput",
        "throughput_http",
        "latency",
        "caps",
        "scale",
        "memory",
        "fleet",
        "flood",
    } <= SCENARIOS.keys()
