"""How things stand: at a glance, all limits, and one campaign's capacity."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from outdial.admin.routes import Asked, Input, Route
from outdial.operator.capacity import CampaignCapacity, CapacityPreview, campaign_capacity, preview_capacity
from outdial.operator.limits import Limits, all_limits
from outdial.operator.overview import Overview, overview
from outdial.operator.things import nulls_are_defaults


async def _overview(asked: Asked) -> Overview:
    return await overview(asked.pool, spam_threshold=asked.setting.spam_threshold)


async def _limits(asked: Asked) -> Limits:
    return await all_limits(asked.pool)


class PreviewBody(Input):
    """A campaign as it might be. `campaign`: an existing one that is changed, or any other name."""

    campaign: str = Field("preview", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    keys: dict[str, Any] = Field(description="As in the catalogue file: tenant, primary, pool, max_calls, ...")


async def _preview(asked: Asked) -> CapacityPreview:
    body: PreviewBody = asked.body
    threshold = asked.setting.spam_threshold
    return await preview_capacity(asked.pool, body.campaign, nulls_are_defaults(body.keys), spam_threshold=threshold)


async def _capacity(asked: Asked) -> CampaignCapacity:
    return await campaign_capacity(asked.pool, asked.path["campaign"], spam_threshold=asked.setting.spam_threshold)


ROUTES: Final = (
    Route("GET", "/overview", "Is it dialling, and if not why", _overview, Overview),
    Route("GET", "/limits", "What tenants and connections have in use, and may have", _limits, Limits),
    Route("GET", "/campaigns/{campaign}/capacity", "What limits it, and why it waits", _capacity, CampaignCapacity),
    Route(
        "POST",
        "/capacity/preview",
        "What a pool that is not saved yet would allow",
        _preview,
        CapacityPreview,
        body=PreviewBody,
    ),
)
