"""What the operator functions return as plain JSON values: one way for the command line, the admin API and the console.

Fields that are times by their name (`is_time`) are Unix seconds and become RFC 3339 text. A contact's full number
stands in fields named `contact` only, beside `contact_masked`: who must not see it gets the value without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, Final
from uuid import UUID

from outdial.rules.events import timestamp

_TIMES: Final = frozenset({"at", "since", "until", "not_before", "not_after"})
_TIME_ENDS: Final = ("_at", "_since", "_until")
_CONTACT: Final = "contact"
_PLAIN: Final = frozenset({str, int, bool, type(None)})


def as_data(value: object, *, full: bool = False, name: str = "") -> Any:
    """The value as JSON knows it. `full`: with the contacts' full numbers; `name`: of the field that it stands in."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if is_dataclass(kind):
        return _object({one: getattr(value, one) for one in _names(kind)}, full)
    if isinstance(value, Mapping):
        return _object({str(key): item for key, item in value.items()}, full)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(as_data(item, full=full) for item in value)
    if isinstance(value, list | tuple):
        return [as_data(item, full=full) for item in value]
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float):
        return _number(value, name)
    return value


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def is_time(name: str) -> bool:
    """Whether a number in a field of that name is a time, in Unix seconds."""
    return name in _TIMES or name.endswith(_TIME_ENDS)


def _object(values: Mapping[str, object], full: bool) -> dict[str, Any]:
    return {name: as_data(value, full=full, name=name) for name, value in values.items() if full or name != _CONTACT}


def _number(value: float, name: str) -> float | str | None:
    if not isfinite(value):
        return None  # JSON has no infinity: no limit
    return timestamp(value) if is_time(name) else value
