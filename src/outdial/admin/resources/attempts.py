"""Attempts: lists by filters, one explained, its pick replayed."""

from __future__ import annotations

from typing import Final

from pydantic import AwareDatetime, Field

from outdial.admin.routes import Asked, Input, Route
from outdial.operator.attempts import AttemptPage, AttemptQuery, list_attempts
from outdial.operator.explain import Explanation, Replayed, explain, replay_pick


class AttemptsQuery(Input):
    """Which attempts; several values of one name: any of them."""

    campaign: str | None = Field(None, max_length=200, description="Of this campaign.")
    tenant: str | None = Field(None, max_length=200, description="Of this tenant.")
    state: tuple[str, ...] = Field((), description="waiting, placing, placed, unconfirmed, ended.")
    contact: str | None = Field(None, max_length=40, description="To this contact's number.")
    number: str | None = Field(None, max_length=200, description="From this number: its name or E.164.")
    outcome: tuple[str, ...] = Field((), description="That ended so.")
    blocker: tuple[str, ...] = Field((), description="That wait for this.")
    since: AwareDatetime | None = Field(None, description="Received at that time or later.")
    until: AwareDatetime | None = Field(None, description="Received before that time.")
    limit: int = Field(50, ge=1, le=1000, description="Of one page.")
    after: str | None = Field(None, max_length=80, description="The cursor that the page before ended with.")


class WhoseQuery(Input):
    """Which attempt of that id."""

    tenant: str | None = Field(None, max_length=200, description="Needed only if several tenants have the id.")


async def _list(asked: Asked) -> AttemptPage:
    query: AttemptsQuery = asked.query
    return await list_attempts(
        asked.pool,
        AttemptQuery(
            campaign=query.campaign,
            tenant=query.tenant,
            states=query.state,
            contact=query.contact,
            number=query.number,
            outcomes=query.outcome,
            blockers=query.blocker,
            since=query.since.timestamp() if query.since else None,
            until=query.until.timestamp() if query.until else None,
            limit=query.limit,
            after=query.after,
        ),
    )


async def _explain(asked: Asked) -> Explanation:
    return await explain(
        asked.pool, asked.path["attempt"], tenant=asked.query.tenant, spam_threshold=asked.setting.spam_threshold
    )


async def _replay(asked: Asked) -> Replayed:
    return await replay_pick(asked.pool, asked.path["attempt"], tenant=asked.query.tenant)


ROUTES: Final = (
    Route("GET", "/attempts", "Attempts, newest first", _list, AttemptPage, query=AttemptsQuery),
    Route("GET", "/attempts/{attempt}/explain", "Everything about one", _explain, Explanation, query=WhoseQuery),
    Route("GET", "/attempts/{attempt}/replay", "Its pick made again", _replay, Replayed, query=WhoseQuery),
)
