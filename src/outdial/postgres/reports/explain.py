"""What explaining one attempt, and trying the next pick, reads (sql/reports_explain.sql)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from outdial.postgres import statements
from outdial.postgres.plan import assignment_of, limit_of
from outdial.postgres.rows import Row, columns
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.sticky import Assignment

SQL = statements.load("reports_explain")


@dataclass(frozen=True, slots=True)
class ContactNow:
    """What stands about a contact. `in_call`: the attempt whose call it is in."""

    assignment: Assignment | None
    in_call: UUID | None
    suppressed: bool


async def clock(connection: Any) -> float:
    """The database's time, Unix seconds."""
    return float(await connection.fetchval(SQL["clock"]))


async def tenants_of(connection: Any, attempt_id: UUID) -> list[str]:
    """The tenants that have an attempt of that id."""
    return [row["tenant"] for row in await connection.fetch(SQL["tenants_of"], attempt_id)]


async def request(connection: Any, tenant: str, attempt_id: UUID) -> Mapping[str, Any] | None:
    """The request as it was accepted; None = there is no such attempt."""
    found: Mapping[str, Any] | None = await connection.fetchval(SQL["request"], tenant, attempt_id)
    return found


async def wait(connection: Any, tenant: str, attempt_id: UUID) -> Row | None:
    """The attempt's row in the waiting room."""
    row: Row | None = await connection.fetchrow(SQL["wait"], tenant, attempt_id)
    return row


async def call(connection: Any, tenant: str, attempt_id: UUID) -> Row | None:
    """The attempt's call, under way or over."""
    row: Row | None = await connection.fetchrow(SQL["call"], tenant, attempt_id)
    return row


async def picture(connection: Any, digest: str) -> Mapping[str, Any] | None:
    """The stored body of a picture; None = it is not kept any more."""
    body: Mapping[str, Any] | None = await connection.fetchval(SQL["picture"], digest)
    return body


async def contact_now(connection: Any, tenant: str, campaign: str, contact: str) -> ContactNow:
    """What stands about a contact in a campaign."""
    row = await connection.fetchrow(SQL["contact"], tenant, campaign, contact)
    assignment = assignment_of(row) if row["number"] is not None else None
    return ContactNow(assignment, row["in_call"], row["suppressed"])


async def limits(connection: Any, keys: Iterable[LimitKey]) -> dict[LimitKey, Limit]:
    """Limits as they stand, unlocked."""
    rows = await connection.fetch(SQL["limits"], *columns(sorted(keys), 2))
    return {LimitKey(LimitKind(row["kind"]), row["id"]): limit_of(row) for row in rows}
