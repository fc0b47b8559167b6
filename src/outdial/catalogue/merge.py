"""The catalogue as it would stand after a file: what stands, the file's keys laid over it, and what is wrong with that.

Pure. Only what the file names is touched, key by key; a `pool` in the file is the whole pool. With `prune`, every
tenant, connection, number and campaign that the file does not name goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from outdial.catalogue.model import NESTED
from outdial.catalogue.pools import check_references, lay_pool
from outdial.catalogue.problems import Problem, masked
from outdial.catalogue.read import CatalogueFile, Entry
from outdial.rules.catalogue_rows import (
    CampaignRow,
    CatalogueRows,
    ConnectionRow,
    Kind,
    MemberKey,
    MemberRow,
    NumberRow,
    NumberState,
    Settings,
    TenantRow,
)
from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId, TenantId

_COLUMNS: Mapping[Kind, frozenset[str]] = {
    Kind.TENANT: frozenset({"max_calls", "paused"}),
    Kind.CONNECTION: frozenset({"provider", "max_calls", "calls_per_second", "paused"}),
    Kind.NUMBER: frozenset({"e164", "tenant", "connection", "state", "paused"}),
    Kind.CAMPAIGN: frozenset({"tenant", "primary", "pool", "max_calls", "paused"}),
}
"""Keys that are columns; all others are settings."""
_NEEDED: Mapping[Kind, tuple[tuple[str, str], ...]] = {
    Kind.TENANT: (),
    Kind.CONNECTION: (("provider", 'for example provider = "twilio"'), ("max_calls", "for example max_calls = 20")),
    Kind.NUMBER: (
        ("e164", 'for example e164 = "+12025550143"'),
        ("tenant", 'for example tenant = "acme"'),
        ("connection", 'for example connection = "acme-us"'),
    ),
    Kind.CAMPAIGN: (("tenant", 'for example tenant = "acme"'), ("primary", 'for example primary = "us-1"')),
}
_FIXED: Mapping[Kind, tuple[tuple[str, str], ...]] = {
    Kind.TENANT: (),
    Kind.CONNECTION: (("provider", "make a new connection and move its numbers there"),),
    Kind.NUMBER: (
        ("e164", "give the new phone number a name of its own, and take this one out of the pools"),
        ("tenant", "make a number of another name for that tenant"),
    ),
    Kind.CAMPAIGN: (("tenant", "make a campaign of another name for that tenant"),),
}
"""What a thing cannot change, because its history would then be told of something else; and what to do instead."""

Name = TypeVar("Name", TenantId, ConnectionId, NumberId, CampaignId)
Row = TypeVar("Row", TenantRow, ConnectionRow, NumberRow, CampaignRow)


@dataclass(slots=True)
class _Draft:
    """The wanted rows while they are being put together."""

    tenants: dict[TenantId, TenantRow]
    connections: dict[ConnectionId, ConnectionRow]
    numbers: dict[NumberId, NumberRow]
    campaigns: dict[CampaignId, CampaignRow]
    members: dict[MemberKey, MemberRow]
    problems: list[Problem] = field(default_factory=list)

    def rows(self, version: int) -> CatalogueRows:
        return CatalogueRows(version, self.tenants, self.connections, self.numbers, self.campaigns, self.members)


def merge(
    current: CatalogueRows, file: CatalogueFile, *, prune: bool = False
) -> tuple[CatalogueRows, tuple[Problem, ...]]:
    """The wanted catalogue, and what is wrong with it (then it must not be applied)."""
    draft = _Draft(
        dict(current.tenants),
        dict(current.connections),
        dict(current.numbers),
        dict(current.campaigns),
        dict(current.members),
    )
    if prune:
        _prune(draft, file)
    _lay_over(file, Kind.TENANT, draft.tenants, _tenant, draft.problems)
    _lay_over(file, Kind.CONNECTION, draft.connections, _connection, draft.problems)
    _lay_over(file, Kind.NUMBER, draft.numbers, _number, draft.problems)
    _lay_over(file, Kind.CAMPAIGN, draft.campaigns, _campaign, draft.problems)
    for entry in file.of(Kind.CAMPAIGN):
        _lay_pool(draft, entry)
    wanted = draft.rows(current.version)
    return wanted, (*draft.problems, *check_references(wanted, file))


def _prune(draft: _Draft, file: CatalogueFile) -> None:
    draft.tenants = _named(file, Kind.TENANT, draft.tenants)
    draft.connections = _named(file, Kind.CONNECTION, draft.connections)
    draft.numbers = _named(file, Kind.NUMBER, draft.numbers)
    draft.campaigns = _named(file, Kind.CAMPAIGN, draft.campaigns)
    draft.members = {key: row for key, row in draft.members.items() if key[0] in draft.campaigns}


def _named(file: CatalogueFile, kind: Kind, rows: dict[Name, Row]) -> dict[Name, Row]:
    return {name: row for name, row in rows.items() if (kind, str(name)) in file.entries}


def _lay_pool(draft: _Draft, entry: Entry) -> None:
    campaign = draft.campaigns.get(CampaignId(entry.name))
    if campaign is not None:
        pool = lay_pool(entry, campaign, draft.members, draft.problems)
        for key in [key for key in draft.members if key[0] == campaign.campaign]:
            del draft.members[key]
        draft.members.update({(campaign.campaign, number): row for number, row in pool.items()})


def _lay_over(
    file: CatalogueFile,
    kind: Kind,
    rows: dict[Any, Row],
    build: Callable[[Entry, Row | None, Settings], Row],
    problems: list[Problem],
) -> None:
    """Each entry over the row of its name; one that lacks something, or changes what is fixed, is left out."""
    for entry in file.of(kind):
        current = rows.get(entry.name)
        found = list(_missing(entry)) if current is None else list(_changed(entry, current))
        problems += found
        if not found:
            settings: Settings = {} if current is None else current.settings
            rows[entry.name] = build(entry, current, _settings(entry, settings))


def _missing(entry: Entry) -> list[Problem]:
    return [
        Problem(f"{entry.where}.{key}", "", f"is missing, and the {entry.kind.singular} is new", cure)
        for key, cure in _NEEDED[entry.kind]
        if key not in entry.values
    ]


def _changed(entry: Entry, current: TenantRow | ConnectionRow | NumberRow | CampaignRow) -> list[Problem]:
    found = []
    for key, cure in _FIXED[entry.kind]:
        old, new = getattr(current, key), entry.values.get(key)
        if new is not None and new != old:
            shown = (masked(new), masked(old)) if key == "e164" else (new, old)
            found.append(Problem(f"{entry.where}.{key}", f'"{shown[0]}"', f'is "{shown[1]}" and cannot change', cure))
    if entry.kind is Kind.CONNECTION and ("max_calls",) in entry.resets:
        found.append(Problem(f"{entry.where}.max_calls", '"default"', "has no default", "write how many calls at once"))
    return found


def _settings(entry: Entry, current: Settings) -> dict[str, Any]:
    """The stored settings with the entry's keys over them; tables inside are merged key by key."""
    merged: dict[str, Any] = dict(current)
    for key, value in entry.values.items():
        if key not in _COLUMNS[entry.kind]:
            merged[key] = {**merged.get(key, {}), **value} if key in NESTED else value
    for path in entry.resets:
        if len(path) == 1:
            merged.pop(path[0], None)
        elif path[0] in merged:
            merged[path[0]] = {key: value for key, value in merged[path[0]].items() if key != path[1]}
    return {key: value for key, value in merged.items() if not (key in NESTED and not value)}


def _column(entry: Entry, key: str, current: Any, default: Any) -> Any:
    """The entry's value, or what stands, or (new, or set back) the default."""
    if key in entry.values:
        return entry.values[key]
    return default if current is None or (key,) in entry.resets else getattr(current, key)


def _tenant(entry: Entry, current: TenantRow | None, settings: Settings) -> TenantRow:
    return TenantRow(
        TenantId(entry.name),
        _column(entry, "max_calls", current, None),
        _column(entry, "paused", current, False),
        settings,
    )


def _connection(entry: Entry, current: ConnectionRow | None, settings: Settings) -> ConnectionRow:
    rate = _column(entry, "calls_per_second", current, None)
    return ConnectionRow(
        ConnectionId(entry.name),
        _column(entry, "provider", current, ""),
        _column(entry, "max_calls", current, 0),
        None if rate is None else float(rate),
        _column(entry, "paused", current, False),
        settings,
    )


def _number(entry: Entry, current: NumberRow | None, settings: Settings) -> NumberRow:
    return NumberRow(
        NumberId(entry.name),
        E164(_column(entry, "e164", current, "")),
        TenantId(_column(entry, "tenant", current, "")),
        ConnectionId(_column(entry, "connection", current, "")),
        NumberState(_column(entry, "state", current, NumberState.ACTIVE)),
        _column(entry, "paused", current, False),
        settings,
    )


def _campaign(entry: Entry, current: CampaignRow | None, settings: Settings) -> CampaignRow:
    return CampaignRow(
        CampaignId(entry.name),
        TenantId(_column(entry, "tenant", current, "")),
        NumberId(_column(entry, "primary", current, "")),
        _column(entry, "max_calls", current, None),
        _column(entry, "paused", current, False),
        1 if current is None else current.sticky_epoch,
        settings,
    )
