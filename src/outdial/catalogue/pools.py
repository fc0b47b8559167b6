"""A campaign's pool after a file, and whether everything in the wanted catalogue refers to something that is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from outdial.catalogue.problems import Problem, masked
from outdial.catalogue.read import CatalogueFile, Entry
from outdial.rules.catalogue_rows import CampaignRow, CatalogueRows, Kind, MemberKey, MemberRow, NumberRow
from outdial.rules.ids import CampaignId, NumberId


def lay_pool(
    entry: Entry, campaign: CampaignRow, members: Mapping[MemberKey, MemberRow], problems: list[Problem]
) -> dict[NumberId, MemberRow]:
    """The campaign's members after the entry. `members`: all that stand now.

    A pool in the file is the whole pool; who stays keeps `added_at`, and what the file does not say of it. A primary
    that the file chooses joins; one chosen earlier must be kept in the pool, since taking it out may be a slip.
    """
    now = {number: row for (of, number), row in members.items() if of == campaign.campaign}
    pool = now
    if "pool" in entry.values:
        problems += _twice(entry)
        pool = {
            NumberId(one["number"]): _member(campaign.campaign, one, now.get(NumberId(one["number"])))
            for one in entry.values["pool"]
        }
    if campaign.primary not in pool and ("primary" in entry.values or "pool" not in entry.values):
        pool = {**pool, campaign.primary: _member(campaign.campaign, {"number": campaign.primary}, None)}
    if not pool:
        problems.append(Problem(f"{entry.where}.pool", "[]", "a pool needs at least one number", "name the primary"))
    elif campaign.primary not in pool:
        problems.append(
            Problem(
                f"{entry.where}.pool",
                "",
                f'the primary "{campaign.primary}" is not in it',
                "name it in the pool, or choose another primary",
            )
        )
    return pool


def _twice(entry: Entry) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, one in enumerate(entry.values["pool"]):
        if one["number"] in seen:
            where = f"{entry.where}.pool[{place}]"
            yield Problem(where, f'"{one["number"]}"', "stands in the pool twice", "take one out")
        seen.add(one["number"])


def _member(campaign: CampaignId, written: Mapping[str, Any], current: MemberRow | None) -> MemberRow:
    return MemberRow(
        campaign,
        NumberId(written["number"]),
        float(written.get("base_weight", current.base_weight if current else 1.0)),
        written.get("paused", current.paused if current else False),
        current.added_at if current else None,
    )


def check_references(wanted: CatalogueRows, file: CatalogueFile) -> Iterator[Problem]:
    """Every reference to something that is not there or belongs to another tenant, and every phone number used twice.

    What the file names but has its own problem counts as there: one mistake gives one message.
    """
    known = {
        Kind.TENANT: set(map(str, wanted.tenants)) | {entry.name for entry in file.of(Kind.TENANT)},
        Kind.CONNECTION: set(map(str, wanted.connections)) | {entry.name for entry in file.of(Kind.CONNECTION)},
        Kind.NUMBER: set(map(str, wanted.numbers)) | {entry.name for entry in file.of(Kind.NUMBER)},
    }
    for number in wanted.numbers.values():
        where = f"{Kind.NUMBER}.{number.number}"
        yield from _known(known, Kind.TENANT, number.tenant, f"{where}.tenant")
        yield from _known(known, Kind.CONNECTION, number.connection, f"{where}.connection")
    for campaign in wanted.campaigns.values():
        where = f"{Kind.CAMPAIGN}.{campaign.campaign}"
        yield from _known(known, Kind.TENANT, campaign.tenant, f"{where}.tenant")
        yield from _usable(known, wanted, campaign, campaign.primary, f"{where}.primary")
    for campaign_id, number_id in wanted.members:
        if (owner := wanted.campaigns.get(campaign_id)) and number_id != owner.primary:
            yield from _usable(known, wanted, owner, number_id, f"{Kind.CAMPAIGN}.{campaign_id}.pool")
    yield from _same_e164(wanted)


def _known(known: Mapping[Kind, set[str]], kind: Kind, name: str, where: str) -> Iterator[Problem]:
    if name not in known[kind]:
        what = f"there is no {kind.singular} of this name"
        yield Problem(where, f'"{name}"', what, f"mend the name, or add (or keep, when pruning) [{kind}.{name}]")


def _usable(
    known: Mapping[Kind, set[str]], wanted: CatalogueRows, campaign: CampaignRow, number: NumberId, where: str
) -> Iterator[Problem]:
    yield from _known(known, Kind.NUMBER, number, where)
    row = wanted.numbers.get(number)
    if row is not None and row.tenant != campaign.tenant:
        what = f'is a number of tenant "{row.tenant}", the campaign is of "{campaign.tenant}"'
        yield Problem(where, f'"{number}"', what, f'use a number of "{campaign.tenant}"')


def _same_e164(wanted: CatalogueRows) -> Iterator[Problem]:
    first: dict[str, NumberRow] = {}
    for row in wanted.numbers.values():
        other = first.setdefault(row.e164, row)
        if other is not row:
            what = f"is the phone number of numbers.{other.number} already"
            yield Problem(f"numbers.{row.number}.e164", f'"{masked(row.e164)}"', what, "a phone number has one name")
