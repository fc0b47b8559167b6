"""Dead letters: messages that could not be understood, listed, shown, published again, or given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outdial.errors import BadInput, NotFound
from outdial.postgres import dead as store
from outdial.redaction import mask_text

if TYPE_CHECKING:
    import asyncpg

MOST: Final = 500
"""Letters of one page at most."""
LARGEST_SHOWN: Final = 64 * 1024
"""Bytes of a payload that are shown."""


@dataclass(frozen=True, slots=True)
class LetterLine:
    """One dead letter as lists show it. `field`: what could not be understood; `size`: bytes of the payload."""

    letter: int
    received_at: float
    queue: str
    tenant: str
    message_id: str | None
    message_type: str | None
    reason: str
    field: str
    size: int
    replayed_at: float | None


@dataclass(frozen=True, slots=True)
class Letters:
    """One page, oldest first; `next_after` None = there is no further one."""

    letters: tuple[LetterLine, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter with what it holds; phone numbers in it are masked for who must not see them."""

    line: LetterLine
    payload: str
    headers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Republished:
    """How many were published again."""

    published: int


@dataclass(frozen=True, slots=True)
class Discarded:
    """How many were given up."""

    discarded: int


Publish = Callable[["RawLetter"], Awaitable[None]]
"""Publishes one again, with confirms; raising = it was not."""


@dataclass(frozen=True, slots=True)
class RawLetter:
    """A dead letter as it is published again: `headers` without the broker's own, which would be taken for true."""

    letter: int
    routing_key: str
    body: bytes
    message_id: str | None
    message_type: str | None
    headers: Mapping[str, Any]


async def list_letters(
    pool: asyncpg.Pool, *, limit: int = 50, after: int | None = None, replayed_too: bool = False
) -> Letters:
    """A page. Raises `BadInput`."""
    if not 1 <= limit <= MOST:
        raise BadInput("limit", f"{limit} is not between 1 and {MOST}", "page on with the cursor")
    rows = await store.list_dead(pool, limit + 1, after=after or 0, replayed_too=replayed_too)
    lines = tuple(_line(row) for row in rows[:limit])
    return Letters(lines, lines[-1].letter if len(rows) > limit else None)


async def read_letter(pool: asyncpg.Pool, letter: int, *, full: bool) -> Letter:
    """One with its payload. `full`: with phone numbers. Raises `NotFound`."""
    row = await store.read_dead(pool, letter)
    if row is None:
        raise NotFound(f"there is no dead letter {letter} (outdial dead list shows their ids)")
    payload = bytes(row["body"][:LARGEST_SHOWN]).decode("utf-8", "replace")
    headers = {key: value if full else mask_text(str(value)) for key, value in row["headers"].items()}
    return Letter(_line(row), payload if full else mask_text(payload), headers)


async def fetch_letters(pool: asyncpg.Pool, letters: Sequence[int] | None) -> list[RawLetter]:
    """Those of these ids, None = all that were not replayed yet. Raises `BadInput` when one is not there."""
    rows = await store.fetch_dead(pool, letters)
    if missing := set(letters or ()) - {row["letter"] for row in rows}:
        raise BadInput("ID", f"no dead letter {min(missing)}", "outdial dead list shows their ids")
    return [
        RawLetter(
            row["letter"],
            row["routing_key"],
            bytes(row["body"]),
            row["message_id"],
            row["message_type"],
            {name: value for name, value in row["headers"].items() if not name.startswith("x-")},
        )
        for row in rows
    ]


async def replay_letters(
    pool: asyncpg.Pool, letters: Sequence[RawLetter], publish: Publish, *, who: str, why: str
) -> Republished:
    """Publish them again; each is marked once the broker has it, so that a failure half-way repeats none of them."""
    for one in letters:
        await publish(one)
        await store.mark_replayed(pool, [one.letter], who=who, why=why)
    return Republished(len(letters))


async def discard_letters(pool: asyncpg.Pool, letters: Sequence[int], *, who: str, why: str) -> Discarded:
    """Give them up for good; the audit log keeps who and why. Ids that are not there are no error."""
    return Discarded(await store.discard(pool, sorted(set(letters)), who=who, why=why))


def _line(row: Any) -> LetterLine:
    return LetterLine(
        letter=row["letter"],
        received_at=row["received_at"],
        queue=row["queue"],
        tenant=row["routing_key"],
        message_id=row["message_id"],
        message_type=row["message_type"],
        reason=row["reason"],
        field=row["field"],
        size=row["size"],
        replayed_at=row["replayed_at"],
    )
