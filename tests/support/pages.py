"""What the pages of the reference that are written from the code have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar within a cell would end it, so it becomes a slash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines) + "\n"
