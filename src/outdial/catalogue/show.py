"""The catalogue as it stands, in the form of a catalogue file: `outdial apply` takes it back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from outdial.catalogue.model import TABLES, Table
from outdial.catalogue.toml_text import document
from outdial.rules.catalogue_rows import (
    CampaignRow,
    CatalogueRows,
    ConnectionRow,
    Kind,
    MemberRow,
    NumberRow,
    TenantRow,
)

Tables = dict[str, dict[str, dict[str, Any]]]


def tables(rows: CatalogueRows, kinds: Collection[Kind] = tuple(Kind)) -> Tables:
    """`{"campaigns": {"spring": {...}}}`; what is unset is left out. In the order of the references."""
    pools: dict[str, list[MemberRow]] = {}
    for member in rows.members.values():
        pools.setdefault(member.campaign, []).append(member)
    everything: Tables = {
        Kind.TENANT: {name: _tenant(row) for name, row in rows.tenants.items()},
        Kind.CONNECTION: {name: _connection(row) for name, row in rows.connections.items()},
        Kind.NUMBER: {name: _number(row) for name, row in rows.numbers.items()},
        Kind.CAMPAIGN: {name: _campaign(row, pools.get(name, [])) for name, row in rows.campaigns.items()},
    }
    return {
        kind.value: {name: _ordered(table, TABLES[kind]) for name, table in everything[kind].items()}
        for kind in Kind
        if kind in kinds and everything[kind]
    }


def _ordered(table: Mapping[str, Any], model: type[Table]) -> dict[str, Any]:
    """Keys in the order of the reference, which PostgreSQL's JSON does not keep; unknown ones last."""
    order = {key: place for place, key in enumerate(model.model_fields)}
    for key, windows in table.items():
        if key == "calling_hours" and isinstance(windows, list):
            table = {**table, key: [{part: window[part] for part in ("days", "start", "end")} for window in windows]}
    return {key: table[key] for key in sorted(table, key=lambda key: (order.get(key, len(order)), key))}


def named(everything: Tables, name: str) -> Tables:
    """Only the things of this name, or of `kind.name`."""
    kind, _, rest = name.partition(".")
    picked = {of: {n: t for n, t in things.items() if n == (rest or name)} for of, things in everything.items()}
    return {of: things for of, things in picked.items() if things and (not rest or of == kind)}


def as_toml(shown: Mapping[str, Mapping[str, Mapping[str, object]]]) -> str:
    """The text of a catalogue file."""
    return document(shown)


def _tenant(row: TenantRow) -> dict[str, Any]:
    return _set({"max_calls": row.max_calls, "paused": row.paused or None}, row.settings)


def _connection(row: ConnectionRow) -> dict[str, Any]:
    columns = {"provider": row.provider, "max_calls": row.max_calls, "calls_per_second": row.calls_per_second}
    return _set({**columns, "paused": row.paused or None}, row.settings)


def _number(row: NumberRow) -> dict[str, Any]:
    columns = {"e164": row.e164, "tenant": row.tenant, "connection": row.connection}
    state = None if row.state == "active" else row.state.value
    return _set({**columns, "state": state, "paused": row.paused or None}, row.settings)


def _campaign(row: CampaignRow, members: list[MemberRow]) -> dict[str, Any]:
    columns = {
        "tenant": row.tenant,
        "primary": row.primary,
        "pool": [_member(member) for member in members],
        "max_calls": row.max_calls,
        "paused": row.paused or None,
    }
    return _set(columns, row.settings)


def _member(row: MemberRow) -> str | dict[str, Any]:
    if row.base_weight == 1.0 and not row.paused:
        return row.number
    entry: dict[str, Any] = {"number": row.number, "base_weight": row.base_weight}
    return {**entry, "paused": True} if row.paused else entry


def _set(columns: Mapping[str, object], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (*columns.items(), *settings.items()) if value is not None}
