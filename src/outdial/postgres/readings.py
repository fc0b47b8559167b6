"""Several readings in one statement and one round trip: each is a block of `sql/`, each comes back as arrays, one per column.

A block becomes the common table expression `<block>_rows`, and may name those before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import from_json

from outdial.postgres import bundle
from outdial.postgres.bundle import Part
from outdial.postgres.rows import Row

_JSON = frozenset({"decision", "carry", "request"})
"""Read as text: an array of JSON values would be quoted and read twice."""
_LISTS = frozenset({"failed_contacts", "excluded"})
"""Arrays of arrays must be of one length in PostgreSQL, so these are joined by spaces."""
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "claim": (
        "tenant", "attempt_id", "campaign", "contact", "line", "urgency", "due_at", "not_after", "blocker",
        "blocked_since", "spilled", "sticky_waited", "excluded", "picks", "attempt_no", "received_at", "request",
        "sticky_wait_s", "tier_wait_s", "canceled",
    ),
    "lock_with_claimed": (
        "kind", "id", "max_calls", "in_use", "paused", "calls_per_second", "next_start_at", "backoff_until", "failures",
        "recent", "open_until", "probe",
    ),
    "lines_left": ("campaign", "line"),
    "catalogue_version": ("version",),
    "open_calls": (
        "tenant", "attempt_id", "placement", "campaign", "contact", "connection", "number", "state", "progress",
        "next_check_at", "checks", "carrier_call_id", "accepted_at", "ringing_at", "answered_at", "ended_at",
        "answered_by", "provider_status", "provider_code", "outcome", "intent_at", "place_at", "deadline", "counted",
        "h", "r", "baseline_class", "sticky_epoch", "cancel_requested", "decision", "carry", "request", "from_number",
    ),
    "member_stats": ("campaign", "number", "added_at", "attempts", "answered", "y", "e", "yf", "ef", "at"),
    "baselines": ("campaign", "country", "class", "y", "x", "at"),
    "number_health": (
        "number", "own_score", "own_score_at", "carrier_rejected_at", "failures", "failed_contacts", "failed_since",
        "failing_since", "probe_after", "last_worked_at",
    ),
    "assignments": ("campaign", "contact", "number", "epoch", "bound_at", "expires_at", "bound_by", "added_at"),
    "contact_facts": (
        "n", "in_call", "suppressed", "canceled", "called_before", "number", "epoch", "bound_at", "expires_at",
        "bound_by",
    ),
}  # fmt: skip


async def read(connection: Any, parts: Sequence[Part]) -> Mapping[str, list[Row]]:
    """The rows of each block."""
    row = await connection.fetchrow(text_of(parts), *(argument for part in parts for argument in part.arguments))
    values = iter(row.values())
    return {part.block: _rows(part.block, [next(values) for _ in _COLUMNS[part.block]]) for part in parts}


def text_of(parts: Sequence[Part]) -> str:
    """The statement that reads them."""
    return _text(tuple((part.file, part.block, len(part.arguments)) for part in parts))


@lru_cache(maxsize=32)
def _text(parts: tuple[tuple[str, str, int], ...]) -> str:
    expressions = bundle.expressions([(file, block, parameters) for file, block, parameters in parts])
    readings = [
        f"(select {', '.join(_aggregate(name) for name in _COLUMNS[block])} from {block}_rows) {block}"
        for _, block, _ in parts
    ]
    return f"with {expressions}\nselect * from {' cross join '.join(readings)}"


def _aggregate(name: str) -> str:
    if name in _JSON:
        return f"array_agg({name}::text)"
    if name in _LISTS:
        return f"array_agg(array_to_string({name}, ' '))"
    return f"array_agg({name})"


def _rows(block: str, found: Sequence[Sequence[Any] | None]) -> list[Row]:
    names = _COLUMNS[block]
    read = [_read(name, values or ()) for name, values in zip(names, found, strict=True)]
    return [dict(zip(names, values, strict=True)) for values in zip(*read, strict=True)]


def _read(name: str, values: Sequence[Any]) -> Sequence[Any]:
    if name in _JSON:
        return [from_json(value) for value in values]
    return [value.split() for value in values] if name in _LISTS else values
