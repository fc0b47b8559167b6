"""Strict reading of JSON-like mappings: unknown keys are refused with a suggestion, wrong values by name and cure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


class ScenarioError(ValueError):
    """Something in a scenario (or in a request to the admin API) cannot be; names the field, the problem and the cure."""

    def __init__(self, field: str, problem: str, cure: str = "") -> None:
        super().__init__(f"{field}: {problem}" + (f" ({cure})" if cure else ""))
        self.field = field


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with the path that leads to it, so that each complaint can say where."""

    values: Mapping[str, object]
    path: str = ""

    def at(self, key: str) -> str:
        """The full name of a key."""
        return f"{self.path}.{key}" if self.path else key

    def only(self, allowed: Iterable[str]) -> Table:
        """Refuse every key that is not allowed."""
        names = sorted(allowed)
        for key in self.values:
            if key not in names:
                near = difflib.get_close_matches(key, names, 1)
                cure = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names)}"
                raise ScenarioError(self.at(key), "unknown key", cure)
        return self

    def text(self, key: str, default: str = "") -> str:
        """A string."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            raise ScenarioError(self.at(key), f"{value!r} is not a string", "put it in quotes")
        return value

    def one_of(self, key: str, allowed: Iterable[str], default: str) -> str:
        """A string out of a closed set."""
        value = self.text(key, default)
        names = list(allowed)
        if value not in names:
            near = difflib.get_close_matches(value, names, 1)
            cure = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(names)}"
            raise ScenarioError(self.at(key), f"{value!r} is not known", cure)
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise ScenarioError(self.at(key), f"{value!r} is not true or false")
        return value

    def number(self, key: str, default: float, *, low: float = 0.0, high: float = 1e12) -> float:
        """A number within a range."""
        value = self.values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ScenarioError(self.at(key), f"{value!r} is not a number")
        if not low <= value <= high:
            raise ScenarioError(self.at(key), f"{value!r} is out of range", f"from {low:g} to {high:g}")
        return float(value)

    def share(self, key: str, default: float) -> float:
        """A number from 0 to 1."""
        return self.number(key, default, high=1.0)

    def whole(self, key: str, default: int, *, low: int = 0, high: int = 10**12) -> int:
        """An integer within a range."""
        value = self.number(key, default, low=low, high=high)
        if value != int(value):
            raise ScenarioError(self.at(key), f"{value!r} is not a whole number")
        return int(value)

    def table(self, key: str) -> Table:
        """A table inside this one; an absent one is empty."""
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise ScenarioError(self.at(key), "is not a table")
        return Table(value, self.at(key))

    def tables(self, key: str) -> list[Table]:
        """An array of tables."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, Mapping) for each in value):
            raise ScenarioError(self.at(key), "is not an array of tables", f"write [[{self.at(key)}]]")
        return [Table(each, f"{self.at(key)}[{index}]") for index, each in enumerate(value)]

    def wholes(self, key: str) -> frozenset[int]:
        """A list of whole numbers."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, int) for each in value):
            raise ScenarioError(self.at(key), f"{value!r} is not a list of whole numbers")
        return frozenset(value)
