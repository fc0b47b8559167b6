"""Campaigns: the health of their number pools, and dry runs."""

from __future__ import annotations

from typing import Final

from pydantic import AwareDatetime, Field

from outdial.admin.routes import Asked, Input, Route
from outdial.operator.health import CampaignHealth, campaign_health
from outdial.operator.pick import Trial, try_pick


class PickQuery(Input):
    """Whom to call, and when."""

    to: str = Field(max_length=40, description="The contact's number, in E.164 or with + and spaces.")
    seed: int | None = Field(None, ge=0, lt=2**31, description="The draw's seed; without it a new one each time.")
    at: AwareDatetime | None = Field(None, description="At another time than now.")


class HealthQuery(Input):
    """Which of its numbers."""

    limit: int | None = Field(None, ge=1, le=1000, description="Of one page; without it all.")
    after: str = Field("", max_length=200, description="The cursor that the page before ended with.")
    find: str = Field("", max_length=100, description="In a number's name, digits, connection or status.")


async def _health(asked: Asked) -> CampaignHealth:
    query: HealthQuery = asked.query
    return await campaign_health(
        asked.pool,
        asked.path["campaign"],
        limit=query.limit,
        after=query.after,
        find=query.find,
        spam_threshold=asked.setting.spam_threshold,
    )


async def _pick(asked: Asked) -> Trial:
    query: PickQuery = asked.query
    return await try_pick(
        asked.pool,
        asked.path["campaign"],
        query.to,
        seed=query.seed,
        at=query.at.timestamp() if query.at else None,
        spam_threshold=asked.setting.spam_threshold,
    )


ROUTES: Final = (
    Route("GET", "/campaigns/{campaign}/health", "How its numbers fare", _health, CampaignHealth, query=HealthQuery),
    Route("GET", "/campaigns/{campaign}/pick", "Which number would call a contact now", _pick, Trial, query=PickQuery),
)
