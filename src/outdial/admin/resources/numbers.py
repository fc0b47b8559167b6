"""Numbers: one across its campaigns."""

from __future__ import annotations

from typing import Final

from outdial.admin.routes import Asked, Route
from outdial.operator.health import NumberHealthPage, number_health


async def _number(asked: Asked) -> NumberHealthPage:
    return await number_health(asked.pool, asked.path["number"], spam_threshold=asked.setting.spam_threshold)


ROUTES: Final = (
    Route("GET", "/numbers/{number}/health", "One number across its campaigns", _number, NumberHealthPage),
)
