"""Numbers: one across its campaigns; flagged, unflagged, cleared, taken out of use, released."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from outdial.admin.routes import Asked, Because, Route
from outdial.admin.tokens import Role
from outdial.operator import numbers
from outdial.operator.health import NumberHealthPage, number_health
from outdial.operator.numbers import NumberCleared, NumberScored, StateChange
from outdial.rules.catalogue_rows import NumberState


class FlagBody(Because):
    """A spam score from outside."""

    score: float = Field(1.0, ge=0, le=1, description="0 = clean, 1 = flagged.")
    source: str = Field("operator", min_length=1, max_length=100, description="Who says so; each has one score.")


class UnflagBody(Because):
    """Which scores to forget."""

    source: str | None = Field(None, max_length=100, description="Only what this one reported.")


class StateBody(Because):
    """Into or out of use."""

    state: NumberState = Field(description="active, inactive (for a while) or released (given back to the carrier).")
    dry_run: bool = Field(False, description="Only say what it would mean.")


async def _health(asked: Asked) -> NumberHealthPage:
    return await number_health(asked.pool, asked.path["number"], spam_threshold=asked.setting.spam_threshold)


async def _flag(asked: Asked) -> NumberScored:
    body: FlagBody = asked.body
    return await numbers.flag_number(
        asked.pool,
        asked.path["number"],
        body.score,
        body.source,
        who=asked.caller.name,
        why=body.why,
        spam_threshold=asked.setting.spam_threshold,
    )


async def _unflag(asked: Asked) -> NumberScored:
    body: UnflagBody = asked.body
    return await numbers.unflag_number(
        asked.pool,
        asked.path["number"],
        body.source,
        who=asked.caller.name,
        why=body.why,
        spam_threshold=asked.setting.spam_threshold,
    )


async def _clear(asked: Asked) -> NumberCleared:
    return await numbers.clear_number(asked.pool, asked.path["number"], who=asked.caller.name, why=asked.body.why)


async def _state(asked: Asked) -> StateChange:
    body: StateBody = asked.body
    if body.dry_run:
        return await numbers.propose_state(asked.pool, asked.path["number"], body.state)
    return await numbers.set_state(asked.pool, asked.path["number"], body.state, who=asked.caller.name, why=body.why)


_PATH: Final = "/numbers/{number}"
ROUTES: Final = (
    Route("GET", f"{_PATH}/health", "One number across its campaigns", _health, NumberHealthPage),
    Route("POST", f"{_PATH}/flag", "Note a spam score", _flag, NumberScored, Role.OPERATOR, body=FlagBody),
    Route("POST", f"{_PATH}/unflag", "Forget spam scores", _unflag, NumberScored, Role.OPERATOR, body=UnflagBody),
    Route(
        "POST", f"{_PATH}/clear", "Forget its carrier's refusals", _clear, NumberCleared, Role.OPERATOR, body=Because
    ),
    Route("POST", f"{_PATH}/state", "Into or out of use", _state, StateChange, Role.OPERATOR, body=StateBody),
)
