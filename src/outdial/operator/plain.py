"""What the operator functions return as plain JSON values: one way for the command line, the admin API and the console.

Fields that are times by their name (`is_time`) are Unix seconds and become RFC 3339 text. A contact's full number
stands in fields named `contact` only, beside `contact_masked`: who must not see it gets the value without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import lru_cache
from math import isfinite
from typing import Any, Final
from uuid import UUID

from outdial.rules.events import timestamp

_TIMES: Final = frozenset({"at", "since", "until", "not_before", "not_after"})
_TIME_ENDS: Final = ("_at", "_since", "_until")
_CONTACT: Final = "contact"
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_Way = Callable[[Any, bool], Any]
"""How values of one type become JSON: found once per type, since lists and streams are made of thousands of them."""


def as_data(value: object, *, full: bool = False, name: str = "") -> Any:
    """The value as JSON knows it. `full`: with the contacts' full numbers; `name`: of the field that it stands in."""
    return _WAYS[type(value), is_time(name)](value, full)


@lru_cache(maxsize=4_096)
def is_time(name: str) -> bool:
    """Whether a number in a field of that name is a time, in Unix seconds."""
    return name in _TIMES or name.endswith(_TIME_ENDS)


class _Ways(dict[tuple[type, bool], _Way]):
    """By type, and whether the value stands in a field that is a time by its name."""

    def __missing__(self, key: tuple[type, bool]) -> _Way:
        way = self[key] = _way(*key)
        return way


_WAYS: Final = _Ways()


def _way(kind: type, time: bool) -> _Way:
    if is_dataclass(kind):
        return _fields_of(kind)
    if issubclass(kind, Mapping):
        return _entries
    if issubclass(kind, Enum):
        return lambda value, _: value.value
    if issubclass(kind, set | frozenset):
        return lambda value, full: sorted(_items(value, full))
    if issubclass(kind, list | tuple):
        return _items
    if issubclass(kind, UUID):
        return lambda value, _: str(value)
    if issubclass(kind, float):
        return _time if time else _number
    return lambda value, _: value


def _fields_of(kind: type) -> _Way:
    every = [(one.name, is_time(one.name)) for one in fields(kind)]
    masked = [one for one in every if one[0] != _CONTACT]

    def way(value: Any, full: bool) -> dict[str, Any]:
        return {
            name: item if (of := type(item := getattr(value, name))) in _PLAIN else _WAYS[of, time](item, full)
            for name, time in (every if full else masked)
        }

    return way


def _entries(value: Mapping[Any, Any], full: bool) -> dict[str, Any]:
    return {
        str(key): _WAYS[type(item), is_time(str(key))](item, full)
        for key, item in value.items()
        if full or key != _CONTACT
    }


def _items(value: Iterable[Any], full: bool) -> list[Any]:
    return [_WAYS[type(item), False](item, full) for item in value]


def _number(value: float, _: bool) -> float | None:
    return value if isfinite(value) else None  # JSON has no infinity: no limit


def _time(value: float, _: bool) -> str | None:
    return timestamp(value) if isfinite(value) else None
