"""Where settings come from: defaults < config.toml < secrets directory < environment, each read by itself.

Read one by one because an operator must be told where a value came from. The sources are pydantic-settings' own; what
they leave unsaid (a named file that is missing, a misspelt environment name or secret file) is said here.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NestedSecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from outdial.settings.known import ENVIRONMENT_ONLY, GROUPS, PREFIX, SETTINGS, TEST_PREFIX, nearest
from outdial.settings.model import Settings
from outdial.settings.problems import Problem

DEFAULT_FILE = Path("config.toml")
_SECRET_BYTES = 64 * 1024


class _AsSource(Settings, BaseSettings):
    """Only tells pydantic-settings the fields; it is never instantiated."""

    model_config = SettingsConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Layer:
    """The values of one source. `name`: as it is shown ("config.toml", "environment")."""

    name: str
    values: Mapping[str, Any]

    def flat(self) -> dict[str, Any]:
        """Path -> value: `{"database.url": …}`; what is no table where one belongs keeps its short path."""
        flat: dict[str, Any] = {}
        for key, value in self.values.items():
            if isinstance(value, Mapping) and key not in SETTINGS:
                flat |= {f"{key}.{inner}": inner_value for inner, inner_value in value.items()} or {key: value}
            else:
                flat[key] = value
        return flat


def place_of(layer: str, path: str) -> str:
    """Where exactly a value of that layer stands: the environment variable, the secret's file, or the file."""
    if layer == "environment":
        return f"environment {PREFIX}{path.replace('.', '__').upper()}"
    return f"{layer} file {path.replace('.', '__')}" if layer.startswith("secrets directory") else layer


def config_file(named: Path | None) -> tuple[Path | None, list[Problem]]:
    """The configuration file to read: the named one, $OUTDIAL_CONFIG, or `config.toml` here if there is one."""
    where = "--config" if named else "environment OUTDIAL_CONFIG"
    if not named and os.environ.get("OUTDIAL_CONFIG"):
        named = Path(os.environ["OUTDIAL_CONFIG"])
    if named is None:
        return (DEFAULT_FILE if DEFAULT_FILE.is_file() else None), []
    if named.is_file():
        return named, []
    return None, [Problem(where, "file", f'"{named}"', "there is no such file", "name an existing one, or none")]


def from_file(path: Path | None) -> tuple[Layer | None, list[Problem]]:
    """The TOML file's values."""
    if path is None:
        return None, []
    try:
        return Layer(str(path), TomlConfigSettingsSource(_AsSource, path)()), []
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        return None, [Problem(str(path), "syntax", "", f"this is no TOML: {error}", "mend that line")]
    except OSError as error:
        return None, [Problem(str(path), "file", "", f"cannot be read: {error.strerror}", "check its permissions")]


def from_secrets(directory: Path, *, named: bool) -> tuple[Layer | None, list[Problem]]:
    """The secrets directory's values. Files without `__` in their name are carriers' credentials and left alone."""
    where = f"secrets directory {directory}"
    if not directory.is_dir():
        missing = Problem(where, "secrets_dir", "", "there is no such directory", "mount it, or name another one")
        return None, [missing] if named else []
    problems = []
    files = {known.secret_file: known for known in SETTINGS.values()}
    for file in sorted(directory.iterdir()):
        if file.name.startswith(".") or "__" not in file.name:
            continue
        if file.name.lower() not in files:
            problems.append(Problem(where, file.name, "", "no setting is called so", nearest(file.name, files)))
        elif not file.is_file() or file.stat().st_size > _SECRET_BYTES:
            problems.append(Problem(where, file.name, "", "is no small file", "one file per secret"))
    if problems:
        return None, problems
    source = NestedSecretsSettingsSource(
        EnvSettingsSource(_AsSource), secrets_dir=directory, secrets_prefix="", secrets_nested_delimiter="__"
    )
    try:
        return Layer(where, _only_settings(source())), []
    except OSError as error:
        return None, [Problem(where, "files", "", f"cannot be read: {error.strerror}", "check their permissions")]


def from_environment() -> tuple[Layer, list[Problem]]:
    """The environment's values; names with our prefix that are nothing we know are problems."""
    problems = []
    names = {known.environment_name: known for known in SETTINGS.values()}
    for name in sorted(os.environ):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in names or upper in ENVIRONMENT_ONLY or upper.startswith(TEST_PREFIX):
            continue
        group = upper.removeprefix(PREFIX).lower()
        if group in GROUPS:
            cure = f"set one of its keys: {PREFIX}{upper.removeprefix(PREFIX)}__…"
            problems.append(Problem(f"environment {name}", group, "", "is a whole group", cure))
        else:
            problems.append(Problem(f"environment {name}", "", "", "no setting is called so", nearest(upper, names)))
    try:
        values = EnvSettingsSource(_AsSource, env_prefix=PREFIX, env_nested_delimiter="__")()
    except ValueError:  # a whole group that is no JSON; named above
        values = {}
    return Layer("environment", _only_settings(values)), problems


def _only_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without the keys that are no settings: those were complained about by their names already."""
    kept: dict[str, Any] = {}
    for path, value in Layer("", values).flat().items():
        if path in SETTINGS:
            group, _, key = path.rpartition(".")
            (kept.setdefault(group, {}) if group else kept)[key] = value
    return kept
