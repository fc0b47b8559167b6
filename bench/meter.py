"""What a run cost, counted by those who know: statements and commits by PostgreSQL, CPU seconds by the system.

Each statement is one round trip (named statements are prepared once a connection). The counts do not depend on what
else the machine does, unlike all times.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Self

import asyncpg

_READ = """
select (select coalesce(sum(calls), 0)::bigint from pg_stat_statements where dbid = d.oid) as statements,
       (select coalesce(sum(total_exec_time), 0) from pg_stat_statements where dbid = d.oid) as busy_ms,
       (select coalesce(sum(calls), 0)::bigint from pg_stat_statements where dbid = d.oid and query ilike 'commit%') as commits
from pg_database d where d.datname = current_database()
"""
_COSTLY = """
select round(total_exec_time::numeric / $1, 4)::float8 as ms, calls::float8 / $1 as calls,
       left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as text
from pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
order by total_exec_time desc limit $2
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Sums, or differences of sums. `server_s`: PostgreSQL's own seconds within statements, waits for locks included."""

    statements: int
    commits: int
    server_s: float
    own_cpu_s: float

    def since(self, before: Cost) -> Cost:
        """What came since."""
        return Cost(
            self.statements - before.statements,
            self.commits - before.commits,
            self.server_s - before.server_s,
            self.own_cpu_s - before.own_cpu_s,
        )

    def per_attempt(self, attempts: int) -> dict[str, float]:
        """The figures, by name."""
        return {
            "statements_per_attempt": self.statements / attempts,
            "commits_per_attempt": self.commits / attempts,
            "server_us_per_attempt": 1e6 * self.server_s / attempts,
            "own_cpu_us_per_attempt": 1e6 * self.own_cpu_s / attempts,
        }


class Meter:
    """Reads the counters of one database. Where the extension cannot be had, statements count as 0."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._counts = True

    @classmethod
    async def open(cls, url: str) -> Self:
        """Its own connection, outside of what is measured."""
        meter = cls(await asyncpg.connect(url))
        try:
            await meter._connection.execute("create extension if not exists pg_stat_statements")
            await meter._connection.fetchrow(_READ)
        except asyncpg.PostgresError:
            meter._counts = False
        return meter

    async def read(self) -> Cost:
        """All until now."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        own = usage.ru_utime + usage.ru_stime
        row = await self._connection.fetchrow(_READ) if self._counts else None
        if row is None:
            return Cost(0, 0, 0.0, own)
        return Cost(row["statements"], row["commits"], row["busy_ms"] / 1000, own)

    async def costly(self, attempts: int, at_most: int = 12) -> list[str]:
        """The statements that PostgreSQL spent most time in, a line each."""
        if not self._counts:
            return []
        rows = await self._connection.fetch(_COSTLY, attempts, at_most)
        return [f"{1000 * row['ms']:8.1f} µs  {row['calls']:7.3f} calls  {row['text']}" for row in rows]

    async def close(self) -> None:
        """Its connection."""
        await self._connection.close()
