"""The resources of the admin API, one module per kind of thing; the route table is their sum."""

from __future__ import annotations

from typing import Final

from outdial.admin.resources import attempts, campaigns, dead, me, numbers, overview, sticky, suppressions, things
from outdial.admin.routes import Route

ROUTES: Final[tuple[Route, ...]] = (
    *me.ROUTES,
    *overview.ROUTES,
    *things.ROUTES,
    *campaigns.ROUTES,
    *attempts.ROUTES,
    *numbers.ROUTES,
    *sticky.ROUTES,
    *suppressions.ROUTES,
    *dead.ROUTES,
)
