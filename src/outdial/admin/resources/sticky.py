"""Sticky assignments: a contact's own numbers shown, set and cleared; a whole campaign's cleared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import Field

from outdial.admin.problems import Problem
from outdial.admin.routes import Asked, Because, Input, Route
from outdial.admin.tokens import Role
from outdial.operator import sticky
from outdial.operator.sticky import CampaignCleared, StickyLine, StickySet


class ContactQuery(Input):
    """Whose."""

    contact: str = Field(max_length=40, description="The contact's number.")
    campaign: str | None = Field(None, max_length=200, description="In this campaign only.")


class SetBody(Input):
    """Whom to bind to which number."""

    contact: str = Field(max_length=40)
    number: str = Field(max_length=200, description="The number's name or E.164.")
    why: str = Field(min_length=1, max_length=500, description="Why, for the audit log.")


class ClearBody(Input):
    """Whom to let go."""

    contact: str = Field(max_length=40)
    why: str = Field(min_length=1, max_length=500, description="Why, for the audit log.")


class ClearAllBody(Because):
    """All of a campaign. `count`: how many the caller knows to be lost, as the dry run said."""

    dry_run: bool = False
    count: int | None = Field(None, ge=0, description="Refuse if more would be lost than this.")


@dataclass(frozen=True, slots=True)
class Assignments:
    """What holds for a contact."""

    assignments: tuple[StickyLine, ...]


@dataclass(frozen=True, slots=True)
class Cleared:
    """What held until then; None = nothing did."""

    before: StickyLine | None


async def _show(asked: Asked) -> Assignments:
    query: ContactQuery = asked.query
    threshold = asked.setting.spam_threshold
    found = await sticky.contact_assignments(asked.pool, query.contact, query.campaign, spam_threshold=threshold)
    return Assignments(tuple(found))


async def _set(asked: Asked) -> StickySet:
    body: SetBody = asked.body
    return await sticky.set_assignment(
        asked.pool,
        asked.path["campaign"],
        body.contact,
        body.number,
        who=asked.caller.name,
        why=body.why,
        spam_threshold=asked.setting.spam_threshold,
    )


async def _clear(asked: Asked) -> Cleared:
    body: ClearBody = asked.body
    before = await sticky.clear_assignment(
        asked.pool,
        asked.path["campaign"],
        body.contact,
        who=asked.caller.name,
        why=body.why,
        spam_threshold=asked.setting.spam_threshold,
    )
    return Cleared(before)


async def _clear_all(asked: Asked) -> CampaignCleared:
    body: ClearAllBody = asked.body
    campaign = asked.path["campaign"]
    count = await sticky.count_assignments(asked.pool, campaign)
    if body.dry_run:
        return CampaignCleared(campaign, count)
    if body.count is not None and count > body.count:
        what = f"{count:,} assignments would be lost now, more than the {body.count:,} that were agreed to"
        raise Problem(409, "more_than_agreed", what)
    return await sticky.clear_campaign(asked.pool, campaign, who=asked.caller.name, why=body.why)


_PATH: Final = "/campaigns/{campaign}/sticky"
ROUTES: Final = (
    Route("GET", "/sticky", "A contact's own numbers", _show, Assignments, query=ContactQuery),
    Route("PUT", _PATH, "Bind a contact to a number", _set, StickySet, Role.OPERATOR, body=SetBody),
    Route("POST", f"{_PATH}/clear", "Let a contact go", _clear, Cleared, Role.OPERATOR, body=ClearBody),
    Route(
        "POST",
        f"{_PATH}/clear-all",
        "Let all contacts of a campaign go",
        _clear_all,
        CampaignCleared,
        Role.OPERATOR,
        body=ClearAllBody,
        statuses=(409,),
    ),
)
