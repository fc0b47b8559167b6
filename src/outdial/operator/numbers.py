"""What operators order about numbers: flags, clearing what a carrier showed, taking out of use, giving back.

Every order holds for the next pick on every replica, leaves an entry in the audit log and publishes an event.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from outdial.catalogue.diff import diff
from outdial.errors import BadInput
from outdial.operator.named import find_number
from outdial.operator.snapshot import SPAM_THRESHOLD, one_moment
from outdial.ports.messages import OutgoingEvent
from outdial.postgres import catalogue, settle
from outdial.postgres import numbers as store
from outdial.postgres.bundle import run
from outdial.postgres.numbers import NumberScore
from outdial.postgres.plan import lock
from outdial.postgres.pool import translate_errors
from outdial.rules.attempt import HealthReport
from outdial.rules.capacity import LimitKey, LimitKind
from outdial.rules.catalogue_rows import AuditEntry, CatalogueRows, CatalogueWrites, NumberRow, NumberState
from outdial.rules.events import number_event, timestamp
from outdial.rules.ids import NumberId

if TYPE_CHECKING:
    import asyncpg

_ACTIONS: Final[Mapping[NumberState, str]] = {
    NumberState.ACTIVE: "activate",
    NumberState.INACTIVE: "deactivate",
    NumberState.RELEASED: "release",
}
_LONGEST = 64
"""Characters of a source's name, as in messages of reputation services."""


@dataclass(frozen=True, slots=True)
class NumberScored:
    """A number's spam score before and after an order. `flagged`: it is at the `threshold` now, so it is in no draw."""

    number: str
    from_number: str
    before: float
    after: float
    flagged: bool
    threshold: float
    sources: tuple[str, ...]
    """Whose reports were written or forgotten."""


@dataclass(frozen=True, slots=True)
class NumberCleared:
    """What was forgotten: since when the carrier refused it and since when it was failing; None = it was not."""

    number: str
    from_number: str
    carrier_rejected_at: float | None
    failing_since: float | None


@dataclass(frozen=True, slots=True)
class StateChange:
    """What taking a number out of use, giving it back or taking it up again means.

    `contacts`: sticky assignments to it that hold, by campaign; they are `voided` by a release only, else they wait for
    the number. `primary_of`: campaigns whose last fallback it is; `last_of`: those without another active number.
    """

    number: str
    from_number: str
    before: str
    after: str
    contacts: Mapping[str, int]
    voided: bool
    primary_of: tuple[str, ...]
    last_of: tuple[str, ...]

    @property
    def changes_nothing(self) -> bool:
        """Whether it is so already."""
        return self.before == self.after


# --- Spam score ------------------------------------------------------------------------------------------------------


async def flag_number(
    pool: asyncpg.Pool, number: str, score: float, source: str, *, who: str, why: str,
    spam_threshold: float = SPAM_THRESHOLD,
) -> NumberScored:  # fmt: skip
    """Note a score from outside; it never decays. Raises `NotFound` and `BadInput`."""
    if not 0.0 <= score <= 1.0:
        raise BadInput("score", f"{score:g} is not between 0 and 1", "0 = clean, 1 = flagged as spam")
    if not 0 < len(source.strip()) <= _LONGEST:
        raise BadInput("source", f"{source[:20]!r} is no name", f"write 1 to {_LONGEST} characters")
    async with _order(pool, number) as (connection, row):
        said = HealthReport(row.number, score, source, why, row.tenant)
        before = await _score(connection, row)
        detail = {"score": score, "source": source, "before": before.score}
        at = await _record(connection, row, "flag", who, why, detail)
        await store.report(connection, [said], at, spam_threshold, grace_s=0.0)
        after = await _score(connection, row)
    return _scored(row, before, after, spam_threshold, (source,))


async def unflag_number(
    pool: asyncpg.Pool, number: str, source: str | None = None, *, who: str, why: str,
    spam_threshold: float = SPAM_THRESHOLD,
) -> NumberScored:  # fmt: skip
    """Forget what was reported (by `source`, None = by all, and then its own score too). Raises `NotFound`, `BadInput`."""
    async with _order(pool, number) as (connection, row):
        before = await _score(connection, row)
        dropped = await store.drop_reports(connection, row.number, source)
        if source is not None and not dropped:
            raise BadInput(
                "source", f"{source!r} has reported nothing", f"outdial health --number {row.number} lists them"
            )
        if source is None:
            await store.drop_own_score(connection, row.number)
        detail = {"sources": sorted(dropped), "before": before.score}
        at = await _record(connection, row, "unflag", who, why, detail)
        because = {row.number: HealthReport(row.number, 0.0, who, why, row.tenant)}
        await store.announce_turns(connection, {row.number: before}, at, spam_threshold, because, grace_s=0.0)
        after = await _score(connection, row)
    return _scored(row, before, after, spam_threshold, tuple(sorted(dropped)))


async def _score(connection: Any, row: NumberRow) -> NumberScore:
    return (await store.scores(connection, [row.number], await catalogue.read_time(connection)))[row.number]


def _scored(
    row: NumberRow, before: NumberScore, after: NumberScore, threshold: float, sources: tuple[str, ...]
) -> NumberScored:
    flagged = after.score >= threshold
    return NumberScored(row.number, row.e164, before.score, after.score, flagged, threshold, sources)


# --- What its carrier showed -----------------------------------------------------------------------------------------


async def clear_number(pool: asyncpg.Pool, number: str, *, who: str, why: str) -> NumberCleared:
    """Forget that its carrier refused the number or failed its calls: it may be drawn again. Raises `NotFound`."""
    async with _order(pool, number) as (connection, row):
        before = await _score(connection, row)
        was = {"carrier_rejected": before.carrier_rejected_at, "failing": before.failing_since}
        detail = {name: timestamp(at) for name, at in was.items() if at is not None}
        if detail:
            await store.clear_health(connection, row.number)
            at = await _record(connection, row, "clear", who, why, detail, bumped=True)
            await _tell(connection, row, "cleared", at, who, why)
    return NumberCleared(row.number, row.e164, before.carrier_rejected_at, before.failing_since)


# --- In use or not ---------------------------------------------------------------------------------------------------


async def propose_state(pool: asyncpg.Pool, number: str, state: NumberState) -> StateChange:
    """What it would mean; changes nothing. Raises `NotFound` and `BadInput`."""
    async with one_moment(pool) as connection:
        rows = await catalogue.load_catalogue(connection)
        row = rows.numbers[find_number(rows, number)]
        return await _meaning(connection, rows, row, state)


async def set_state(pool: asyncpg.Pool, number: str, state: NumberState, *, who: str, why: str) -> StateChange:
    """Take it out of use, give it back, or take it up again. Calls under way go on to their end. Raises `NotFound`."""
    with translate_errors():
        async with pool.acquire() as connection:
            async with connection.transaction():
                await catalogue.lock_catalogue(connection)
                rows = await catalogue.load_catalogue(connection)
                row = rows.numbers[find_number(rows, number)]
                change = await _meaning(connection, rows, row, state)
                if change.changes_nothing:
                    return change
                writes = _writes(rows, row, change, state)
                await catalogue.write_catalogue(connection, writes, who=who, why=why)
                await _tell(connection, row, f"{_ACTIONS[state]}d", await catalogue.read_time(connection), who, why)
            await catalogue.purge_voided(connection, writes)
    return change


def _writes(rows: CatalogueRows, row: NumberRow, change: StateChange, state: NumberState) -> CatalogueWrites:
    wanted = replace(rows, numbers={**rows.numbers, row.number: replace(row, state=state)})
    detail = {"state": [change.before, change.after], "contacts": dict(change.contacts), "voided": change.voided}
    entry = AuditEntry(f"number.{_ACTIONS[state]}", f"number/{row.number}", detail)
    return replace(diff(rows, wanted).writes, audit=(entry,))


async def _meaning(connection: Any, rows: CatalogueRows, row: NumberRow, state: NumberState) -> StateChange:
    of = sorted(campaign for campaign, number in rows.members if number == row.number)
    touched = CatalogueWrites(leaving=tuple((campaign, row.number) for campaign in of))
    return StateChange(
        number=row.number,
        from_number=row.e164,
        before=row.state.value,
        after=state.value,
        contacts=await catalogue.count_voided(connection, touched),
        voided=state is NumberState.RELEASED,
        primary_of=tuple(name for name in of if rows.campaigns[name].primary == row.number),
        last_of=tuple(name for name in of if not _others_active(rows, name, row.number)),
    )


def _others_active(rows: CatalogueRows, campaign: str, but: NumberId) -> bool:
    return any(
        rows.numbers[number].state is NumberState.ACTIVE
        for of, number in rows.members
        if of == campaign and number != but
    )


# --- An order --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _order(pool: asyncpg.Pool, number: str) -> AsyncIterator[tuple[Any, NumberRow]]:
    """One transaction under the locks that changes of the catalogue and settling calls take."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            await catalogue.lock_catalogue(connection)
            rows = await catalogue.load_catalogue(connection)
            row = rows.numbers[find_number(rows, number)]
            await lock(connection, [LimitKey(LimitKind.TENANT, row.tenant)])
            yield connection, row


async def _record(
    connection: Any, row: NumberRow, action: str, who: str, why: str, detail: Mapping[str, object], *,
    bumped: bool = False,
) -> float:  # fmt: skip
    """The audit entry, and with `bumped` the word to every replica; returns its time."""
    record = catalogue.record_change if bumped else catalogue.record
    subject = f"number/{row.number}"
    return await record(connection, who=who, why=why, action=f"number.{action}", subject=subject, detail=detail)


async def _tell(connection: Any, row: NumberRow, kind: str, at: float, who: str, why: str) -> None:
    said = {"from": row.e164, "source": who, "why": why}
    made = number_event(row.tenant, None, row.number, kind, at, said)
    await run(connection, settle.insert_events([OutgoingEvent(*made)], at, grace_s=0.0))
