"""compose.yaml, read as far as that goes without an engine: what it mounts, names and sets is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from outdial.carrier import Scenario
from outdial.catalogue.read import read_catalogue
from outdial.settings.known import PREFIX, SETTINGS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_what_is_mounted_exists() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume


def test_every_setting_exists() -> None:
    known = {setting.environment_name for setting in SETTINGS.values()}
    names = {name for service in SERVICES.values() for name in service.get("environment", {})}
    assert {name for name in names if name.startswith(PREFIX)} <= known


def test_images_are_pinned_and_ports_stay_on_this_machine() -> None:
    for name, service in SERVICES.items():
        assert "build" in service or re.search(r":v?\d+\.\d+", service["image"]), name
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), f"{name}: {port}"


def test_a_stopping_daemon_gets_as_long_as_in_kubernetes() -> None:
    manifest = (DEPLOY / "kubernetes/base/daemon.yaml").read_text()
    assert f"terminationGracePeriodSeconds: {SERVICES['outdial']['stop_grace_period'].rstrip('s')}\n" in manifest


def test_the_catalogue_calls_through_an_account_of_the_carriers_example() -> None:
    from importlib import resources

    with resources.as_file(resources.files("outdial.carrier").joinpath("example_scenario.toml")) as path:
        accounts = {account.account_id: account for account in Scenario.from_file(path).accounts.values()}
    text = (DEPLOY / "compose.catalogue.toml").read_text()
    read_catalogue(text, "compose.catalogue.toml")
    (account,) = re.findall(r'account = "(AC\w+)"', text)
    assert accounts[account].auth_token == SERVICES["outdial"]["environment"]["TWILIO_AUTH_TOKEN"]
    assert f"max_calls = {accounts[account].limit}\n" in text


def test_grafana_finds_what_is_provisioned() -> None:
    mounts = dict(volume.split(":")[:2] for volume in SERVICES["grafana"]["volumes"])
    provider = yaml.safe_load((DEPLOY / "grafana/provisioning/dashboards/outdial.yml").read_text())["providers"][0]
    assert provider["options"]["path"] == mounts["./grafana/dashboards"]
    source = yaml.safe_load((DEPLOY / "grafana/provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    scraped = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())["scrape_configs"][0]
    assert scraped["static_configs"][0]["targets"] == ["outdial:9090"]
