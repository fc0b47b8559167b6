"""docs/reference/catalogue.md, from the catalogue's model and the policies' defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import TypeAdapter

from outdial.catalogue.model import (
    CampaignTable,
    ConnectionTable,
    NumberTable,
    PoolEntry,
    RotationTable,
    SelectionTable,
    StickyTable,
    Table,
    TenantTable,
)
from outdial.catalogue.policies import complete
from outdial.rules.catalogue_rows import CampaignRow
from outdial.rules.ids import CampaignId, NumberId, TenantId
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "catalogue.md"

INTRODUCTION = """# Catalogue file

Tenants, connections, numbers, campaigns and pools, in TOML. This page is written from the code. `outdial apply FILE` shows
what the file changes and applies it in one transaction; `--dry-run` only shows it; `outdial show` prints what stands, as a
file that can be applied again. An example: `deploy/catalogue.example.toml`.

- Only the tables and keys that are in the file are touched. Several files may share the work.
- `key = "default"` sets a key back. Lists are replaced as a whole; the tables `sticky`, `selection`, `rotation`, `answer`,
  `credentials` and `options` are merged key by key.
- `--prune` removes what the file does not name, says what that voids, and asks.
- Names are small letters, digits, `-` and `_`, at most 63. Unknown keys are refused with the nearest known one, and every
  problem of a file is listed at once; nothing of a bad file is applied.
- Every change holds for the next pick on every replica. A limit that is lowered below what is in use stops new starts and
  harms no call under way.
"""

SECTIONS: Mapping[str, type[Table]] = {
    "tenants.NAME": TenantTable,
    "connections.NAME": ConnectionTable,
    "numbers.NAME": NumberTable,
    "campaigns.NAME": CampaignTable,
    "campaigns.NAME.pool": PoolEntry,
    "campaigns.NAME.sticky": StickyTable,
    "campaigns.NAME.selection": SelectionTable,
    "campaigns.NAME.rotation": RotationTable,
}
OF_A_NEW_ONE = {
    ConnectionTable: "A new connection needs `provider` and `max_calls`, and what its provider needs of `account`, `credentials` and "
    "`options`: [answer with your own application](../how-to/answer-with-your-own-application.md) and "
    "[the first real campaign](../how-to/first-real-campaign.md) show them.",
    NumberTable: "A new number needs `e164`, `tenant` and `connection`.",
    CampaignTable: "A new campaign needs `tenant` and `primary`.",
    PoolEntry: "An entry of `pool` is a number's name, or a table:",
    RotationTable: "What they do: [rotation](../explanation/rotation.md). The defaults were found by simulation; a campaign rarely needs others.",
    SelectionTable: "What they do: [selection](selection.md).",
    StickyTable: "What they do: [sticky numbers](../explanation/number-selection.md).",
}


def render() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(part for name, model in SECTIONS.items() for part in _section(name, model))])


def _section(name: str, model: type[Table]) -> Iterator[str]:
    yield f"## `[{name}]`\n" if model is not PoolEntry else "## Entries of `pool`\n"
    yield f"{' '.join((model.__doc__ or '').split())}\n"
    if model in OF_A_NEW_ONE:
        yield f"{OF_A_NEW_ONE[model]}\n"
    defaults = _defaults(name)
    schema = TypeAdapter(model).json_schema()
    rows = (
        (f"`{key}`", _kind(of, schema.get("$defs", {})), _default(defaults, key), *_told(model, key))
        for key, of in schema["properties"].items()
    )
    yield table(("key", "value", "default", "example", "meaning"), rows)


def _told(model: type[Table], key: str) -> tuple[str, str]:
    """Its example and its meaning."""
    field = model.model_fields[key]
    (example,) = field.examples or [None]
    return "" if example == {} else f"`{_toml(example)}`", field.description or ""


def _defaults(name: str) -> Mapping[str, Any]:
    """What holds where nothing is written; only campaigns have defaults that are worth a column."""
    every = complete(CampaignRow(CampaignId("c"), TenantId("t"), NumberId("n")))
    if name == "campaigns.NAME":
        return {key: value for key, value in every.items() if key not in {"primary", "sticky", "selection", "rotation"}}
    return dict(every.get(name.rpartition(".")[2], {})) if name.startswith("campaigns.NAME.") else {}


def _default(defaults: Mapping[str, Any], key: str) -> str:
    if defaults.get(key) is None or defaults[key] == {}:
        return ""
    return f"`{_toml(defaults[key])}`"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)


def _kind(of: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The type of a value in words, with its bounds."""
    if "anyOf" in of:
        return " or ".join(_kind(one, definitions) for one in of["anyOf"])
    if "$ref" in of:
        return "table"
    if "enum" in of or "const" in of:
        return " / ".join(f"`{_toml(one)}`" for one in of.get("enum", [of.get("const")]))
    match of.get("type"):
        case "array":
            return f"list of {_kind(of['items'], definitions)}"
        case "object":
            return "table"
        case "boolean":
            return "boolean"
        case "string":
            return "text"
        case kind:
            return f"{kind}{_bounds(of)}"


def _bounds(of: Mapping[str, Any]) -> str:
    low = f"{of['minimum']:,}" if "minimum" in of else f"above {of['exclusiveMinimum']:,}"
    return f", {low} to {of['maximum']:,}"
