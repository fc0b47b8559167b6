"""Replicas, and what lies about: read for the overview."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from outdial.postgres import statements

SQL = statements.load("reports_overview")


async def replicas(connection: Any) -> list[tuple[UUID, int, float]]:
    """(worker, epoch, when it said last that it lives), the latest first."""
    return [(row["worker"], row["epoch"], row["seen_at"]) for row in await connection.fetch(SQL["replicas"])]


async def counts(connection: Any) -> dict[str, int]:
    """How many attempts are unconfirmed, how many dead letters open, how many events not published."""
    return dict(await connection.fetchrow(SQL["counts"]))
