"""The decision record (SPEC 3.7): what one pick depended on, in about 500 bytes whatever the pool's size.

The pool itself is not in it but named by the hash of its picture, which is stored once per refresh with the policy
that steered the pick (`picture_body`). No phone number is in it: the contact appears as country, area code and zones.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from outdial.rules.blocker import Blocker
from outdial.rules.candidates import Drawn
from outdial.rules.ids import ConnectionId, NumberId
from outdial.rules.pool import Geography, Tier
from outdial.rules.pool_index import PoolIndex
from outdial.rules.sticky import Assignment, Consulted, Saw, SeenSticky
from outdial.rules.waits import NOT_WAITED, AttemptFacts, Waited, Waits

Record = dict[str, object]
"""A JSON object. Keys that say nothing new (nothing busy, nothing excluded, no assignment, ...) are left out."""

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Situation:
    """What a pick went by, besides the pool and its random number.

    `busy`: the pool's connections without room; `without`: its providers that lack an answer instruction.
    """

    attempt: AttemptFacts
    assignment: Assignment | None
    consulted: Consulted
    busy: AbstractSet[ConnectionId]
    without: frozenset[str]
    now: float


@dataclass(frozen=True, slots=True)
class Picked:
    """What came of it. `passed`: better tiers that had no room; `u`, `drawn`: only if the number was drawn."""

    number: NumberId
    tier: Tier
    passed: tuple[Tier, ...] = ()
    u: float | None = None
    drawn: Drawn | None = None


def write_record(pool: PoolIndex, situation: Situation, picked: Picked) -> Record:
    """The record of one pick from that pool."""
    contact = situation.attempt.contact
    record: Record = {
        "v": VERSION,
        "picture": pool.picture.hash,
        "policy": pool.policy.version,
        "at": situation.now,
        "contact": [contact.country, contact.area_code, list(contact.zones)],
        "tier": picked.tier.value,
        "number": picked.number,
    }
    if picked.drawn is not None:
        record |= {"u": picked.u, "p": round(picked.drawn.probability, 6), "of": picked.drawn.out_of}
    if picked.passed:
        record["passed"] = [tier.value for tier in picked.passed]
    if situation.busy:
        record["busy"] = _write_names(situation.busy, pool.connections)
    if situation.without:
        record["without"] = sorted(situation.without)
    if situation.assignment is not None:
        record["sticky"] = _write_sticky(situation.assignment, situation.consulted)
    if situation.attempt.excluded:
        record["excluded"] = _write_names(situation.attempt.excluded, pool.numbers)
    if situation.attempt.waits != _NO_WAITS:
        record["waits"] = _write_waits(situation.attempt.waits)
    return record


_NO_WAITS = Waits()
_FEW: Final = 8
"""More names than this are written as bits, so that a record stays small in a pool of hundreds of connections."""


def _write_names(names: AbstractSet[str], of: Iterable[str]) -> list[str] | str:
    """The names in order, or a hexadecimal number: its bit n, from the lowest, stands for the n-th name of all in order."""
    if len(names) <= _FEW:
        return sorted(names)
    return f"{sum(1 << n for n, name in enumerate(sorted(of)) if name in names):x}"


def _read_names(written: Sequence[str] | str, of: Iterable[str]) -> Iterable[str]:
    if not isinstance(written, str):
        return written
    bits = int(written, 16)
    return (name for n, name in enumerate(sorted(of)) if bits >> n & 1)


def _write_sticky(assignment: Assignment, consulted: Consulted) -> Record:
    written: Record = {
        "number": assignment.number,
        "saw": consulted.saw.value,
        "epoch": assignment.epoch,
        "bound_at": assignment.bound_at,
        "expires_at": assignment.expires_at,
    }
    if consulted.why:
        written["why"] = str(consulted.why)
    return written


def _write_waits(waits: Waits) -> list[object]:
    earlier = [list(waits.waited)] if waits.waited != NOT_WAITED else []
    return [waits.blocker.value, waits.blocked_since, waits.spilled, waits.sticky_waited, *earlier]


def seen_sticky(record: Mapping[str, Any]) -> SeenSticky:
    """The sticky assignment as the pick saw it: what binding goes by when the call reaches its contact."""
    sticky = record.get("sticky")
    if sticky is None:
        return SeenSticky()
    return SeenSticky(Saw(sticky["saw"]), NumberId(sticky["number"]), float(sticky["bound_at"]))


def read_assignment(record: Mapping[str, Any]) -> Assignment | None:
    """The assignment as it stood; who bound it is not in the record, because no pick depends on it."""
    sticky = record.get("sticky")
    if sticky is None:
        return None
    expires_at = None if sticky["expires_at"] is None else float(sticky["expires_at"])
    return Assignment(NumberId(sticky["number"]), int(sticky["epoch"]), float(sticky["bound_at"]), expires_at, "")


def read_attempt(record: Mapping[str, Any], pool: PoolIndex) -> AttemptFacts:
    """The attempt as the pick saw it. `pool`: the one that it was made from."""
    country, area_code, zones = record["contact"]
    return AttemptFacts(
        contact=Geography(country, area_code, tuple(zones)),
        answers=pool.providers - frozenset(record.get("without", ())),
        excluded=frozenset(map(NumberId, _read_names(record.get("excluded", ()), pool.numbers))),
        waits=_read_waits(record.get("waits")),
    )


def read_busy(record: Mapping[str, Any], pool: PoolIndex) -> frozenset[ConnectionId]:
    """The pool's connections that had no room."""
    return frozenset(map(ConnectionId, _read_names(record.get("busy", ()), pool.connections)))


def _read_waits(written: list[Any] | None) -> Waits:
    if written is None:
        return _NO_WAITS
    blocker, since, spilled, sticky_waited, *earlier = written
    waited = Waited(*map(float, earlier[0])) if earlier else NOT_WAITED
    return Waits(Blocker(blocker), None if since is None else float(since), int(spilled), bool(sticky_waited), waited)
