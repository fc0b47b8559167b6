"""`outdial demo` as a stranger runs it: what it promises, and that a planted defect is found by the carrier's tally."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

OUTDIAL = Path(sys.executable).with_name("outdial")


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([OUTDIAL, "demo", *arguments], capture_output=True, text=True, timeout=150, check=False)


@pytest.mark.timeout(180)
def test_all_ends_within_limits_and_says_what_is_simulated(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = demo("--attempts", "60", "--seed", "3", "--json", str(path))
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    assert "NOT RabbitMQ" in done.stdout
    report = json.loads(path.read_text())
    assert report["accepted"] == report["ended"] == 120
    assert report["violations"] == []
    assert report["failures"] == []
    assert report["carrier"]["max_calls_per_attempt"] == 1
    assert {c["id"] for c in report["carrier"]["connections"]} == {"demo-us", "demo-eu"}
    assert all(0 < c["highest"] <= c["limit"] for c in report["carrier"]["connections"])
    assert report["sticky"]["expected"] == report["sticky"]["reused"] > 0
    flagged = next(n for n in report["numbers"] if n["number"] == "us-flagged")
    assert flagged["dials"] == 0
    assert set(report["tiers"]) >= {"sticky", "country"}
    assert sum(report["outcomes"].values()) == 120


@pytest.mark.timeout(180)
def test_a_planted_over_admission_makes_it_fail() -> None:
    done = demo("--attempts", "80", "--plant", "over-admission")
    assert done.returncode == 1
    assert "limit_exceeded" in done.stderr


@pytest.mark.timeout(180)
def test_the_same_on_a_real_rabbitmq(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = demo("--attempts", "40", "--broker", "rabbitmq", "--json", str(path))
    assert done.returncode == 0, done.stderr
    report = json.loads(path.read_text())
    assert report["simulated"]["transport"].startswith("a real RabbitMQ")
    assert report["accepted"] == report["ended"] == 80
    assert report["violations"] == []
