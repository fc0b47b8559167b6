"""Tenants, connections, numbers and campaigns as they stand in the catalogue, and changes of single keys (SPEC 9).

A change goes the way of a catalogue file: the same checks, the same plan, the same audit log. Only the keys that are
sent change; null sets a key back to its default.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from outdial.catalogue.apply import Proposal, apply, propose
from outdial.catalogue.policies import complete
from outdial.catalogue.read import DEFAULT, read_document
from outdial.catalogue.show import tables
from outdial.errors import NotFound, Permanent
from outdial.operator.plain import as_data
from outdial.operator.snapshot import catalogue_now
from outdial.postgres.pool import translate_errors
from outdial.rules.catalogue_rows import CatalogueRows, Kind
from outdial.rules.ids import CampaignId

if TYPE_CHECKING:
    import asyncpg

REQUEST: Final = "request"
"""What the change is called where messages name the file."""


class SomebodyElseChanged(Permanent):
    """It is not any more as the one who changes it has seen it."""

    code = "changed_meanwhile"


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing of the catalogue. `written`: what somebody has set; `effective`: with all defaults, of campaigns only.

    `etag`: changes with `written`, and only then.
    """

    kind: str
    name: str
    etag: str
    written: Mapping[str, Any]
    effective: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Things:
    """All of a kind, by name, at one version of the catalogue."""

    version: int
    things: tuple[Thing, ...]


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key of one thing; None = its default. `pool.us-2` is a membership."""

    kind: str
    name: str
    action: str
    key: str
    old: Any
    new: Any


@dataclass(frozen=True, slots=True)
class ThingsChange:
    """What a change does, or would do when it is not `applied`. `sticky_voided`: assignments lost, by campaign."""

    applied: bool
    version: int
    changes: tuple[KeyChange, ...]
    sticky_voided: Mapping[str, int]
    suppressions_lost: Mapping[str, int]


async def list_things(pool: asyncpg.Pool, kind: Kind) -> Things:
    """All of a kind."""
    rows = await _load(pool)
    return Things(rows.version, tuple(_things(rows, kind)))


async def read_thing(pool: asyncpg.Pool, kind: Kind, name: str) -> Thing:
    """One of them. Raises `NotFound`."""
    return _one(await _load(pool), kind, name)


async def change_thing(
    pool: asyncpg.Pool,
    kind: Kind,
    name: str,
    keys: Mapping[str, Any],
    *,
    who: str,
    why: str,
    if_match: str | None = None,
    dry_run: bool = False,
) -> ThingsChange:
    """Change some keys of one thing. `if_match`: the etag that it must still have.

    Raises `NotFound`, `SomebodyElseChanged`, and `BadCatalogue` with every problem.
    """
    thing = await read_thing(pool, kind, name)
    if if_match is not None and if_match != thing.etag:
        raise SomebodyElseChanged(f"{kind.singular} {name!r} was changed meanwhile: look at it and change it again")
    document = {kind.value: {name: nulls_are_defaults(keys)}}
    return await change_catalogue(pool, document, who=who, why=why, dry_run=dry_run, seen=(thing,))


async def change_catalogue(
    pool: asyncpg.Pool,
    document: Mapping[str, Any],
    *,
    who: str,
    why: str,
    prune: bool = False,
    dry_run: bool = False,
    seen: Sequence[Thing] = (),
) -> ThingsChange:
    """Lay a whole document over the catalogue, all or nothing. `seen`: things that must still be like that."""
    file = read_document(document, REQUEST)
    proposal = await propose(pool, file, prune=prune)
    if dry_run or proposal.changes_nothing:
        return _change(proposal, applied=False)
    await _still(pool, seen)
    done = await apply(pool, file, prune=prune, who=who, why=why, agreed=proposal)
    return _change(done, applied=True)


async def change_members(
    pool: asyncpg.Pool,
    campaign: str,
    *,
    put: Mapping[str, Mapping[str, Any]],
    remove: Sequence[str] = (),
    who: str,
    why: str,
    dry_run: bool = False,
) -> ThingsChange:
    """Add numbers to a pool, change their weight or pause there, take some out. `put`: number -> what to change of it.

    Raises `NotFound`, `CatalogueMoved` and `BadCatalogue`.
    """
    thing = await read_thing(pool, Kind.CAMPAIGN, campaign)
    entries = {_number(entry): entry for entry in thing.written["pool"]}
    if missing := [number for number in remove if number not in entries]:
        raise NotFound(f"the pool of {campaign!r} has no number {missing[0]!r}")
    members: dict[str, dict[str, Any]] = {
        number: {} if isinstance(entry, str) else dict(entry) for number, entry in entries.items()
    }
    for number, changed in put.items():
        members[number] = {**members.get(number, {}), **changed}
    kept = [{**entry, "number": number} for number, entry in members.items() if number not in set(remove)]
    document = {Kind.CAMPAIGN.value: {campaign: {"pool": kept}}}
    return await change_catalogue(pool, document, who=who, why=why, dry_run=dry_run, seen=(thing,))


def _number(entry: str | Mapping[str, Any]) -> str:
    return entry if isinstance(entry, str) else str(entry["number"])


def nulls_are_defaults(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Null is JSON's way of saying "default", in tables inside, too."""
    return {
        key: DEFAULT if value is None else nulls_are_defaults(value) if isinstance(value, Mapping) else value
        for key, value in keys.items()
    }


async def _load(pool: asyncpg.Pool) -> CatalogueRows:
    with translate_errors():
        async with pool.acquire() as connection:
            return await catalogue_now(connection)


async def _still(pool: asyncpg.Pool, seen: Sequence[Thing]) -> None:
    """`apply` compares the plans; this catches what another plan would not show, such as a key changed and not sent."""
    if seen:
        rows = await _load(pool)
        for thing in seen:
            if _one(rows, Kind(thing.kind), thing.name).etag != thing.etag:
                raise SomebodyElseChanged(f"{thing.name!r} was changed meanwhile: look at it and change it again")


def _one(rows: CatalogueRows, kind: Kind, name: str) -> Thing:
    only: dict[str, Any] = {kind.value: {of: row for of, row in getattr(rows, kind.value).items() if of == name}}
    for thing in _things(replace(rows, **only), kind):
        return thing
    raise NotFound(f"there is no {kind.singular} named {name!r}")


def _things(rows: CatalogueRows, kind: Kind) -> list[Thing]:
    campaigns = rows.campaigns if kind is Kind.CAMPAIGN else {}
    rows = replace(rows, members={key: row for key, row in rows.members.items() if row.campaign in campaigns})
    return [
        Thing(
            kind=kind.value,
            name=name,
            etag=sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16],
            written=written,
            effective=as_data(complete(campaigns[CampaignId(name)])) if campaigns else None,
        )
        for name, written in sorted(tables(rows, (kind,)).get(kind.value, {}).items())
    ]


def _change(proposal: Proposal, *, applied: bool) -> ThingsChange:
    return ThingsChange(
        applied=applied,
        version=proposal.version,
        changes=tuple(
            KeyChange(change.kind.value, change.name, change.action.value, one.key, one.old, one.new)
            for change in proposal.plan.changes
            for one in change.fields
        ),
        sticky_voided=dict(proposal.sticky_voided),
        suppressions_lost=dict(proposal.suppressions_lost),
    )
