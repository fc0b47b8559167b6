"""Recording rules and alerts, by Prometheus's own promtool: each alert fires when it should and stays quiet otherwise."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from outdial.cli.commands import commands
from outdial.embedded.install import ensure_prometheus
from outdial.telemetry.metrics import Metrics
from tests.monitoring.alert_cases import CASES, Case
from tests.support.services import UNPACKED

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "deploy/prometheus/rules"


def promtool(*arguments: str | Path, text: str | None = None) -> str:
    """Run it; what it says when it complains becomes the assertion's message."""
    done = subprocess.run(
        [ensure_prometheus(UNPACKED) / "promtool", *arguments], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((RULES / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules("alerts.yml")}


def unit_test(case: Case) -> dict[str, Any]:
    rule = ALERTS[case.alert]
    expected = []
    if case.fires is not None:
        told = {key: _filled(text, case.fires) for key, text in rule["annotations"].items()}
        expected = [{"exp_labels": {**rule["labels"], **case.fires}, "exp_annotations": told}]
    return {
        "interval": f"{case.step}m",
        "name": f"{case.alert} {case.why}".strip(),
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [{"eval_time": f"{case.at}m", "alertname": case.alert, "exp_alerts": expected}],
    }


def _filled(text: str, labels: Any) -> str:
    return re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: str(labels[found[1]]), text)


@pytest.mark.parametrize("step", sorted({case.step for case in CASES}))
def test_every_alert_fires_when_it_should_and_stays_quiet_otherwise(step: int, tmp_path: Path) -> None:
    tests = {
        "rule_files": [str(path) for path in sorted(RULES.glob("*.yml"))],
        "evaluation_interval": f"{step}m",
        "tests": [unit_test(case) for case in CASES if case.step == step],
    }
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(tests))
    assert "SUCCESS" in promtool("test", "rules", tmp_path / "tests.yml")


def test_every_alert_has_a_case_that_fires_and_one_that_stays_quiet() -> None:
    assert {case.alert for case in CASES if case.fires is not None} == set(ALERTS)
    assert {case.alert for case in CASES if case.fires is None} == set(ALERTS)


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert rule["annotations"]["summary"].endswith("."), name
        assert name in (ROOT / rule["annotations"]["runbook"]).read_text(), f"the runbook does not name {name}"


def test_every_runbook_is_linked_by_an_alert_and_by_the_list() -> None:
    folder = ROOT / "docs/how-to/runbooks"
    pages = {path.name for path in folder.glob("*.md")} - {"README.md"}
    assert {Path(rule["annotations"]["runbook"]).name for rule in ALERTS.values()} == pages
    assert set(re.findall(r"\]\(([a-z-]+\.md)\)", (folder / "README.md").read_text())) >= pages


def test_commands_that_runbooks_name_exist() -> None:
    known = {command.name for command in commands()}
    text = "".join(path.read_text() for path in (ROOT / "docs/how-to/runbooks").glob("*.md"))
    assert set(re.findall(r"`outdial ([a-z]+)", text)) <= known


def test_the_configuration_holds() -> None:
    promtool("check", "config", ROOT / "deploy/prometheus/prometheus.yml")


def test_the_rules_use_only_metrics_that_exist() -> None:
    exist = names_that_exist()
    for rule in [*rules("alerts.yml"), *rules("recording.yml")]:
        assert unknown_names(rule["expr"], exist) == set(), rule.get("alert") or rule.get("record")


def names_that_exist() -> set[str]:
    """Every series name that a replica shows, and what is recorded."""
    names = set()
    for fact in Metrics().facts():
        suffixes = ("_bucket", "_sum", "_count") if fact.kind == "histogram" else ("",)
        names |= {fact.name + suffix for suffix in suffixes}
    return names | {rule["record"] for rule in rules("recording.yml")}


def unknown_names(expression: str, exist: set[str]) -> set[str]:
    """Names in the expression that no metric has."""
    bare = re.sub(r'"[^"]*"', "", expression)
    return set(re.findall(r"(?:[a-z_]+:)?outdial[a-z_]*(?::[a-z0-9_]+)*", bare)) - exist


def test_what_a_replica_shows_is_as_prometheus_wants_it() -> None:
    metrics = Metrics()
    metrics.know({"line": "twilio"}, ["spring"])
    promtool("check", "metrics", text=metrics.exposition().decode())
