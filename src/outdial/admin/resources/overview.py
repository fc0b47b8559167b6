"""How things stand: at a glance, and one campaign's capacity."""

from __future__ import annotations

from typing import Final

from outdial.admin.routes import Asked, Route
from outdial.operator.capacity import CampaignCapacity, campaign_capacity
from outdial.operator.overview import Overview, overview


async def _overview(asked: Asked) -> Overview:
    return await overview(asked.pool, spam_threshold=asked.setting.spam_threshold)


async def _capacity(asked: Asked) -> CampaignCapacity:
    return await campaign_capacity(asked.pool, asked.path["campaign"], spam_threshold=asked.setting.spam_threshold)


ROUTES: Final = (
    Route("GET", "/overview", "Is it dialling, and if not why", _overview, Overview),
    Route("GET", "/campaigns/{campaign}/capacity", "What limits it, and why it waits", _capacity, CampaignCapacity),
)
