"""Files of contacts that must not be called: one number a line, or CSV with a column for it; read line by line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from outdial.errors import BadInput
from outdial.rules.ids import E164
from outdial.rules.phone import normalize

COLUMNS: Final = ("contact", "to", "number", "phone", "phone_number")
"""What the column of the numbers may be called; a first line with none of them is a number already."""


@dataclass(frozen=True, slots=True)
class FileProblem:
    """What is wrong with a line. Never shows a phone number in full."""

    line: int
    problem: str


def read_contacts(lines: Iterable[str], region: str | None = None) -> Iterator[E164 | FileProblem]:
    """Every line that holds something. `region`: the country (ISO 3166) whose national numbers are taken too."""
    source = iter(lines)
    head = next(source, "").removeprefix("\ufeff")
    delimiter = max(",;\t", key=head.count)
    titles = [cell.strip().lower() for cell in next(csv.reader([head], delimiter=delimiter), [])]
    at = next((titles.index(name) for name in COLUMNS if name in titles), None)
    if at is None:
        yield from _read(1, head.split(delimiter), 0, region)
    for line, text in enumerate(source, 2):
        try:
            cells = next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            yield FileProblem(line, f"is not CSV: {error}")
            continue
        yield from _read(line, cells, at or 0, region)


def _read(line: int, cells: list[str], at: int, region: str | None) -> Iterator[E164 | FileProblem]:
    if not any(cell.strip() for cell in cells):
        return
    text = cells[at].strip() if at < len(cells) else ""
    if not text:
        yield FileProblem(line, "has no number")
        return
    try:
        yield normalize(text, region)
    except BadInput as error:
        yield FileProblem(line, f"{error.problem} ({error.cure})")
