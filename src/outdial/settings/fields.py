"""How a setting is written down: default, range, unit, meaning and reason in one place, for people and for machines."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Group(BaseModel):
    """A table of settings: frozen, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, hide_input_in_errors=True)


def setting(
    default: object,
    what: str,
    *,
    why: str,
    unit: str = "",
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    pattern: str | None = None,
) -> Any:
    """A setting. `what` it means, in which `unit`, and `why` the default is what it is."""
    return Field(
        default,
        description=what,
        ge=ge,
        gt=gt,
        le=le,
        pattern=pattern,
        json_schema_extra={"unit": unit, "why": why},
    )
