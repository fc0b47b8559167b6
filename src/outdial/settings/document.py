"""The settings as documents: `config.toml` with every key, its meaning and its default, and the JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, get_args

from annotated_types import Ge, Gt, Le
from pydantic import SecretStr

from outdial.settings.known import SETTINGS, Known
from outdial.settings.model import Settings

_HEAD = """\
# outdial's settings. Every key is listed with its default; take the # away to change one.
#
# defaults < this file < secrets directory < environment. The environment variable of `url` in [database] is
# OUTDIAL_DATABASE__URL, its file in the secrets directory is database__url. Unknown names are refused everywhere.
# `outdial config check` prints what holds, and where it came from. Passwords do not belong in this file.
"""


def config_toml() -> str:
    """The text of the `config.toml` that ships."""
    return "\n".join([_HEAD, *_lines()]).rstrip() + "\n"


def _lines() -> Iterator[str]:
    group = ""
    for known in SETTINGS.values():
        if known.group != group:
            group = known.group
            about = (Settings.model_fields[group].annotation or Settings).__doc__ or ""
            yield f"\n# {about.strip()}\n[{group}]\n"
        yield from _described(known)


def _described(known: Known) -> Iterator[str]:
    unit = f" In {known.unit}." if known.unit else ""
    allowed = f" Allowed: {allowed_values(known)}." if allowed_values(known) else ""
    yield f"# {known.info.description}{unit}{allowed}"
    yield f"# Why: {known.why}."
    yield f"# {known.key} = {default_text(known)}\n"


def allowed_values(known: Known) -> str:
    """`from 1 to 60`, `json | console`; empty when any value of its type will do."""
    if choices := get_args(known.info.annotation):
        return " | ".join(map(str, choices))
    low, high = "", ""
    for rule in known.info.metadata:
        if isinstance(rule, Ge | Gt):
            low = f"from {rule.ge:,}" if isinstance(rule, Ge) else f"above {rule.gt:,}"
        elif isinstance(rule, Le):
            high = f"{rule.le:,}"
    return f"{low} to {high}" if high else low


def default_text(known: Known) -> str:
    """The default as TOML writes it."""
    value: Any = known.info.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(str(value))


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the settings, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Settings.model_json_schema()}
