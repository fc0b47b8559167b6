"""Writes docs/reference/metrics.md from the code: `python -m tests.telemetry.metrics_page`. A test compares them."""

from __future__ import annotations

from collections.abc import Iterator

from outdial.telemetry.metric_kinds import MetricFact
from outdial.telemetry.metrics import MOST_CAMPAIGNS, MOST_TENANTS, Metrics
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "metrics.md"

INTRODUCTION = f"""# Metrics

What a replica shows at `/metrics` on its internal port. This page is written from the code. Names and labels are an interface: changing one is a line in the changelog.

- No label ever holds a phone number, a contact or an attempt. Values that are known beforehand exist at 0 from the start.
- `connection`, `provider` and `campaign` are names of the catalogue; `_unknown` stands for what belongs to none of ours, `_other` for the rest beyond the {MOST_TENANTS} busiest tenants and {MOST_CAMPAIGNS} busiest campaigns (`metrics.most_tenants`, `metrics.most_campaigns`). A replica at 5 providers, 50 connections and 100 tenants shows fewer than 3,000 series.
- Gauges of slots, pools, waiting attempts, dead letters, the outbox, circuits and unconfirmed attempts are read from the database and the same on all replicas: take the maximum, never the sum. Counters and histograms are each replica's own: take the sum.
- Alerts and recording rules: `deploy/prometheus`, with [runbooks](../how-to/runbooks/README.md). Dashboards: `deploy/grafana`.
"""


def render() -> str:
    """The whole page."""
    rows = ((f"`{fact.name}`", fact.kind, "<br>".join(_labels(fact)), fact.meaning) for fact in Metrics().facts())
    return "\n".join([INTRODUCTION, table(("metric", "kind", "labels", "meaning"), rows)])


def _labels(fact: MetricFact) -> Iterator[str]:
    for label, values in fact.labels.items():
        yield f"`{label}`: {', '.join(values)}" if values else f"`{label}`"


if __name__ == "__main__":
    PAGE.write_text(render())
