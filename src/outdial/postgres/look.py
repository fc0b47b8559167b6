"""The look under the lock, in one round trip: version, calls, what their settling folds into, contacts of claimed attempts.

Each of them is a block of its own in `sql/`; here they are common table expressions of one statement, whose snapshot is
taken after the limits rows were locked. Every reading comes back as arrays, one per column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pydantic_core import from_json

from outdial.ports.store import CallIdentity, ContactFacts, OpenCall, WaitingAttempt
from outdial.postgres import bundle, plan
from outdial.postgres.bundle import Part
from outdial.postgres.rows import Row, columns, open_call_of
from outdial.rules.ids import Placement

_JSON = frozenset({"decision", "carry", "request"})
"""Read as text: an array of JSON values would be quoted and read twice."""
_LISTS = frozenset({"failed_contacts"})
"""Arrays of arrays must be of one length in PostgreSQL, so these are joined by spaces."""
_COLUMNS: Mapping[str, tuple[str, ...]] = {
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
_CLASSES = ("first", "retry")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen. `countries`: of the calls that were asked for. `rows`: all readings, by block."""

    version: int
    countries: Mapping[Placement, str]
    calls: Mapping[Placement, OpenCall]
    attempts: Sequence[WaitingAttempt]
    facts: ContactFacts
    rows: Mapping[str, Sequence[Row]]


async def look(
    connection: Any,
    identities: Sequence[CallIdentity],
    countries: Mapping[Placement, str],
    attempts: Sequence[WaitingAttempt],
    now: float,
) -> Seen:
    """See the port."""
    parts = [Part("plan", "catalogue_version", [])]
    if identities:
        parts += _settling(identities, countries)
    if attempts:
        parts.append(plan.contact_facts_part(attempts, now))
    row = await connection.fetchrow(
        _text(tuple((part.file, part.block, len(part.arguments)) for part in parts)),
        *(argument for part in parts for argument in part.arguments),
    )
    rows, values = {}, iter(row.values())
    for part in parts:
        rows[part.block] = _rows(part.block, [next(values) for _ in _COLUMNS[part.block]])
    return Seen(
        version=rows["catalogue_version"][0]["version"],
        countries={identity.placement: countries.get(identity.placement, "") for identity in identities},
        calls={Placement(one["placement"]): open_call_of(one) for one in rows.get("open_calls", ())},
        attempts=attempts,
        facts=plan.contact_facts_of(attempts, rows.get("contact_facts", ())),
        rows=rows,
    )


def _settling(identities: Sequence[CallIdentity], countries: Mapping[Placement, str]) -> list[Part]:
    """The calls, and whatever their ends may fold into, whether they are still open or not."""
    members = sorted({(i.slots.campaign, i.number) for i in identities})
    contacts = sorted({(i.slots.campaign, i.contact) for i in identities})
    baselines = sorted(
        {(i.slots.campaign, countries.get(i.placement, ""), klass) for i in identities for klass in _CLASSES}
    )
    return [
        Part("settle", "open_calls", columns(((*i.key, i.placement) for i in identities), 3)),
        Part("settle", "member_stats", columns(members, 2)),
        Part("settle", "baselines", columns(baselines, 3)),
        Part("settle", "number_health", [sorted({i.number for i in identities})]),
        Part("settle", "assignments", columns(contacts, 2)),
    ]


@lru_cache(maxsize=16)
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
