"""Suppressions: whom a tenant does not call, shown, added and removed; and attempts canceled."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from pydantic import Field

from outdial.admin.routes import Asked, Because, Input, Route
from outdial.admin.tokens import Role
from outdial.operator import suppress
from outdial.operator.cancel import Canceled, cancel_attempts, cancel_campaign
from outdial.operator.suppress import SuppressionPage


class SuppressionsQuery(Input):
    """Which of them."""

    contact: str | None = Field(None, max_length=40, description="Whether this contact is on the list.")
    limit: int = Field(100, ge=1, le=1000, description="Of one page.")
    after: int | None = Field(None, ge=0, lt=10**18, description="The cursor that the page before ended with.")


class ContactsBody(Because):
    """Contacts, by number."""

    contacts: tuple[str, ...] = Field(min_length=1, max_length=10_000)


class CancelBody(Because):
    """Attempts, by id."""

    attempts: tuple[UUID, ...] = Field(min_length=1, max_length=10_000)
    tenant: str | None = Field(None, max_length=200, description="Whose; then ids not known yet are remembered.")


async def _list(asked: Asked) -> SuppressionPage:
    query: SuppressionsQuery = asked.query
    return await suppress.list_suppressions(
        asked.pool, asked.path["tenant"], contact=query.contact, limit=query.limit, after=query.after
    )


async def _add(asked: Asked) -> suppress.Changed:
    return await suppress.suppress(
        asked.pool, asked.path["tenant"], asked.body.contacts, who=asked.caller.name, why=asked.body.why
    )


async def _remove(asked: Asked) -> suppress.Changed:
    return await suppress.unsuppress(
        asked.pool, asked.path["tenant"], asked.body.contacts, who=asked.caller.name, why=asked.body.why
    )


async def _cancel(asked: Asked) -> Canceled:
    body: CancelBody = asked.body
    return await cancel_attempts(asked.pool, body.attempts, tenant=body.tenant, who=asked.caller.name, why=body.why)


async def _cancel_all(asked: Asked) -> Canceled:
    return await cancel_campaign(asked.pool, asked.path["campaign"], who=asked.caller.name, why=asked.body.why)


_PATH: Final = "/tenants/{tenant}/suppressions"
ROUTES: Final = (
    Route("GET", _PATH, "Whom the tenant does not call", _list, SuppressionPage, query=SuppressionsQuery),
    Route("POST", _PATH, "Call them no more", _add, suppress.Changed, Role.OPERATOR, body=ContactsBody),
    Route("POST", f"{_PATH}/remove", "Call them again", _remove, suppress.Changed, Role.OPERATOR, body=ContactsBody),
    Route("POST", "/attempts/cancel", "Cancel attempts", _cancel, Canceled, Role.OPERATOR, body=CancelBody),
    Route(
        "POST",
        "/campaigns/{campaign}/cancel",
        "Cancel all attempts",
        _cancel_all,
        Canceled,
        Role.OPERATOR,
        body=Because,
    ),
)
