"""Cancelling at the database (sql/cancel.sql), for turns and for operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from outdial.postgres import statements

SQL = statements.load("cancel")


async def cancel(connection: Any, tenant: str, attempts: Sequence[UUID], now: float) -> dict[UUID, str]:
    """Cancel attempts of a tenant whose mutex is held; what became of each, in the words of the statement."""
    rows = await connection.fetch(SQL["cancel"], tenant, sorted(set(attempts)), now)
    return {row["attempt_id"]: row["became"] for row in rows}


async def waiting_page(connection: Any, tenant: str, campaign: str, after: UUID, at_most: int) -> list[UUID]:
    """The next attempts of a campaign that wait uncanceled."""
    rows = await connection.fetch(SQL["waiting_page"], tenant, campaign, after, at_most)
    return [row["attempt_id"] for row in rows]


async def calls_of(connection: Any, tenant: str, campaign: str) -> list[UUID]:
    """The campaign's calls that nobody canceled yet."""
    return [row["attempt_id"] for row in await connection.fetch(SQL["calls_of"], tenant, campaign)]


async def tenants_of(connection: Any, attempts: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Which tenants have attempts of these ids."""
    found: dict[UUID, list[str]] = {}
    for row in await connection.fetch(SQL["tenants_of"], list(attempts)):
        found.setdefault(row["attempt_id"], []).append(row["tenant"])
    return found


async def note(connection: Any, now: float, who: str, why: str, subject: str, detail: Mapping[str, object]) -> None:
    """One audit entry."""
    await connection.execute(SQL["note"], now, who, why, subject, dict(detail))
