"""The look under the lock, in one round trip: version, calls, what their settling folds into, contacts of claimed attempts.

Each of them is a block of its own in `sql/`; here they are common table expressions of one statement, whose snapshot is
taken after the limits rows were locked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from outdial.ports.store import CallIdentity, ContactFacts, Line, OpenCall, WaitingAttempt
from outdial.postgres import plan
from outdial.postgres.bundle import Part
from outdial.postgres.readings import read
from outdial.postgres.rows import Row, columns, open_call_of
from outdial.rules.ids import Placement

_CLASSES = ("first", "retry")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen. `countries`: of the calls that were asked for; `claimed`: of the lines, and `lines_left` those that
    have more. `rows`: all readings, by block."""

    version: int
    countries: Mapping[Placement, str]
    calls: Mapping[Placement, OpenCall]
    attempts: Sequence[WaitingAttempt]
    facts: ContactFacts
    claimed: Mapping[Line, int]
    lines_left: Set[Line]
    rows: Mapping[str, Sequence[Row]]


async def look(
    connection: Any,
    identities: Sequence[CallIdentity],
    countries: Mapping[Placement, str],
    attempts: Sequence[WaitingAttempt],
    claimed: Mapping[Line, int],
    now: float,
) -> Seen:
    """See the port."""
    parts = [Part("plan", "catalogue_version", [])]
    if identities:
        parts += _settling(identities, countries)
    if attempts:
        parts.append(plan.contact_facts_part(attempts, now))
    if claimed:
        parts.append(plan.lines_left_part(claimed))
    rows = await read(connection, parts)
    return Seen(
        version=rows["catalogue_version"][0]["version"],
        countries={identity.placement: countries.get(identity.placement, "") for identity in identities},
        calls={Placement(one["placement"]): open_call_of(one) for one in rows.get("open_calls", ())},
        attempts=attempts,
        facts=plan.contact_facts_of(attempts, rows.get("contact_facts", ())),
        claimed=claimed,
        lines_left=plan.lines_left_of(rows.get("lines_left", ())),
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
