"""Suppressions: contacts that a tenant must not call, whatever the campaign. Checked when an attempt comes in and again
under the lock that would dial it; who changed the list, when and why is kept for each contact (SPEC 6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outdial.errors import BadInput, NotFound
from outdial.operator.suppression_file import FileProblem, read_contacts
from outdial.postgres import suppress as store
from outdial.postgres.pool import translate_errors
from outdial.postgres.reports import attempts as lists
from outdial.postgres.reports import explain as reports
from outdial.redaction import mask_number
from outdial.rules.ids import E164
from outdial.rules.phone import normalize

if TYPE_CHECKING:
    import asyncpg

AT_ONCE = 1_000
"""Contacts of one transaction: it holds the tenant's mutex for some ten milliseconds."""
MOST = 1_000
"""Entries of one page at most."""


_Change = Callable[[Any, str, Sequence[str], str, str, float], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Changed:
    """So many contacts were changed; `same`: nothing was to be done."""

    changed: int
    same: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file: every valid line counts, whatever the others are. `repeated`: again in the same file."""

    added: int
    known: int
    repeated: int
    problems: tuple[FileProblem, ...]


@dataclass(frozen=True, slots=True)
class Suppression:
    """One contact on the list. Unix seconds."""

    contact: str
    contact_masked: str
    why: str
    who: str
    added_at: float


@dataclass(frozen=True, slots=True)
class SuppressionPage:
    """The latest first; `next_after` None = there is no further page."""

    suppressions: tuple[Suppression, ...]
    next_after: int | None


async def suppress(pool: asyncpg.Pool, tenant: str, contacts: Sequence[str], *, who: str, why: str) -> Changed:
    """Once this has returned nobody begins a call to them. Raises `BadInput`, then nothing was changed, and `NotFound`."""
    return await _change(pool, tenant, contacts, store.add, who, why)


async def unsuppress(pool: asyncpg.Pool, tenant: str, contacts: Sequence[str], *, who: str, why: str) -> Changed:
    """They may be called again at once. Raises `BadInput`, then nothing was changed, and `NotFound`."""
    return await _change(pool, tenant, contacts, store.remove, who, why)


async def import_suppressions(
    pool: asyncpg.Pool, tenant: str, lines: Iterable[str], *, who: str, why: str, region: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Imported:  # fmt: skip
    """Add the contacts of a file, in small transactions; doing it again is harmless. `region`: ISO 3166, for national
    numbers; `progress` hears how many lines are read. Raises `NotFound`."""
    seen: set[E164] = set()
    batch: list[E164] = []
    problems: list[FileProblem] = []
    added = repeated = read = 0

    async def put() -> int:
        done = await _change(pool, tenant, batch, store.add, who, why)
        batch.clear()
        return done.changed

    for found in read_contacts(lines, region):
        read += 1
        if isinstance(found, FileProblem):
            problems.append(found)
        elif found in seen:
            repeated += 1
        else:
            seen.add(found)
            batch.append(found)
        if len(batch) == AT_ONCE:
            added += await put()
            progress(read)
    added += await put()
    progress(read)
    return Imported(added, len(seen) - added, repeated, tuple(problems))


async def list_suppressions(
    pool: asyncpg.Pool, tenant: str, *, contact: str | None = None, limit: int = 100, after: int | None = None
) -> SuppressionPage:
    """The list, page by page. `contact`: only whether that one is on it. Raises `BadInput` and `NotFound`."""
    if not 1 <= limit <= MOST:
        raise BadInput("limit", f"{limit} is not between 1 and {MOST}", "page on with the cursor")
    wanted = normalize(contact, field="contact") if contact is not None else None
    with translate_errors():
        async with pool.acquire() as connection:
            if not await lists.knows_tenant(connection, tenant):
                raise _unknown(tenant)
            if wanted is not None:
                rows = await store.one(connection, tenant, wanted)
            else:
                rows = await store.page(connection, tenant, after, limit + 1)
    shown = rows[:limit]
    return SuppressionPage(
        tuple(
            Suppression(row["contact"], mask_number(row["contact"]), row["why"], row["who"], row["added_at"])
            for row in shown
        ),
        shown[-1]["entry"] if len(rows) > limit else None,
    )


async def _change(
    pool: asyncpg.Pool, tenant: str, contacts: Sequence[str], change: _Change, who: str, why: str
) -> Changed:
    fields = (f"contact {n}" if len(contacts) > 1 else "contact" for n in range(1, len(contacts) + 1))
    wanted = sorted({normalize(one, field=field) for one, field in zip(contacts, fields, strict=True)})
    changed = 0
    for at in range(0, max(1, len(wanted)), AT_ONCE):
        some = wanted[at : at + AT_ONCE]
        with translate_errors():
            async with pool.acquire() as connection, connection.transaction():
                if not await store.lock_tenant(connection, tenant):
                    raise _unknown(tenant)
                changed += await change(connection, tenant, some, why, who, await reports.clock(connection))
    return Changed(changed, len(wanted) - changed)


def _unknown(tenant: str) -> NotFound:
    return NotFound(f"there is no tenant named {tenant!r} (outdial show tenants)")
