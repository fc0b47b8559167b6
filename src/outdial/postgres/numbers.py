"""Numbers at the database, as reputation services and operators touch them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outdial.ports.messages import OutgoingEvent
from outdial.postgres import settle, statements
from outdial.postgres.bundle import run
from outdial.postgres.rows import Row, columns
from outdial.rules.attempt import HealthReport
from outdial.rules.events import number_event
from outdial.rules.ids import E164, NumberId, TenantId
from outdial.rules.number_health import NumberHealth, score_turn

SQL = statements.load("numbers")
SQL_SETTLE = statements.load("settle")


@dataclass(frozen=True, slots=True)
class NumberScore:
    """A number's spam score: the higher of what was `reported` and of its `own` (0 to 1 each). Times in Unix seconds."""

    number: NumberId
    tenant: TenantId
    from_number: E164
    reported: float
    own: float
    carrier_rejected_at: float | None
    failing_since: float | None

    @property
    def score(self) -> float:
        """What flags it."""
        return max(self.reported, self.own)


async def scores(connection: Any, numbers: Sequence[NumberId], now: float) -> dict[NumberId, NumberScore]:
    """How these numbers stand."""
    rows = await connection.fetch(SQL["standing"], list(numbers))
    return {NumberId(row["number"]): _score_of(row, now) for row in rows}


def _score_of(row: Row, now: float) -> NumberScore:
    own = NumberHealth(own_score=row["own_score"] or 0.0, own_score_at=row["own_score_at"]).own_score_now(now)
    return NumberScore(
        NumberId(row["number"]),
        TenantId(row["tenant"]),
        E164(row["e164"]),
        row["reported"] or 0.0,
        own,
        row["carrier_rejected_at"],
        row["failing_since"],
    )


async def report(
    connection: Any,
    reports: Sequence[HealthReport],
    now: float,
    spam_threshold: float,
    grace_s: float = settle.RELAY_GRACE_S,
) -> tuple[int, list[OutgoingEvent]]:
    """Store reports in their order, the last of each source stands; (how many concern nobody's number, events).

    The events say which numbers left or re-entered the draws by it; they lie in the outbox. Replicas reload only then,
    so a busy feed costs nothing while it confirms what is known.
    """
    asked = columns(((r.tenant, r.number) for r in reports), 2)
    held = await connection.fetch(SQL["hold_reported"], *asked)
    known = {(row["tenant"], name): NumberId(row["number"]) for row in held for name in (row["number"], row["e164"])}
    named = [(known[r.tenant or "", r.number], r) for r in reports if (r.tenant or "", r.number) in known]
    latest = {(number, r.source): (r.score, r.why) for number, r in named}
    numbers = sorted({number for number, _ in named})
    before = await scores(connection, numbers, now)
    rows = columns(((*key, *said) for key, said in sorted(latest.items())), 4)
    await connection.execute(SQL["write_reports"], *rows, now)
    sources = dict(named)
    told = await announce_turns(connection, before, now, spam_threshold, sources, grace_s)
    return len(reports) - len(named), told


async def announce_turns(
    connection: Any,
    before: Mapping[NumberId, NumberScore],
    now: float,
    spam_threshold: float,
    because: Mapping[NumberId, HealthReport],
    grace_s: float,
) -> list[OutgoingEvent]:
    """Tell of the numbers whose score crossed the threshold since `before`, and let every replica see it."""
    after = await scores(connection, list(before), now)
    told = []
    for number, was in before.items():
        kind = score_turn(was.score, after[number].score, spam_threshold)
        if kind is not None:
            score = after[number].score
            said = {
                "from": was.from_number,
                "score": score,
                "source": because[number].source,
                "why": because[number].why,
            }
            told.append(OutgoingEvent(*number_event(was.tenant, None, number, kind, now, said)))
    if told:
        await run(connection, settle.insert_events(told, now, grace_s=grace_s))
        await connection.execute(SQL_SETTLE["bump_catalogue"])
    return told


async def drop_reports(connection: Any, number: NumberId, source: str | None) -> list[str]:
    """Forget what was reported; returns by whom."""
    return [row["source"] for row in await connection.fetch(SQL["drop_reports"], number, source)]


async def drop_own_score(connection: Any, number: NumberId) -> None:
    """Forget its own score. The caller holds the tenant's limits row."""
    await connection.execute(SQL["drop_own_score"], number)


async def clear_health(connection: Any, number: NumberId) -> None:
    """Forget the carrier's refusal and its failures. The caller holds the tenant's limits row."""
    await connection.execute(SQL["clear_health"], number)
