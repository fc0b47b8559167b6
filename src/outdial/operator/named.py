"""A number as operators name it: by its name in the catalogue, or by its digits."""

from __future__ import annotations

from outdial.errors import NotFound
from outdial.redaction import mask_number
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.rules.ids import NumberId
from outdial.rules.phone import normalize


def find_number(rows: CatalogueRows, number: str) -> NumberId:
    """The number's name. Raises `NotFound`, and `BadInput` for digits that are no phone number."""
    if number.startswith("+"):
        digits = normalize(number, field="number")
        found = next((row.number for row in rows.numbers.values() if row.e164 == digits), None)
    else:
        found = NumberId(number) if NumberId(number) in rows.numbers else None
    if found is None:
        shown = mask_number(number) if number.startswith("+") else repr(number)
        raise NotFound(f"there is no number {shown} (outdial show numbers)")
    return found
