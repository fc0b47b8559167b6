"""Reads a catalogue file: TOML into checked entries, with every problem found at once.

An `Entry` holds only what the file says of one thing, as JSON values in their normal form; which keys are set back to
their default (`key = "default"`) stands beside it, because TOML has no way to write "nothing".
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from pydantic import ValidationError

from outdial.catalogue.complaints import translate
from outdial.catalogue.model import NESTED, NEVER_DEFAULT, TABLES, Table, keys_below
from outdial.catalogue.problems import BadCatalogue, Problem, did_you_mean
from outdial.catalogue.values import NAME, NAME_CURE
from outdial.rules.catalogue_rows import Kind

DEFAULT = "default"
_TOO_DEEP = 8


@dataclass(frozen=True, slots=True)
class Entry:
    """What the file says of one thing. `resets`: paths of keys to set back, `("sticky", "ttl_s")`."""

    kind: Kind
    name: str
    values: Mapping[str, Any]
    resets: frozenset[tuple[str, ...]] = frozenset()

    @property
    def where(self) -> str:
        """`campaigns.spring`."""
        return f"{self.kind}.{self.name}"


@dataclass(frozen=True, slots=True)
class CatalogueFile:
    """A file without problems of its own; whether it fits what is in the database is found by `merge`."""

    name: str
    entries: Mapping[tuple[Kind, str], Entry] = field(default_factory=dict)

    def of(self, kind: Kind) -> Iterator[Entry]:
        """The entries of one kind, in the file's order."""
        return (entry for (of_kind, _), entry in self.entries.items() if of_kind is kind)


def read_catalogue(text: str, file: str) -> CatalogueFile:
    """Raises `BadCatalogue` with every problem of the text. `file` is its name in messages."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadCatalogue(file, [Problem("TOML", "", str(error), "mend the line; strings need quotes")]) from None
    return read_document(document, file)


def read_document(document: Mapping[str, Any], file: str) -> CatalogueFile:
    """What was TOML or JSON: the four tables of things by name. Raises `BadCatalogue` with every problem."""
    problems: list[Problem] = []
    entries: dict[tuple[Kind, str], Entry] = {}
    for kind, name, table in _tables(document, problems):
        entry, found = _entry(kind, name, table)
        problems += found
        entries[kind, name] = entry
    if problems:
        raise BadCatalogue(file, problems)
    return CatalogueFile(file, entries)


def _tables(document: Mapping[str, Any], problems: list[Problem]) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
    for key, things in document.items():
        if key not in set(Kind):
            problems.append(Problem(f"[{key}]", "", "is no table of a catalogue", did_you_mean(key, list(Kind))))
        elif not isinstance(things, dict):
            problems.append(Problem(key, "", "must hold tables", f"write [{key}.a-name]"))
        else:
            for name, table in things.items():
                if not isinstance(table, dict):
                    problems.append(Problem(f"{key}.{name}", "", "must be a table", f"write [{key}.a-name]"))
                elif not NAME.match(name):
                    problems.append(Problem(f"[{key}.{name}]", "", "is not a name", NAME_CURE))
                else:
                    yield Kind(key), name, table


def _entry(kind: Kind, name: str, table: dict[str, Any]) -> tuple[Entry, list[Problem]]:
    where, model = f"{kind}.{name}", TABLES[kind]
    plain, resets = _take_defaults(table, model)
    problems = list(_unstorable(plain, where))
    values: dict[str, Any] = {}
    if not problems:
        try:
            values = model.model_validate(plain).model_dump(exclude_unset=True)
        except ValidationError as error:
            problems = translate(error.errors(include_url=False), where, model)
    return Entry(kind, name, values, frozenset(resets)), problems


def _take_defaults(table: dict[str, Any], model: type[Table]) -> tuple[dict[str, Any], set[tuple[str, ...]]]:
    """Part the keys written as "default" from the others; unknown keys stay, to be refused with the rest."""
    plain: dict[str, Any] = {}
    resets: set[tuple[str, ...]] = set()
    for key, value in table.items():
        if value == DEFAULT and key in model.model_fields and key not in NEVER_DEFAULT:
            resets.add((key,))
        elif key in NESTED and isinstance(value, dict):
            known = keys_below(model, key)
            inner = {k for k, v in value.items() if v == DEFAULT and (known is None or k in known)}
            resets |= {(key, k) for k in inner}
            plain[key] = {k: v for k, v in value.items() if k not in inner}
        else:
            plain[key] = value
    return plain, resets


def _unstorable(value: object, where: str, depth: int = 0) -> Iterator[Problem]:
    """What TOML can write and JSON in PostgreSQL cannot hold."""
    if depth > _TOO_DEEP:
        yield Problem(where, "", "lies too deep", f"at most {_TOO_DEEP} tables inside each other")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _unstorable(key, where, depth + 1)
            yield from _unstorable(inner, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _unstorable(inner, f"{where}[{place}]", depth + 1)
    elif isinstance(value, str) and "\0" in value:
        yield Problem(where, "", "holds a NUL character", "take it out")
    elif isinstance(value, datetime | date) or (isinstance(value, time) and "calling_hours" not in where):
        yield Problem(where, str(value), "is a date or time", "write it as text, in quotes")
