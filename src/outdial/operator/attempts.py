"""Which attempts there are, newest first, page by page: state, number, lock marker, tier, outcome, blocker (SPEC 9)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from outdial.errors import BadInput, NotFound
from outdial.operator.true_blockers import TrueBlockers, read_true_blockers
from outdial.postgres.pool import translate_errors
from outdial.postgres.reports import attempts as reports
from outdial.redaction import mask_number
from outdial.rules.attempt import AttemptState
from outdial.rules.blocker import Blocker
from outdial.rules.outcome import Ending, Outcome
from outdial.rules.phone import normalize
from outdial.rules.pool import Tier

LOCK_TEXT: Final = "Sticky – number locked to this contact after answered call"
"""What the lock beside a from-number says, wherever it is shown."""
MOST: Final = 1_000
"""Attempts of one page at most."""
STATES: Final = tuple(state.value for state in AttemptState)
OUTCOMES: Final = tuple(sorted({one.value for one in (*Outcome, *Ending)}))
BLOCKERS: Final = tuple(blocker.value for blocker in Blocker)
_END_OF_TIME: Final = 253_402_300_799.0
_CURSOR: Final = re.compile(r"([0-9]{1,18})-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


@dataclass(frozen=True, slots=True)
class AttemptQuery:
    """What to list: of a campaign, or of a whole tenant. None and empty = whatever it is; several values: any of them.

    `number`: a name or E.164; `since`, `until`: when it was received, Unix seconds, `until` exclusive; `after`: the
    cursor that the page before ended with.
    """

    campaign: str | None = None
    tenant: str | None = None
    states: Collection[str] = ()
    contact: str | None = None
    number: str | None = None
    outcomes: Collection[str] = ()
    blockers: Collection[str] = ()
    since: float | None = None
    until: float | None = None
    limit: int = 50
    after: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptLine:
    """One attempt as lists show it. Times in Unix seconds; what does not apply to its state is None.

    `locked`: it was called from the number that was the contact's own (`lock_text` says so to a person).
    """

    attempt_id: UUID
    tenant: str
    campaign: str
    state: str
    contact: str
    contact_masked: str
    contact_id: str | None
    attempt_no: int | None
    number: str | None
    from_number: str | None
    connection: str | None
    locked: bool
    lock_text: str | None
    tier: str | None
    outcome: str | None
    reason: str
    corrections: int
    blocker: str | None
    blocked_since: float | None
    next_eligible_at: float | None
    received_at: float
    due_at: float | None
    not_after: float | None
    intent_at: float | None
    accepted_at: float | None
    ringing_at: float | None
    answered_at: float | None
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """One page; `next_after` None = there is no further one."""

    attempts: tuple[AttemptLine, ...]
    next_after: str | None


async def list_attempts(pool: asyncpg.Pool, query: AttemptQuery) -> AttemptPage:
    """One page of attempts. Raises `BadInput` and `NotFound`."""
    check(query)
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            tenant, campaigns = await _whose(connection, query)
            blockers = await read_true_blockers(connection, tenant, campaigns)
            keys = await reports.keys(connection, await _page(connection, query, tenant, campaigns, blockers))
            shown = keys[: query.limit]
            rows = await reports.details(connection, tenant, [attempt_id for _, attempt_id in shown])
    more = len(keys) > query.limit
    return AttemptPage(tuple(line_of(row, blockers) for row in rows), cursor(*shown[-1]) if more else None)


def check(query: AttemptQuery) -> None:
    """Refuse what contradicts itself or does not exist, before the database is asked. Raises `BadInput`."""
    if query.campaign is None and query.tenant is None:
        raise BadInput("campaign", "is missing", "name a campaign, or a tenant")
    if not 1 <= query.limit <= MOST:
        raise BadInput("limit", f"{query.limit} is not between 1 and {MOST}", "page on with the cursor")
    _known("state", query.states, STATES)
    _known("outcome", query.outcomes, OUTCOMES)
    _known("blocker", query.blockers, BLOCKERS)
    if query.since is not None and query.until is not None and query.since >= query.until:
        raise BadInput("since", "is not before until", "swap them")
    if not _states(query):
        asked = "an outcome and a blocker" if query.outcomes and query.blockers else "a state that has none"
        raise BadInput("outcome" if query.outcomes else "blocker", f"is asked together with {asked}", "leave one out")
    if query.number is not None and _states(query) == {AttemptState.WAITING.value}:
        raise BadInput("number", "an attempt that waits has no number yet", "leave the number or the state out")


def _known(field: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    for value in given:
        if value not in known:
            raise BadInput(field, f'"{value}" does not exist', f"one of {', '.join(known)}")


def _states(query: AttemptQuery) -> frozenset[str]:
    """The states that can answer it: only ended attempts have an outcome, only waiting ones a blocker."""
    states = frozenset(query.states or STATES)
    if query.outcomes:
        states &= {AttemptState.ENDED.value}
    if query.blockers:
        states &= {AttemptState.WAITING.value}
    return states


async def _page(
    connection: Any, query: AttemptQuery, tenant: str, campaigns: Sequence[str], blockers: TrueBlockers
) -> reports.Page:
    before = _read_cursor(query.after) if query.after is not None else (query.until or _END_OF_TIME, reports.FIRST)
    return reports.Page(
        tenant=tenant,
        campaigns=campaigns,
        before=before,
        since=query.since or 0.0,
        at_most=query.limit + 1,
        states=_states(query),
        outcomes=sorted(query.outcomes) or OUTCOMES,
        waits=blockers.stored_as(query.blockers or BLOCKERS),
        contact=normalize(query.contact, field="contact") if query.contact is not None else None,
        number=await _number(connection, query.number, tenant) if query.number is not None else None,
        is_whole=not (query.states or query.outcomes or query.blockers),
    )


async def _whose(connection: Any, query: AttemptQuery) -> tuple[str, list[str]]:
    """The tenant, and which of its campaigns. With the tenant named, the campaign need not exist (any more)."""
    if query.campaign is None:
        assert query.tenant is not None
        if not await reports.knows_tenant(connection, query.tenant):
            raise NotFound(f"there is no tenant named {query.tenant!r} (outdial show tenants)")
        return query.tenant, await reports.campaigns(connection, query.tenant)
    if query.tenant is not None:
        return query.tenant, [query.campaign]
    tenant = await reports.owner(connection, query.campaign)
    if tenant is None:
        cure = "outdial show campaigns; of one that was removed, name the tenant too"
        raise NotFound(f"there is no campaign named {query.campaign!r} ({cure})")
    return tenant, [query.campaign]


async def _number(connection: Any, number: str, tenant: str) -> str:
    digits = normalize(number, field="number") if number.startswith("+") else number
    row = await reports.number_named(connection, digits)
    if row is None:
        shown = mask_number(number) if number.startswith("+") else repr(number)
        raise NotFound(f"there is no number {shown} (outdial show numbers)")
    if row["tenant"] != tenant:
        raise BadInput("number", f'"{row["number"]}" belongs to another tenant', f'name a number of "{tenant}"')
    return str(row["number"])


def cursor(received_at: float, attempt_id: UUID) -> str:
    """Where a page ended."""
    return f"{round(received_at * 1_000_000)}-{attempt_id}"


def _read_cursor(text: str) -> tuple[float, UUID]:
    match = _CURSOR.fullmatch(text)
    if match is None or int(match[1]) > _END_OF_TIME * 1_000_000:
        raise BadInput("after", "is not a cursor", "take it from the end of the page before")
    return int(match[1]) / 1_000_000, UUID(match[2])


def line_of(row: Mapping[str, Any], blockers: TrueBlockers) -> AttemptLine:
    """A row of `details` as a value. `blockers`: read of its campaign, among others."""
    waits = blockers.of(row["campaign"], row["blocker"], row["next_eligible_at"]) if row["blocker"] else None
    locked = row["tier"] == Tier.STICKY.value
    return AttemptLine(
        attempt_id=row["attempt_id"],
        tenant=row["tenant"],
        campaign=row["campaign"],
        state=row["state"],
        contact=row["contact"],
        contact_masked=mask_number(row["contact"]),
        contact_id=row["contact_id"],
        attempt_no=row["attempt_no"],
        number=row["number"],
        from_number=row["e164"],
        connection=row["connection"],
        locked=locked,
        lock_text=LOCK_TEXT if locked else None,
        tier=row["tier"],
        outcome=row["outcome"],
        reason=row["reason"],
        corrections=row["corrections"],
        blocker=waits.blocker.value if waits else None,
        blocked_since=row["blocked_since"] if waits and waits.blocker == row["blocker"] else None,
        next_eligible_at=waits.next_eligible_at if waits else None,
        received_at=row["received_at"],
        due_at=row["due_at"],
        not_after=row["not_after"],
        intent_at=row["intent_at"],
        accepted_at=row["accepted_at"],
        ringing_at=row["ringing_at"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
    )
