"""Reads the settings of an installation: all sources, all problems at once, and where each value came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from outdial.settings.known import GROUPS, SETTINGS, nearest
from outdial.settings.model import Settings
from outdial.settings.problems import BadSettings, Problem, shown
from outdial.settings.production import problems_of_any_profile, problems_of_production
from outdial.settings.sources import (
    Layer,
    config_file,
    from_environment,
    from_file,
    from_secrets,
    place_of,
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and where they came from. `sources`: path -> place, for those that are not the default."""

    settings: Settings
    sources: dict[str, str]
    file: Path | None


def load_settings(config: Path | None = None) -> Settings:
    """The settings of this installation. `config`: as named by `--config`. Raises `BadSettings` with every problem."""
    return load(config).settings


def load(config: Path | None = None) -> Loaded:
    """As `load_settings`, with the source of each value."""
    file, problems = config_file(config)
    in_file, wrong = from_file(file)
    problems += wrong
    in_environment, wrong = from_environment()
    problems += wrong
    directory, named = _secrets_dir(in_file, in_environment)
    in_secrets, wrong = from_secrets(directory, named=named)
    problems += wrong
    layers = [layer for layer in (in_file, in_secrets, in_environment) if layer is not None]
    merged, sources = _merge(layers)
    settings, wrong = _validate(merged, sources)
    problems += wrong
    if settings is not None:
        problems += problems_of_any_profile(settings, sources)
        if settings.profile == "production":
            problems += problems_of_production(settings, sources, in_file.flat() if in_file else {})
    if problems or settings is None:
        raise BadSettings(problems)
    return Loaded(settings, sources, file)


def _secrets_dir(in_file: Layer | None, in_environment: Layer) -> tuple[Path, bool]:
    for layer in (in_environment, in_file):
        if layer is not None and isinstance(named := layer.values.get("secrets_dir"), str):
            return Path(named), True
    return Settings().secrets_dir, False


def _merge(layers: Sequence[Layer]) -> tuple[dict[str, Any], dict[str, str]]:
    """Later layers win key by key. Returns the merged tables, and the place of each path."""
    merged: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for layer in layers:
        for path, value in layer.flat().items():
            group, dot, key = path.partition(".")
            if dot and isinstance(merged.get(group, {}), dict):
                merged.setdefault(group, {})[key] = value
            else:
                merged[path] = value
            sources[path] = place_of(layer.name, path)
    return merged, sources


def _validate(merged: dict[str, Any], sources: dict[str, str]) -> tuple[Settings | None, list[Problem]]:
    try:
        return Settings.model_validate(merged), []
    except ValidationError as error:
        return None, list(_problems_of(error, merged, sources))


def _problems_of(error: ValidationError, merged: dict[str, Any], sources: dict[str, str]) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_context=False):
        path = ".".join(str(part) for part in detail["loc"][:2])
        known = SETTINGS.get(path)
        where = _place(path, sources)
        if detail["type"] == "extra_forbidden":
            yield Problem(where, path, "", "there is no such setting", nearest(path, _siblings(path)))
        elif known is None:
            yield Problem(where, path, "", "is a table of settings", f"write [{path}] and its keys below")
        else:
            value = shown(_value_at(merged, path), secret=known.is_secret)
            unit = f", in {known.unit}" if known.unit else ""
            cure = f"default {shown(known.info.default, secret=known.is_secret)}{unit}"
            yield Problem(where, path, value, detail["msg"][:1].lower() + detail["msg"][1:], cure)


def _place(path: str, sources: dict[str, str]) -> str:
    """Where the value, or the first value below it, was written."""
    return next((place for known, place in sources.items() if known == path or known.startswith(f"{path}.")), "")


def _siblings(path: str) -> list[str]:
    group, dot, _ = path.partition(".")
    if dot and group in GROUPS:
        return [known for known in SETTINGS if known.startswith(f"{group}.")]
    return [*GROUPS, *(known for known in SETTINGS if "." not in known)]


def _value_at(merged: dict[str, Any], path: str) -> object:
    value: Any = merged
    for part in path.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return value
