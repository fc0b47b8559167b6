"""The part of kustomize that deploy/kubernetes uses, strictly: for machines without kubectl, and held against it where it is.

JSON patches only. A patch whose target or path is not there is an error, and so is every key that is not known here.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "kubernetes"
OVERLAYS = sorted(path.parent.name for path in FOLDER.glob("overlays/*/kustomization.yaml"))
KNOWN = {
    "apiVersion", "kind", "resources", "components", "patches", "images", "namespace", "configMapGenerator", "secretGenerator",
}  # fmt: skip
CLUSTER_WIDE = {"Namespace"}

Resource = dict[str, Any]


def render(folder: Path) -> list[Resource]:
    """All resources of an overlay. Generated names stay without their hash."""
    return _apply(folder, [])


def _apply(folder: Path, resources: list[Resource]) -> list[Resource]:
    """`resources`: what a component finds, empty for the others."""
    (wanted,) = documents(folder / "kustomization.yaml")
    assert set(wanted) <= KNOWN, f"{folder}: {set(wanted) - KNOWN}"
    for name in wanted.get("resources", []):
        path = (folder / name).resolve()
        resources += render(path) if path.is_dir() else list(documents(path))
    resources += [_generated("ConfigMap", one, folder) for one in wanted.get("configMapGenerator", [])]
    resources += [_generated("Secret", one, folder) for one in wanted.get("secretGenerator", [])]
    for name in wanted.get("components", []):
        _apply((folder / name).resolve(), resources)
    for patch in wanted.get("patches", []):
        found = [r for r in resources if patch["target"] == {"kind": r["kind"], "name": r["metadata"]["name"]}]
        assert found, f"{folder}: nothing is called {patch['target']}"
        for resource in found:
            for operation in yaml.safe_load(patch["patch"]):
                _patch(resource, **operation)
    for image in wanted.get("images", []):
        _name_images(resources, image)
    if "namespace" in wanted:
        for resource in resources:
            if resource["kind"] not in CLUSTER_WIDE:
                resource["metadata"]["namespace"] = wanted["namespace"]
    return resources


def documents(path: Path) -> Iterator[Resource]:
    """A file's documents, anchors resolved into copies."""
    yield from (copy.deepcopy(document) for document in yaml.safe_load_all(path.read_text(encoding="utf-8")))


def containers_of(resource: Resource) -> list[dict[str, Any]]:
    """Of whatever makes pods; empty for the rest."""
    return list(pod_of(resource).get("containers", []))


def pod_of(resource: Resource) -> dict[str, Any]:
    """The pod's spec; empty for what makes no pods."""
    template: dict[str, Any] = resource.get("spec", {}).get("template", {})
    return dict(template.get("spec", {}))


def _generated(kind: str, wanted: dict[str, Any], folder: Path) -> Resource:
    data = {Path(file).name: (folder / file).read_text(encoding="utf-8") for file in wanted.get("files", [])}
    data |= dict(literal.split("=", 1) for literal in wanted.get("literals", []))
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": wanted["name"]}, "data": data}


def _patch(resource: Resource, op: str, path: str, value: Any = None) -> None:
    *way, last = path.lstrip("/").split("/")
    place: Any = resource
    for part in way:
        place = place[int(part) if isinstance(place, list) else part]
    if isinstance(place, list):
        assert (op, last) == ("add", "-"), f"{op} {path}: lists are only added to"
        place.append(value)
    elif op == "remove":
        del place[last]
    else:
        assert (last in place) == (op == "replace"), f"{op} {path}: replace what is there, add what is not"
        place[last] = value


def _name_images(resources: list[Resource], image: dict[str, str]) -> None:
    for resource in resources:
        for container in containers_of(resource):
            if container["image"] == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"
