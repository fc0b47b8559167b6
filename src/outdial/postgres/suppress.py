"""The do-not-call lists in the database (sql/suppress.sql)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outdial.postgres import statements
from outdial.postgres.rows import Row

LATEST = 2**63 - 1
SQL, CANCEL = statements.load("suppress"), statements.load("cancel")


async def lock_tenant(connection: Any, tenant: str) -> bool:
    """Hold the tenant's mutex until the transaction ends; False = there is no such tenant."""
    return await connection.fetchval(CANCEL["lock_tenant"], tenant) is not None


async def add(connection: Any, tenant: str, contacts: Sequence[str], why: str, who: str, now: float) -> int:
    """How many were not on the list before."""
    return _count(await connection.execute(SQL["add"], tenant, list(contacts), why, who, now))


async def remove(connection: Any, tenant: str, contacts: Sequence[str], why: str, who: str, now: float) -> int:
    """How many were on the list."""
    return _count(await connection.execute(SQL["remove"], tenant, list(contacts), why, who, now))


async def page(connection: Any, tenant: str, before: int | None, at_most: int) -> list[Row]:
    """contact, why, who, added_at, entry; the latest first. `before`: that entry, None = from the latest on."""
    return list(await connection.fetch(SQL["page"], tenant, LATEST if before is None else before, at_most))


async def one(connection: Any, tenant: str, contact: str) -> list[Row]:
    """The contact's entry, if it is on the list."""
    return list(await connection.fetch(SQL["one"], tenant, contact))


def _count(tag: str) -> int:
    """The number at the end of `INSERT 0 17`: one audit entry for each change."""
    return int(tag.rsplit(" ", 1)[-1])
