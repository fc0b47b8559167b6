"""Campaigns: health of the number pool, dry runs, pausing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import Field

from outdial.admin.routes import Asked, Because, Input, Route
from outdial.admin.tokens import Role
from outdial.operator.health import CampaignHealth, campaign_health
from outdial.operator.pause import set_paused
from outdial.operator.pick import Trial, try_pick
from outdial.rules.catalogue_rows import Kind


class PickQuery(Input):
    """Whom to call, and when."""

    to: str = Field(max_length=40, description="The contact's number, in E.164 or with + and spaces.")
    seed: int | None = Field(None, ge=0, lt=2**31, description="The draw's seed; without it a new one each time.")
    at: float | None = Field(None, description="At another time: Unix seconds.")


@dataclass(frozen=True, slots=True)
class Changed:
    """Whether the request changed anything; asked again, it does not."""

    changed: bool


async def _health(asked: Asked) -> CampaignHealth:
    return await campaign_health(asked.pool, asked.path["campaign"], spam_threshold=asked.setting.spam_threshold)


async def _pick(asked: Asked) -> Trial:
    query: PickQuery = asked.query
    return await try_pick(
        asked.pool,
        asked.path["campaign"],
        query.to,
        seed=query.seed,
        at=query.at,
        spam_threshold=asked.setting.spam_threshold,
    )


async def _pause(asked: Asked) -> Changed:
    return await _set_paused(asked, paused=True)


async def _resume(asked: Asked) -> Changed:
    return await _set_paused(asked, paused=False)


async def _set_paused(asked: Asked, *, paused: bool) -> Changed:
    name = asked.path["campaign"]
    changed = await set_paused(
        asked.pool, Kind.CAMPAIGN, name, paused=paused, who=asked.caller.name, why=asked.body.why
    )
    return Changed(changed)


ROUTES: Final = (
    Route("GET", "/campaigns/{campaign}/health", "How its numbers fare", _health, CampaignHealth),
    Route(
        "GET", "/campaigns/{campaign}/pick", "Which number would call this contact now", _pick, Trial, query=PickQuery
    ),
    Route("POST", "/campaigns/{campaign}/pause", "No new calls", _pause, Changed, role=Role.OPERATOR, body=Because),
    Route("POST", "/campaigns/{campaign}/resume", "Calls again", _resume, Changed, role=Role.OPERATOR, body=Because),
)
