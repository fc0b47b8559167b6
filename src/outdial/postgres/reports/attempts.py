"""Lists of attempts: which index a question is answered from, and the rows that are shown (sql/reports_attempts.sql)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Any, Final
from uuid import UUID

from outdial.postgres import statements
from outdial.postgres.rows import Row, columns

SQL = statements.load("reports_attempts")
FIRST: Final = UUID(int=0)
CALL_STATES: Final = frozenset({"placing", "placed", "unconfirmed"})


@dataclass(frozen=True, slots=True)
class Page:
    """Which attempts, from where on, how many. Times in Unix seconds; `before` is (received_at, attempt_id), exclusive.

    `states`, `outcomes`, `waits`: all that may be shown, spelled out; `waits` are (campaign, stored blocker);
    `is_whole`: whether that is everything.
    """

    tenant: str
    campaigns: Sequence[str]
    before: tuple[float, UUID]
    since: float
    at_most: int
    states: frozenset[str]
    outcomes: Sequence[str]
    waits: Sequence[tuple[str, str]]
    contact: str | None = None
    number: str | None = None
    is_whole: bool = False


async def owner(connection: Any, campaign: str) -> str | None:
    """The tenant of a campaign of the catalogue."""
    tenant: str | None = await connection.fetchval(SQL["owner"], campaign)
    return tenant


async def knows_tenant(connection: Any, tenant: str) -> bool:
    """Whether there is, or was, such a tenant."""
    return bool(await connection.fetchval(SQL["knows_tenant"], tenant))


async def campaigns(connection: Any, tenant: str) -> list[str]:
    """Every campaign that the tenant's attempts name, also those that do not exist (any more)."""
    return [row["campaign"] for row in await connection.fetch(SQL["campaigns"], tenant)]


async def number_named(connection: Any, number: str) -> Row | None:
    """A number of the catalogue by its name or its digits: number, e164, tenant."""
    row: Row | None = await connection.fetchrow(SQL["number"], number)
    return row


async def keys(connection: Any, page: Page) -> list[tuple[float, UUID]]:
    """(received_at, attempt_id) of the page's attempts, newest first. Needs an open transaction."""
    await connection.execute(SQL["in_order"])
    found = [(row["received_at"], row["attempt_id"]) for row in await _rows(connection, page)]
    return nlargest(page.at_most, found)


async def _rows(connection: Any, page: Page) -> list[Mapping[str, Any]]:
    rest = (*page.before, page.since, page.at_most)
    head = (page.tenant, list(page.campaigns), *rest)
    states, outcomes = sorted(page.states), list(page.outcomes)
    in_campaigns, waits = columns(page.waits, 2)
    if page.contact is not None:
        numbers = [page.number] if page.number is not None else []
        tail = (page.contact, states, outcomes, numbers, in_campaigns, waits)
        return list(await connection.fetch(SQL["page_contact"], *head, *tail))
    if page.number is not None:
        return list(await connection.fetch(SQL["page_number"], *head, page.number, states, outcomes))
    if page.is_whole:
        return list(await connection.fetch(SQL["page_all"], *head))
    rows: list[Mapping[str, Any]] = []
    if "waiting" in page.states:
        rows += await connection.fetch(SQL["page_waiting"], page.tenant, in_campaigns, *rest, waits)
    if page.states & CALL_STATES:
        rows += await connection.fetch(SQL["page_calls"], *head, states)
    if "ended" in page.states:
        rows += await connection.fetch(SQL["page_ended"], *head, outcomes)
    return rows


async def connections(connection: Any, campaigns: Sequence[str]) -> dict[str, list[str]]:
    """Through which connections each of these campaigns may call."""
    found: dict[str, list[str]] = {}
    for row in await connection.fetch(SQL["connections"], list(campaigns)):
        found.setdefault(row["campaign"], []).append(row["connection"])
    return found


async def details(connection: Any, tenant: str, attempts: Sequence[UUID]) -> list[Row]:
    """What is shown of these attempts, in the order given."""
    return list(await connection.fetch(SQL["details"], tenant, list(attempts))) if attempts else []
