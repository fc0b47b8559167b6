"""Metrics: one list of names, closed labels that exist at 0, few series, and no phone number in any label."""

from __future__ import annotations

import re

import pytest

from outdial.rules.blocker import Blocker
from outdial.rules.outcome import Outcome
from outdial.rules.pool import Tier
from outdial.telemetry.metric_kinds import MetricFact
from outdial.telemetry.metrics import Metrics, SlotUse

FACTS = Metrics().facts()


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_a_metric_is_named_by_the_rules_and_says_what_it_means(fact: MetricFact) -> None:
    assert re.fullmatch(r"outdial_[a-z]+(_[a-z]+)*", fact.name)
    assert (fact.kind == "counter") == fact.name.endswith("_total")
    assert fact.kind != "histogram" or fact.name.endswith("_seconds")
    assert fact.meaning.endswith(".")
    assert not {"to", "from", "contact", "e164", "phone", "attempt", "attempt_id"} & set(fact.labels)


def test_every_metric_is_an_attribute_and_every_attribute_is_listed() -> None:
    metrics = Metrics()
    defined = {
        value._name for value in vars(metrics).values() if hasattr(value, "_name") and hasattr(value, "describe")
    }
    assert defined == {fact.name.removesuffix("_total") for fact in metrics.facts()}


@pytest.mark.parametrize(
    ("name", "label", "values"),
    [
        ("outdial_attempts_ended_total", "outcome", Outcome),
        ("outdial_picks_total", "tier", Tier),
        ("outdial_parked_total", "blocker", Blocker),
    ],
)
def test_closed_labels_exist_at_zero_from_the_start(name: str, label: str, values: type[Outcome]) -> None:
    registry = Metrics().registry
    for value in values:
        assert registry.get_sample_value(name, {label: value}) == 0.0


def test_each_app_has_its_own_registry() -> None:
    one, other = Metrics(), Metrics()
    one.intents.inc()
    assert other.registry.get_sample_value("outdial_intents_total") == 0.0


def test_what_prometheus_scrapes_is_well_formed_and_small() -> None:
    text = Metrics().exposition().decode()
    assert 'outdial_build_info{version="0.1.0"} 1.0' in text
    series = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(series) < 500


def test_slots_are_shown_as_they_are_now() -> None:
    metrics = Metrics()
    value = metrics.registry.get_sample_value
    metrics.show_slots([SlotUse("connection", "acme-us", 7, 10), SlotUse("campaign", "spring", 3, None)])
    assert value("outdial_slots_in_use", {"kind": "connection", "id": "acme-us"}) == 7
    assert value("outdial_slots_limit", {"kind": "connection", "id": "acme-us"}) == 10
    assert value("outdial_slots_limit", {"kind": "campaign", "id": "spring"}) is None
    metrics.show_slots([SlotUse("connection", "acme-uk", 0, 5)])
    assert value("outdial_slots_in_use", {"kind": "connection", "id": "acme-us"}) is None


def test_many_tenants_do_not_make_many_series() -> None:
    metrics = Metrics()
    metrics.show_slots([SlotUse("tenant", f"t{n:03}", n, 100) for n in range(300)], most_tenants=2)
    in_use = {
        sample.labels["id"]: sample.value
        for family in metrics.registry.collect()
        if family.name == "outdial_slots_in_use"
        for sample in family.samples
    }
    assert in_use == {"t299": 299, "t298": 298, "_other": sum(range(298))}
