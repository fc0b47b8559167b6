"""One contact's own number: seen, set and cleared by an operator; who, when and why is kept (SPEC 3.3)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outdial.errors import BadInput
from outdial.operator.named import find_number
from outdial.operator.number_status import standing
from outdial.operator.snapshot import SPAM_THRESHOLD, Snapshot, one_moment, read_snapshot
from outdial.ports.messages import OutgoingEvent
from outdial.postgres import catalogue, settle
from outdial.postgres import sticky as store
from outdial.postgres.bundle import run
from outdial.postgres.plan import assignment_of, lock
from outdial.postgres.pool import translate_errors
from outdial.redaction import mask_number
from outdial.rules.capacity import LimitKey, LimitKind
from outdial.rules.catalogue_rows import CatalogueWrites, NumberRow
from outdial.rules.events import sticky_order_event, timestamp
from outdial.rules.ids import E164, CampaignId, NumberId
from outdial.rules.phone import geography, normalize
from outdial.rules.policy import CampaignPolicy
from outdial.rules.pool import SkipReason
from outdial.rules.sticky import Assignment, Saw, Void, consult, why_void
from outdial.rules.waits import AttemptFacts

if TYPE_CHECKING:
    import asyncpg

_VOID = {
    Void.SWITCHED_OFF: "void: sticky is or was switched off, or the campaign was cleared, since it was made",
    Void.NOT_IN_POOL: "void: its number has left the pool since it was made",
    Void.EXPIRED: "void: its life time is over",
}


@dataclass(frozen=True, slots=True)
class StickyLine:
    """A contact's number in one campaign. `usable`: the next call comes from it, room on its connection given.

    `from_number` None = the number is gone from the catalogue; `expires_at` None = for ever; `because`: why not usable.
    """

    campaign: str
    tenant: str
    contact: str
    contact_masked: str
    number: str
    from_number: str | None
    bound_by: str
    bound_at: float
    expires_at: float | None
    usable: bool
    because: str | None


@dataclass(frozen=True, slots=True)
class StickySet:
    """What an order did. `before`: the assignment that held until then, None = none."""

    before: StickyLine | None
    after: StickyLine


@dataclass(frozen=True, slots=True)
class CampaignCleared:
    """All assignments of a campaign went. `count`: those that held."""

    campaign: str
    count: int


async def contact_assignments(
    pool: asyncpg.Pool, contact: str, campaign: str | None = None, *, spam_threshold: float = SPAM_THRESHOLD
) -> tuple[StickyLine, ...]:
    """The contact's numbers in all campaigns, or in one. Raises `NotFound` (the campaign) and `BadInput`."""
    to = normalize(contact, field="contact")
    async with one_moment(pool) as connection:
        rows = await store.of_contact(connection, to, campaign)
        of = {row["campaign"] for row in rows} | ({campaign} if campaign is not None else set())
        snapshot = await read_snapshot(connection, spam_threshold=spam_threshold, of=of)
        if campaign is not None:
            snapshot.view(campaign)
    return tuple(_line(snapshot, row["campaign"], to, assignment_of(row), spam_threshold) for row in rows)


async def set_assignment(
    pool: asyncpg.Pool, campaign: str, contact: str, number: str, *, who: str, why: str,
    spam_threshold: float = SPAM_THRESHOLD,
) -> StickySet:  # fmt: skip
    """Let the contact be called from that number from now on. Raises `NotFound` and `BadInput`."""
    to = normalize(contact, field="contact")
    async with _order(pool, campaign, spam_threshold) as (connection, snapshot):
        policy = snapshot.view(campaign).policy
        if not policy.sticky.enabled:
            raise BadInput("campaign", f"sticky is off for {campaign!r}", "apply sticky.enabled = true first")
        member = _member(snapshot, campaign, number)
        row = await store.one(connection, campaign, to)
        at = await _record(connection, "sticky.set", campaign, who, why, to, row, member)
        expires_at = at + policy.sticky.ttl_s if policy.sticky.ttl_s else None
        made = Assignment(member, policy.sticky_epoch, at, expires_at, who)
        await run(connection, settle.write_assignments({(policy.campaign, to): made}))
        before = _held(snapshot, campaign, to, row, spam_threshold)
        after = _line(snapshot, campaign, to, made, spam_threshold)
        previous = before.number if before is not None and before.number != member else None
        told = {"to": to, "number": member, "from": after.from_number, "previous": previous}
        await _tell(connection, policy, "moved" if previous else "bound", at, who, why, told)
    return StickySet(before, after)


async def clear_assignment(
    pool: asyncpg.Pool, campaign: str, contact: str, *, who: str, why: str, spam_threshold: float = SPAM_THRESHOLD
) -> StickyLine | None:
    """Forget the contact's number; a call under way from it does not bring it back. Returns what held until then.

    Raises `NotFound` and `BadInput`.
    """
    to = normalize(contact, field="contact")
    async with _order(pool, campaign, spam_threshold) as (connection, snapshot):
        row = await store.one(connection, campaign, to)
        if row is None:
            return None
        await store.clear(connection, campaign, to)
        at = await _record(connection, "sticky.clear", campaign, who, why, to, row, None)
        before = _held(snapshot, campaign, to, row, spam_threshold)
        if before is not None:
            told = {"to": to, "number": None, "previous": before.number}
            await _tell(connection, snapshot.view(campaign).policy, "cleared", at, who, why, told)
    return before


async def count_assignments(pool: asyncpg.Pool, campaign: str) -> int:
    """How many assignments of the campaign hold now. Raises `NotFound`."""
    async with one_moment(pool) as connection:
        (await read_snapshot(connection, spam_threshold=SPAM_THRESHOLD, of=[campaign])).view(campaign)
        return await _count(connection, CampaignId(campaign))


async def clear_campaign(pool: asyncpg.Pool, campaign: str, *, who: str, why: str) -> CampaignCleared:
    """All contacts of the campaign start afresh, at once and however many they are. Raises `NotFound`.

    Calls under way do not bind any more. The rows themselves are deleted after the commit, in small statements.
    """
    of = CampaignId(campaign)
    async with _order(pool, campaign, SPAM_THRESHOLD) as (connection, snapshot):
        policy, count = snapshot.view(campaign).policy, await _count(connection, of)
        await store.raise_epoch(connection, of)
        detail = {"epoch": [policy.sticky_epoch, policy.sticky_epoch + 1], "count": count}
        at = await catalogue.record_change(
            connection, who=who, why=why, action="sticky.clear_all", subject=f"campaign/{campaign}", detail=detail
        )
        await _tell(connection, policy, "cleared", at, who, why, {"to": None, "count": count})
    with translate_errors():
        async with pool.acquire() as connection:
            await catalogue.purge_voided(connection, CatalogueWrites(epochs_raised=(of,)))
    return CampaignCleared(campaign, count)


async def _count(connection: Any, campaign: CampaignId) -> int:
    counted = await catalogue.count_voided(connection, CatalogueWrites(epochs_raised=(campaign,)))
    return counted.get(campaign, 0)


# --- An order --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _order(pool: asyncpg.Pool, campaign: str, spam_threshold: float) -> AsyncIterator[tuple[Any, Snapshot]]:
    """One transaction on a catalogue that stands still, under the lock that all changes of the assignments take."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            await catalogue.lock_catalogue(connection)
            snapshot = await read_snapshot(connection, spam_threshold=spam_threshold, of=[campaign])
            tenant = snapshot.view(campaign).policy.tenant
            await lock(connection, [LimitKey(LimitKind.TENANT, tenant)])
            yield connection, snapshot


async def _record(
    connection: Any, action: str, campaign: str, who: str, why: str, contact: E164, before: Assignment | None,
    after: NumberId | None,
) -> float:  # fmt: skip
    """Who, when, why, before and after; returns when."""
    was = None
    if before is not None:
        was = {"number": before.number, "bound_by": before.bound_by, "bound_at": timestamp(before.bound_at)}
    detail = {"contact": contact, "before": was, "after": {"number": after} if after is not None else None}
    subject = f"campaign/{campaign}"
    return await catalogue.record(connection, who=who, why=why, action=action, subject=subject, detail=detail)


async def _tell(
    connection: Any, policy: CampaignPolicy, kind: str, at: float, who: str, why: str, told: Mapping[str, object]
) -> None:
    made = sticky_order_event(policy.tenant, policy.campaign, kind, at, {**told, "by": who, "why": why})
    await run(connection, settle.insert_events([OutgoingEvent(*made)], at, grace_s=0.0))


# --- As it stands ----------------------------------------------------------------------------------------------------


def _member(snapshot: Snapshot, campaign: str, number: str) -> NumberId:
    """A number of the campaign's pool by its name or E.164."""
    name = find_number(snapshot.rows, number)
    if snapshot.view(campaign).index.member(name) is None:
        raise BadInput(
            "number", f"{name} is not in the pool of {campaign!r}", "outdial health CAMPAIGN lists its numbers"
        )
    return name


def _held(
    snapshot: Snapshot, campaign: str, contact: E164, assignment: Assignment | None, threshold: float
) -> StickyLine | None:
    """The assignment, if it still held."""
    if assignment is None:
        return None
    view = snapshot.view(campaign)
    member = view.index.member(assignment.number)
    if why_void(assignment, view.policy, member.added_at if member else None, snapshot.at) is not None:
        return None
    return _line(snapshot, campaign, contact, assignment, threshold)


def _line(snapshot: Snapshot, campaign: str, contact: E164, assignment: Assignment, threshold: float) -> StickyLine:
    view = snapshot.view(campaign)
    member = view.index.member(assignment.number)
    facts = AttemptFacts(geography(contact))
    seen = consult(assignment, member, facts, view.policy, busy=(), has_instruction=True, now=snapshot.at)
    number = snapshot.rows.numbers.get(assignment.number)
    because = None
    if seen.saw is Saw.VOID:
        because = _VOID[Void(seen.why)]
    elif seen.saw is Saw.UNUSABLE and number is not None:
        because = _because(snapshot, number, CampaignId(campaign), seen.why, threshold)
    return StickyLine(
        campaign=campaign,
        tenant=view.policy.tenant,
        contact=contact,
        contact_masked=mask_number(contact),
        number=assignment.number,
        from_number=number.e164 if number is not None else None,
        bound_by=assignment.bound_by,
        bound_at=assignment.bound_at,
        expires_at=assignment.expires_at,
        usable=seen.saw is Saw.USED,
        because=because,
    )


def _because(snapshot: Snapshot, number: NumberRow, campaign: CampaignId, why: str, threshold: float) -> str:
    if why == SkipReason.COUNTRY_NOT_ALLOWED:
        return "the number must not call this country"
    member = snapshot.rows.members[campaign, number.number]
    said = standing(number, member, snapshot.weights, snapshot.at, threshold, ()).because
    return said or why.replace("_", " ")
