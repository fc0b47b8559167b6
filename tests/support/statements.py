"""The blocks of `sql/` as statements that can be prepared."""

from __future__ import annotations

import re
from collections.abc import Iterator

from outdial.postgres import readings, statements
from outdial.postgres.bundle import Part

CLAIMING = [Part("plan", "claim", [None] * 3), Part("plan", "lock_with_claimed", [None] * 3)]
"""The second one names what the first one found."""


def prepared_texts(file: str) -> Iterator[tuple[str, str]]:
    """Name and text of each block; one that names another one, with it."""
    for name, text in statements.load(file).items():
        yield name, readings.text_of(CLAIMING) if name == "lock_with_claimed" else text


def highest_parameter(text: str) -> int:
    """How many parameters a statement has."""
    return max((int(one) for one in re.findall(r"\$(\d+)", text)), default=0)
