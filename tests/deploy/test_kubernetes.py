"""The manifests: every overlay renders, is valid against Kubernetes' schemas, and keeps the rules that matter."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from outdial.rules.callback_address import CALLBACK_ROUTE
from outdial.settings.model import Settings
from outdial.telemetry.metrics import Metrics
from tests.deploy.kustomize import FOLDER, OVERLAYS, Resource, containers_of, pod_of, render

CLOSING_S = 5 + 5 + 5 + 5 + 5 + 10 + 5
"""Deadlines around the drain when a replica stops (cli/run.py, app.py): admin port, consuming, the drain's own margin,
background tasks, broker, database, internal port."""
OWN_SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES = "1.37"
HASH = re.compile(r"-[a-z0-9]{10}$")


@cache
def rendered(overlay: str) -> list[Resource]:
    """Once per overlay; not to be changed."""
    return render(FOLDER / "overlays" / overlay)


def of_kind(overlay: str, kind: str, name: str) -> Any:
    """The one resource."""
    (found,) = (r for r in rendered(overlay) if (r["kind"], r["metadata"]["name"]) == (kind, name))
    return found


def daemon(overlay: str) -> Any:
    """The daemon's container."""
    (container,) = containers_of(of_kind(overlay, "Deployment", "outdial"))
    return container


def port_of(container: Any) -> dict[str, int]:
    """Ports by name."""
    return {port["name"]: port["containerPort"] for port in container["ports"]}


def settings_of(overlay: str) -> Settings:
    """The settings of a replica as far as the manifests say: file, then environment."""
    values = tomllib.loads(of_kind(overlay, "ConfigMap", "outdial-config")["data"]["config.toml"])
    for variable in daemon(overlay)["env"]:
        group, _, key = variable["name"].removeprefix("OUTDIAL_").lower().partition("__")
        if key:
            values.setdefault(group, {})[key] = variable["value"]
        elif group != "config":
            values[group] = variable["value"]
    return Settings.model_validate(values)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_is_valid(overlay: str) -> None:
    for resource in rendered(overlay):
        own = OWN_SCHEMAS / f"{resource['kind']}.yaml"
        if own.exists():
            jsonschema.validate(resource, yaml.safe_load(own.read_text()))
        else:
            kubernetes_validate.validate(resource, KUBERNETES, strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubectl_renders_the_same(overlay: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        return  # our own rendering is tested; there is nothing to compare it with
    done = subprocess.run([kubectl, "kustomize", FOLDER / "overlays" / overlay], capture_output=True, check=True)
    text = re.sub(r"(?<=name: )(outdial(?:-\w+)?)-[a-z0-9]{10}$", r"\1", done.stdout.decode(), flags=re.MULTILINE)
    text = re.sub(r"(?<=secretName: )(outdial)-[a-z0-9]{10}$", r"\1", text, flags=re.MULTILINE)
    theirs = {name_of(resource): resource for resource in yaml.safe_load_all(text)}
    ours = {name_of(resource): resource for resource in rendered(overlay)}
    assert set(theirs) == set(ours)
    for name, resource in theirs.items():
        if resource["kind"] == "Secret":
            resource = {**resource, "data": {k: base64.b64decode(v).decode() for k, v in resource["data"].items()}}
            del resource["type"]
        assert resource == ours[name]


def name_of(resource: Resource) -> tuple[str, str]:
    """Kind and name."""
    return resource["kind"], resource["metadata"]["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_grace_period_is_longer_than_a_replica_needs_to_stop(overlay: str) -> None:
    pod = pod_of(of_kind(overlay, "Deployment", "outdial"))
    before = daemon(overlay)["lifecycle"]["preStop"]["sleep"]["seconds"]
    drain = settings_of(overlay).dispatch.drain_s
    assert pod["terminationGracePeriodSeconds"] > before + drain + CLOSING_S


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ports_are_those_of_the_settings(overlay: str) -> None:
    settings, ports = settings_of(overlay), port_of(daemon(overlay))
    wanted: dict[str, Any] = {"callbacks": settings.callbacks, "internal": settings.internal}
    assert settings.admin.enabled == ("admin" in ports)
    if settings.admin.enabled:
        wanted["admin"] = settings.admin
    assert ports == {name: group.port for name, group in wanted.items()}
    assert {group.host for group in wanted.values()} == {"0.0.0.0"}
    assert len(set(ports.values())) == len(ports)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_probes_ask_what_the_internal_port_answers(overlay: str) -> None:
    container = daemon(overlay)
    paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert paths == {
        "startup": {"path": "/healthz/startup", "port": "internal"},
        "liveness": {"path": "/healthz/live", "port": "internal"},
        "readiness": {"path": "/healthz/ready", "port": "internal"},
    }
    settings = settings_of(overlay)
    assert container["readinessProbe"]["timeoutSeconds"] > settings.internal.check_timeout_s
    # A stalled loop is reported before it is killed for.
    assert container["livenessProbe"]["failureThreshold"] >= 3


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize(("kind", "name"), [("Deployment", "outdial"), ("Job", "outdial-migrate")])
def test_outdial_runs_with_as_few_rights_as_can_be(overlay: str, kind: str, name: str) -> None:
    pod = pod_of(of_kind(overlay, kind, name))
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")} <= {"/tmp"}


@pytest.mark.parametrize("overlay", [name for name in OVERLAYS if name != "dev"])
def test_production_opens_each_port_to_whom_it_is_for_only(overlay: str) -> None:
    assert settings_of(overlay).profile == "production"
    ingresses = [r for r in rendered(overlay) if r["kind"] == "Ingress"]
    (path,) = (path for r in ingresses for rule in r["spec"]["rules"] for path in rule["http"]["paths"])
    assert CALLBACK_ROUTE.startswith(path["path"] + "/")
    assert path["backend"]["service"] == {"name": "outdial-callbacks", "port": {"name": "callbacks"}}
    services = {r["metadata"]["name"]: r["spec"]["ports"] for r in rendered(overlay) if r["kind"] == "Service"}
    targets = {name: [port["targetPort"] for port in ports] for name, ports in services.items()}
    assert targets == {"outdial-callbacks": ["callbacks"], "outdial-admin": ["admin"]}
    opened: dict[str, set[str]] = {}
    for policy in (r for r in rendered(overlay) if r["kind"] == "NetworkPolicy"):
        for rule in policy["spec"].get("ingress", []):
            for port in rule["ports"]:
                opened.setdefault(port["port"], set()).update(
                    source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for source in rule["from"]
                )
    assert opened == {"callbacks": {"ingress-nginx"}, "internal": {"monitoring"}, "admin": {"operations"}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_selectors_find_the_daemon(overlay: str) -> None:
    labels = of_kind(overlay, "Deployment", "outdial")["spec"]["template"]["metadata"]["labels"]
    for resource in rendered(overlay):
        if resource["kind"] in {"PodMonitor", "PodDisruptionBudget"}:
            assert resource["spec"]["selector"]["matchLabels"] == labels
        if resource["kind"] == "Service" and resource["metadata"]["name"].startswith("outdial"):
            assert resource["spec"]["selector"] == labels


@pytest.mark.parametrize("overlay", ["keda", "hpa"])
def test_who_scales_is_alone_and_keeps_two(overlay: str) -> None:
    assert "replicas" not in of_kind(overlay, "Deployment", "outdial")["spec"]
    scalers = [r for r in rendered(overlay) if r["kind"] in {"ScaledObject", "HorizontalPodAutoscaler"}]
    assert len(scalers) == 1
    spec = scalers[0]["spec"]
    assert (spec.get("minReplicas") or spec.get("minReplicaCount")) >= 2


def test_keda_asks_for_metrics_that_exist() -> None:
    (trigger,) = of_kind("keda", "ScaledObject", "outdial")["spec"]["triggers"]
    text = Metrics().exposition().decode()
    for metric in re.findall(r"\boutdial_[a-z_]+", trigger["metadata"]["query"]):
        assert f"# TYPE {metric} gauge" in text


def test_secrets_are_named_and_hold_the_address_of_the_migrator_apart() -> None:
    sources = pod_of(of_kind("prod", "Job", "outdial-migrate"))["volumes"][1]["projected"]["sources"]
    assert sources[0] == {"secret": {"name": "outdial-migrate"}}
    assert [item["key"] for item in sources[1]["secret"]["items"]] == ["rabbitmq__url"]
