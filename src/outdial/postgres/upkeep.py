"""Upkeep at the database: figures, audits, partitions, and the end of what nobody needs any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg

from outdial.postgres import statements, sticky
from outdial.postgres.pool import translate_errors
from outdial.postgres.rows import columns

PLAN, RECOVER, UPKEEP = statements.load("plan"), statements.load("recover"), statements.load("upkeep")
DAY_S = 86_400.0
KEEP_CANCELLATIONS_S = 7 * DAY_S
KEEP_VOLUMES_S = 2 * DAY_S
MONTHS_AHEAD = 2
BITE = 1_000
COUNTS_KEPT = 500
"""Rows of counts that are left alone: adding them up costs more than reading them."""


@dataclass(frozen=True, slots=True)
class Retention:
    """For how long what has ended is kept, seconds. Outcomes go by whole months, the audit log never within a month."""

    attempts_s: float = 30 * DAY_S
    outcomes_s: float = 400 * DAY_S
    pictures_s: float = 90 * DAY_S
    dead_letters_s: float = 30 * DAY_S
    audit_log_s: float = 1_100 * DAY_S


class UpkeepQueries:
    """What upkeep asks."""

    def __init__(self, pool: asyncpg.Pool, worker: Any, epoch: int, retention: Retention | None = None) -> None:
        self._pool, self._worker, self._epoch = pool, worker, epoch
        self._retention = retention or Retention()

    async def database_time(self) -> float:
        """Unix seconds."""
        with translate_errors():
            now: float = await self._pool.fetchval(RECOVER["database_time"])
            return now

    async def catalogue_version(self) -> int:
        """The version that stands."""
        with translate_errors():
            version: int = await self._pool.fetchval(UPKEEP["catalogue_version"])
            return version

    async def heartbeat(self, now: float) -> int:
        """This replica is alive. Returns how many sessions it ended that held locks and waited for a stopped replica."""
        with translate_errors():
            await self._pool.execute(RECOVER["heartbeat"], self._worker, self._epoch, now)
            await self._pool.execute(RECOVER["forget_workers"], now - 3_600.0)
            return int(await self._pool.fetchval(RECOVER["end_stuck_sessions"]))

    async def figures(self, now: float) -> dict[str, float]:
        """Counts of small tables, and the age of the oldest event in the outbox, seconds."""
        with translate_errors():
            return dict((await self._pool.fetch(UPKEEP["figures"], now))[0])

    async def waiting_by_campaign(self) -> list[tuple[str, str, int]]:
        """(campaign, blocker, attempts)."""
        with translate_errors():
            return [tuple(row) for row in await self._pool.fetch(UPKEEP["waiting_by_campaign"])]

    async def slots(self) -> list[tuple[str, str, int, int | None]]:
        """(kind, id, in use, limit)."""
        with translate_errors():
            return [tuple(row) for row in await self._pool.fetch(UPKEEP["slots"])]

    async def circuits(self) -> dict[str, bool]:
        """Connections, and whether their circuit is open."""
        with translate_errors():
            return {row["id"]: row["is_open"] for row in await self._pool.fetch(UPKEEP["circuits"])}

    async def repair_slots(self) -> list[tuple[str, str, int, int]]:
        """Set counters right that differ from the calls: looked for in one snapshot, in which every turn is whole, then
        counted again under the lock of these limits only. (kind, id, counted, calls)."""
        with translate_errors():
            suspects = [tuple(row[:2]) for row in await self._pool.fetch(RECOVER["recount"])]
            if not suspects:
                return []
            async with self._pool.acquire() as connection, connection.transaction():
                await connection.fetch(PLAN["lock_limits"], *columns(suspects, 2))
                return [tuple(row) for row in await connection.fetch(UPKEEP["repair_slots"], *columns(suspects, 2))]

    async def add_up_waiting(self) -> None:
        """One row of counts instead of many."""
        with translate_errors():
            await self._pool.execute(UPKEEP["add_up_waiting"], COUNTS_KEPT)

    async def waiting_by_blocker(self) -> dict[str, int]:
        """How many attempts wait, by the blocker kept with them."""
        with translate_errors():
            rows = await self._pool.fetch(UPKEEP["waiting_by_blocker"])
            return {row["blocker"]: row["attempts"] for row in rows}

    async def waiting_by_tenant(self) -> dict[str, int]:
        """How many attempts of each tenant wait."""
        with translate_errors():
            rows = await self._pool.fetch(UPKEEP["waiting_by_tenant"])
            return {row["tenant"]: row["attempts"] for row in rows}

    async def wake_ineligible(self, now: float) -> int:
        """How many were woken."""
        return await self._wake("wake_ineligible")

    async def wake_closed(self, campaigns: Sequence[str]) -> int:
        """How many were woken."""
        return await self._wake("wake_closed", list(campaigns)) if campaigns else 0

    async def _wake(self, block: str, *arguments: object) -> int:
        """In small bites, so that no planning turn waits for long."""
        woken, count = 0, BITE
        with translate_errors():
            while count == BITE:
                count = int((await self._pool.execute(UPKEEP[block], BITE, *arguments)).split()[-1])
                woken += count
        return woken

    async def make_months(self, now: float) -> None:
        """Months of outcomes ahead of time."""
        first = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        with translate_errors():
            for _ in range(MONTHS_AHEAD + 1):
                await self._pool.execute(UPKEEP["make_month"], first.timestamp())
                first = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)

    async def keep_house(self, now: float) -> None:
        """Months ahead of time; what is past its time goes."""
        await self.make_months(now)
        with translate_errors():
            await self._pool.execute(UPKEEP["forget"], now - KEEP_CANCELLATIONS_S, now - KEEP_VOLUMES_S)
        await sticky.purge_void(self._pool, now)
        await self._forget(now)

    async def _forget(self, now: float) -> None:
        """What has ended and is past its time, in small bites: nobody waits for them."""
        kept = self._retention
        with translate_errors():
            for line in await self._pool.fetch(UPKEEP["campaigns_of_attempts"]):
                await self._forget_attempts(line["tenant"], line["campaign"], now - kept.attempts_s)
        await self._bites(UPKEEP["forget_pictures"], now - kept.pictures_s)
        await self._bites(UPKEEP["forget_dead_letters"], now - kept.dead_letters_s)
        with translate_errors():
            while await self._pool.fetchval(UPKEEP["forget_audit_log"], BITE, now - kept.audit_log_s) == BITE:
                pass
            await self._pool.fetchval(UPKEEP["drop_months"], now - kept.outcomes_s)

    async def _forget_attempts(self, tenant: str, campaign: str, before: float) -> None:
        """From the oldest on, each bite after the last one: what stays is looked at once."""
        last, looked_at = (0.0, UUID(int=0)), BITE
        while looked_at == BITE:
            row = await self._pool.fetchrow(UPKEEP["forget_attempts"], BITE, before, tenant, campaign, *last)
            last, looked_at = ((row["received_at"], row["attempt_id"]), row["looked_at"]) if row else (last, 0)

    async def _bites(self, statement: str, before: float) -> None:
        with translate_errors():
            while int((await self._pool.execute(statement, BITE, before)).split()[-1]) == BITE:
                pass
