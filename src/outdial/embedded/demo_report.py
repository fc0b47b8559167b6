"""What the demo found, from the database and, for everything that could be a violation, from the carrier's own tally."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import asyncpg

from outdial.embedded.demo_world import CONNECTIONS, NUMBERS

_OUTCOMES = "select outcome, count(*)::int as n from outcomes group by 1 order by 2 desc, 1"
_TIERS = "select coalesce(tier, 'none') as tier, count(*)::int as n from outcomes group by 1 order by 2 desc, 1"
_NUMBERS = """
select o.number, count(*)::int as dials,
       count(*) filter (where o.outcome in ('answered_human', 'answered_unknown'))::int as answered
from outcomes o where o.number is not null group by 1
"""
_STICKY = """
select count(*)::int as expected, count(*) filter (where o.tier = 'sticky' and o.number = f.number)::int as reused
from outcomes o
join attempts a on a.tenant = o.tenant and a.attempt_id = o.attempt_id
join lateral (
    select e.number from outcomes e
    join attempts b on b.tenant = e.tenant and b.attempt_id = e.attempt_id
    where e.campaign = o.campaign and e.contact = o.contact and (b.request ->> 'attempt_no')::int = 1
      and e.outcome in ('answered_human', 'answered_unknown')
) f on true
where (a.request ->> 'attempt_no')::int > 1
"""
_STATES = "select state, count(*)::int as n from attempt_states group by 1"


@dataclass(slots=True)
class DemoReport:
    """Everything that `--json` writes. `violations` come from the carrier's tally only; `failures` are our own checks."""

    simulated: dict[str, str]
    attempts: int
    seed: int
    accepted: int = 0
    ended: int = 0
    seconds: float = 0.0
    violations: list[Any] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    carrier: dict[str, Any] = field(default_factory=dict)
    sticky: dict[str, int] = field(default_factory=dict)
    numbers: list[dict[str, Any]] = field(default_factory=list)
    tiers: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    blockers: dict[str, int] = field(default_factory=dict)
    states: dict[str, int] = field(default_factory=dict)

    async def read(self, pool: asyncpg.Pool, weights: dict[str, float], tally: dict[str, Any]) -> None:
        """Fill in what the database and the carrier say, and judge it."""
        self.outcomes = {row["outcome"]: row["n"] for row in await pool.fetch(_OUTCOMES)}
        self.tiers = {row["tier"]: row["n"] for row in await pool.fetch(_TIERS)}
        self.states = {row["state"]: row["n"] for row in await pool.fetch(_STATES)}
        self.accepted = await pool.fetchval("select count(*) from attempts")
        self.ended = self.states.get("ended", 0)
        dialled = {row["number"]: row for row in await pool.fetch(_NUMBERS)}
        for number in NUMBERS:
            row = dialled.get(number.name)
            dials, answered = (row["dials"], row["answered"]) if row else (0, 0)
            rate = round(answered / dials, 3) if dials else None
            self.numbers.append(
                {"number": number.name, "connection": number.connection, "dials": dials, "answered": answered,
                 "answer_rate": rate, "weight": weights.get(number.name), "true_rate": number.answer_rate}
            )  # fmt: skip
        sticky = await pool.fetchrow(_STICKY)
        self.sticky = {"expected": sticky["expected"], "reused": sticky["reused"]} if sticky else {}
        self._read_tally(tally)
        self._judge()

    def _read_tally(self, tally: dict[str, Any]) -> None:
        self.violations = list(tally["violations"])
        self.carrier = {
            "accepted": tally["accepted"],
            "max_calls_per_attempt": max(tally["max_calls_per_attempt"], 0),
            "max_calls_per_token": tally["max_calls_per_token"],
            "connections": [
                {"id": c.name, "limit": c.limit, "highest": tally["accounts"][c.name]["highest"]} for c in CONNECTIONS
            ],
        }

    def _judge(self) -> None:
        counted = sum(self.states.values())
        if counted != self.accepted:
            self.failures.append(f"conservation: {self.accepted} accepted, {counted} accounted for")
        if self.ended != self.accepted:
            self.failures.append(f"{self.accepted - self.ended} attempts have not ended")
        if self.carrier["max_calls_per_attempt"] > 1:
            self.failures.append("an attempt was called more than once")
        if self.sticky.get("expected") != self.sticky.get("reused"):
            self.failures.append(f"sticky: {self.sticky['reused']} of {self.sticky['expected']} reused their number")

    def tables(self) -> str:
        """For a person."""
        parts = [
            _table("Outcomes", ("outcome", "attempts"), list(self.outcomes.items())),
            _table(
                "Numbers",
                ("number", "connection", "dials", "answered", "answer rate", "weight", "(true rate)"),
                [
                    (n["number"], n["connection"], n["dials"], n["answered"],
                     "-" if n["answer_rate"] is None else f"{n['answer_rate']:.0%}",
                     "skipped" if n["weight"] is None else f"{n['weight']:.2f}", f"{n['true_rate']:.0%}")
                    for n in self.numbers
                ],
            ),
            _table("How the number was found", ("tier", "calls"), list(self.tiers.items())),
            _table("Why attempts waited (most at one moment)", ("blocker", "attempts"), list(self.blockers.items())),
            _table(
                "As the carrier counted",
                ("connection", "limit", "highest at once"),
                [(c["id"], c["limit"], c["highest"]) for c in self.carrier["connections"]],
            ),
        ]  # fmt: skip
        facts = [
            f"Calls accepted by the carrier per attempt, at most: {self.carrier['max_calls_per_attempt']}",
            f"Later attempts to reached contacts from their sticky number: {self.sticky['reused']} of {self.sticky['expected']}",
            f"Accepted {self.accepted}, ended {self.ended}, in {self.seconds:.1f} s; violations: {len(self.violations)}",
        ]
        return "\n\n".join([*parts, "\n".join(facts)])


def _table(title: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    cells = [head, *[tuple(str(cell) for cell in row) for row in rows]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([title, *(f"  {line}" for line in lines)])
