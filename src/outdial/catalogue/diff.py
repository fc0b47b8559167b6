"""What a change of the catalogue does: things added, changed and removed, key by key, and the rows that say so.

Pure: two catalogues in, a plan out. The plan is what an operator reads before agreeing to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from outdial.catalogue.model import NESTED
from outdial.catalogue.policies import sticky_enabled
from outdial.catalogue.problems import masked
from outdial.rules.catalogue_rows import (
    AuditEntry,
    CatalogueRows,
    CatalogueWrites,
    Kind,
    MemberKey,
    NumberState,
)
from outdial.rules.ids import CampaignId, NumberId


class Action(StrEnum):
    """What becomes of a thing."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One key; None = unset (the default holds). `pool.us-2` stands for a membership: its weight and pause, or None."""

    key: str
    old: object
    new: object


@dataclass(frozen=True, slots=True)
class Change:
    """One thing."""

    action: Action
    kind: Kind
    name: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """`writes` is what `changes` means for the rows; both are empty when nothing changes."""

    changes: tuple[Change, ...]
    writes: CatalogueWrites

    def count(self, action: Action) -> int:
        """How many things are added, changed or removed."""
        return sum(change.action is action for change in self.changes)


def diff(current: CatalogueRows, wanted: CatalogueRows) -> Plan:
    """The plan that turns one into the other. Raises a campaign's sticky epoch where sticky is switched off."""
    raised = tuple(sorted(_switched_off(current, wanted)))
    epochs = {
        name: replace(wanted.campaigns[name], sticky_epoch=current.campaigns[name].sticky_epoch + 1) for name in raised
    }
    wanted = replace(wanted, campaigns={**wanted.campaigns, **epochs})
    changes = tuple(_changes(current, wanted))
    return Plan(changes, _writes(current, wanted, changes, raised))


def _switched_off(current: CatalogueRows, wanted: CatalogueRows) -> Iterator[CampaignId]:
    for name, row in wanted.campaigns.items():
        before = current.campaigns.get(name)
        if before is not None and sticky_enabled(before.settings) and not sticky_enabled(row.settings):
            yield name


def _changes(current: CatalogueRows, wanted: CatalogueRows) -> Iterator[Change]:
    for kind in Kind:
        before, after = _things(current, kind), _things(wanted, kind)
        for name in sorted(before.keys() | after.keys()):
            old, new = before.get(name, {}), after.get(name, {})
            fields = tuple(
                FieldChange(key, old.get(key), new.get(key))
                for key in [*new, *(key for key in old if key not in new)]
                if old.get(key) != new.get(key)
            )
            if name not in before:
                yield Change(Action.ADDED, kind, name, fields)
            elif name not in after:
                yield Change(Action.REMOVED, kind, name, ())
            elif fields:
                yield Change(Action.CHANGED, kind, name, fields)


def _things(rows: CatalogueRows, kind: Kind) -> dict[str, dict[str, object]]:
    """All of one kind, flat: dotted key -> value; what is unset is left out."""
    if kind is Kind.TENANT:
        return {
            str(t.tenant): _flat({"max_calls": t.max_calls, "paused": t.paused}, t.settings)
            for t in rows.tenants.values()
        }
    if kind is Kind.CONNECTION:
        return {
            str(c.connection): _flat(
                {
                    "provider": c.provider,
                    "max_calls": c.max_calls,
                    "calls_per_second": c.calls_per_second,
                    "paused": c.paused,
                },
                c.settings,
            )
            for c in rows.connections.values()
        }
    if kind is Kind.NUMBER:
        return {
            str(n.number): _flat(
                {
                    "e164": masked(n.e164),
                    "tenant": n.tenant,
                    "connection": n.connection,
                    "state": n.state.value,
                    "paused": n.paused,
                },
                n.settings,
            )
            for n in rows.numbers.values()
        }
    things = {
        str(c.campaign): _flat(
            {"tenant": c.tenant, "primary": c.primary, "max_calls": c.max_calls, "paused": c.paused}, c.settings
        )
        for c in rows.campaigns.values()
    }
    for (campaign, number), member in rows.members.items():
        things[str(campaign)][f"pool.{number}"] = {"base_weight": member.base_weight, "paused": member.paused}
    return things


_QUIET: Mapping[str, object] = {"paused": False, "state": "active"}
"""Not worth a line where it is the ordinary case; a change from or to it still is one."""


def _flat(columns: Mapping[str, object], settings: Mapping[str, Any]) -> dict[str, object]:
    flat = {key: value for key, value in columns.items() if value is not None and _QUIET.get(key) != value}
    for key, value in settings.items():
        if key in NESTED and isinstance(value, Mapping):
            flat |= {f"{key}.{inner}": one for inner, one in value.items()}
        else:
            flat[key] = value
    return flat


def _writes(
    current: CatalogueRows, wanted: CatalogueRows, changes: tuple[Change, ...], raised: tuple[CampaignId, ...]
) -> CatalogueWrites:
    gone_members = tuple(sorted(key for key in current.members if key not in wanted.members))
    kept = set(wanted.campaigns)
    released = tuple(sorted(_memberships(wanted, _released(current, wanted))))
    writes = CatalogueWrites(
        save_tenants=tuple(row for name, row in sorted(wanted.tenants.items()) if current.tenants.get(name) != row),
        save_connections=tuple(
            row for name, row in sorted(wanted.connections.items()) if current.connections.get(name) != row
        ),
        save_numbers=tuple(row for name, row in sorted(wanted.numbers.items()) if current.numbers.get(name) != row),
        save_campaigns=tuple(
            row for name, row in sorted(wanted.campaigns.items()) if current.campaigns.get(name) != row
        ),
        save_members=tuple(row for key, row in sorted(wanted.members.items()) if current.members.get(key) != row),
        drop_tenants=tuple(sorted(current.tenants.keys() - wanted.tenants.keys())),
        drop_connections=tuple(sorted(current.connections.keys() - wanted.connections.keys())),
        drop_numbers=tuple(sorted(current.numbers.keys() - wanted.numbers.keys())),
        drop_campaigns=tuple(sorted(current.campaigns.keys() - wanted.campaigns.keys())),
        drop_members=gone_members,
        leaving=tuple(sorted({*(key for key in gone_members if key[0] in kept), *released})),
        rejoin=released,
        epochs_raised=raised,
        audit=tuple(_audit(change) for change in changes),
    )
    return replace(writes, locks=_locks(current, writes))


def _released(current: CatalogueRows, wanted: CatalogueRows) -> Iterator[NumberId]:
    for name, row in wanted.numbers.items():
        before = current.numbers.get(name)
        if before and before.state is not NumberState.RELEASED and row.state is NumberState.RELEASED:
            yield name


def _memberships(rows: CatalogueRows, numbers: Iterator[NumberId]) -> Iterator[MemberKey]:
    names = set(numbers)
    return (key for key in rows.members if key[1] in names)


def _locks(current: CatalogueRows, writes: CatalogueWrites) -> tuple[tuple[str, str], ...]:
    """Of everything that is changed, with the tenants whose calls and assignments it concerns."""
    campaigns = {row.campaign for row in writes.save_campaigns} | {row.campaign for row in writes.save_members}
    campaigns |= {*writes.drop_campaigns, *(key[0] for key in writes.drop_members)}
    numbers = {row.number for row in writes.save_numbers} | set(writes.drop_numbers)
    tenants = {row.tenant for row in writes.save_tenants} | set(writes.drop_tenants)
    tenants |= {current.campaigns[name].tenant for name in campaigns if name in current.campaigns}
    tenants |= {current.numbers[name].tenant for name in numbers if name in current.numbers}
    connections = {row.connection for row in writes.save_connections} | set(writes.drop_connections)
    return tuple(
        sorted(
            [
                *(("campaign", str(name)) for name in campaigns),
                *(("connection", str(name)) for name in connections),
                *(("tenant", str(name)) for name in tenants),
            ]
        )
    )


def _audit(change: Change) -> AuditEntry:
    fields = {one.key: [_json(one.old), _json(one.new)] for one in change.fields}
    return AuditEntry(f"apply.{change.action}", f"{change.kind.singular}/{change.name}", fields)


def _json(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else value
