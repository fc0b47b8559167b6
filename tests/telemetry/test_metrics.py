"""Metrics: one list of names, closed labels that exist at 0, few series, and no phone number in any label."""

from __future__ import annotations

import re

import pytest

from outdial.rules.blocker import Blocker
from outdial.rules.outcome import Ending, Outcome
from outdial.rules.pool import Tier
from outdial.telemetry.metric_kinds import MetricFact
from outdial.telemetry.metrics import Metrics, PoolFigures, SlotUse
from tests.telemetry import metrics_page

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
        ("outdial_attempts_ended_without_call_total", "outcome", Ending),
        ("outdial_picks_total", "tier", Tier),
        ("outdial_parked_total", "blocker", Blocker),
    ],
)
def test_closed_labels_exist_at_zero_from_the_start(name: str, label: str, values: type[Ending]) -> None:
    registry = Metrics().registry
    for value in values:
        assert registry.get_sample_value(name, {label: value}) == 0.0


def test_the_reference_page_is_what_the_code_says() -> None:
    assert metrics_page.PAGE.read_text() == metrics_page.render(), "run: python -m tests.telemetry.metrics_page"


def test_each_app_has_its_own_registry() -> None:
    one, other = Metrics(), Metrics()
    one.corrections.inc()
    assert other.registry.get_sample_value("outdial_corrections_total") == 0.0


def test_what_prometheus_scrapes_is_well_formed_and_small() -> None:
    text = Metrics().exposition().decode()
    assert 'outdial_build_info{version="0.1.0"} 1.0' in text
    series = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(series) < 500


def test_slots_are_shown_as_they_are_now() -> None:
    metrics = Metrics()
    value = metrics.registry.get_sample_value
    metrics.scopes.admit(["spring"])
    metrics.show_slots([SlotUse("connection", "acme-us", 7, 10), SlotUse("campaign", "spring", 3, None)])
    assert value("outdial_slots_in_use", {"kind": "connection", "id": "acme-us"}) == 7
    assert value("outdial_slots_limit", {"kind": "connection", "id": "acme-us"}) == 10
    assert value("outdial_slots_limit", {"kind": "campaign", "id": "spring"}) is None
    metrics.show_slots([SlotUse("connection", "acme-uk", 0, 5)])
    assert value("outdial_slots_in_use", {"kind": "connection", "id": "acme-us"}) is None


def test_many_tenants_do_not_make_many_series() -> None:
    metrics = Metrics(most_tenants=2)
    metrics.show_slots([SlotUse("tenant", f"t{n:03}", n, 100) for n in range(300)])
    in_use = {
        sample.labels["id"]: sample.value
        for family in metrics.registry.collect()
        if family.name == "outdial_slots_in_use"
        for sample in family.samples
    }
    assert in_use == {"t299": 299, "t298": 298, "_other": sum(range(298))}


def worst_case() -> Metrics:
    """Five providers, fifty connections, a hundred tenants and more campaigns than may have series of their own."""
    metrics = Metrics()
    connections = {f"connection-{n}": f"provider-{n % 5}" for n in range(50)}
    campaigns = [f"campaign-{n}" for n in range(200)]
    metrics.know(connections, campaigns)
    uses = [SlotUse("connection", name, 1, 2) for name in connections]
    uses += [SlotUse("tenant", f"tenant-{n}", 1, 2) for n in range(120)]
    uses += [SlotUse("campaign", name, 1, 2) for name in campaigns]
    for name in campaigns:
        for answered in (True, False):
            metrics.intent(name)
            metrics.ended("connection-1", name, Outcome.NO_ANSWER, answered)
    for n in range(50):
        metrics.asked(f"connection-{n}", "accepted", 0.1)
        metrics.called_back(f"connection-{n}", "applied")
    metrics.called_back("made up", "unknown")
    metrics.show_slots(uses)
    metrics.show_circuits(dict.fromkeys(connections, False))
    metrics.show_pools([PoolFigures(name, 1, 1, 5, 5, ("tenant",)) for name in metrics.scopes.campaigns()])
    for queue in range(8):
        metrics.redeliveries.labels(f"outdial.attempts.{queue}")
    for task in range(20):
        metrics.task_failures.labels(f"task-{task}")
    return metrics


def test_the_largest_installation_we_promise_stays_below_three_thousand_series() -> None:
    series = [line for line in worst_case().exposition().decode().splitlines() if not line.startswith("#")]
    assert 1_000 < len(series) < 3_000
    assert not [line for line in series if "made up" in line]


def test_names_that_are_not_in_the_catalogue_never_become_labels() -> None:
    metrics = Metrics()
    metrics.know({"acme-us": "twilio"}, [])
    metrics.called_back("../../etc", "unknown")
    metrics.called_back(None, "unknown")
    metrics.asked("gone", "accepted", 0.1)
    value = metrics.registry.get_sample_value
    unknown = {"provider": "_unknown", "connection": "_unknown"}
    assert value("outdial_callbacks_total", {**unknown, "result": "unknown"}) == 2
    assert value("outdial_create_requests_total", {**unknown, "result": "accepted"}) == 1
    assert (
        value("outdial_create_requests_total", {"provider": "twilio", "connection": "acme-us", "result": "refused"})
        == 0
    )


def test_a_busy_campaign_takes_the_series_of_an_idle_one() -> None:
    metrics = Metrics(most_campaigns=2)
    value = metrics.registry.get_sample_value
    for name in ("spring", "summer", "autumn"):
        metrics.intent(name)
    assert value("outdial_intents_total", {"campaign": "_other"}) == 1
    metrics.scopes.admit(["autumn", "summer"])
    assert sorted(metrics.scopes.campaigns()) == ["autumn", "summer"]
    assert value("outdial_intents_total", {"campaign": "spring"}) is None
    metrics.intent("autumn")
    assert value("outdial_intents_total", {"campaign": "autumn"}) == 1
    metrics.know({}, ["autumn"])
    assert metrics.scopes.campaigns() == ("autumn",)
    metrics.scopes.admit([])
    assert metrics.scopes.campaigns() == ("autumn",), "nobody needs its place"


def test_pools_are_shown_as_they_are_now() -> None:
    metrics = Metrics()
    spring, summer = (
        PoolFigures("spring", 5, 2, 8, 3, ("tenant",), {"usable": 4}),
        PoolFigures("summer", 1, 1, None, None),
    )
    metrics.show_pools([spring, summer])
    metrics.show_pools([summer])
    value = metrics.registry.get_sample_value
    assert value("outdial_pool_waiting_attempts", {"campaign": "summer"}) == 1
    assert value("outdial_pool_ceiling", {"campaign": "summer"}) is None
    assert value("outdial_pool_binds", {"campaign": "spring", "by": "tenant"}) is None
    assert value("outdial_pool_numbers", {"campaign": "summer", "state": "spam_flagged"}) == 0
