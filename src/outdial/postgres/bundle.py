"""Several named blocks in one statement: a turn writes a dozen tables, and each round trip would cost as much as its rows.

Each part becomes a common table expression, its parameters counted on. PostgreSQL runs all of them from one snapshot and
in no promised order, so parts of one bundle must not depend on each other's rows: what must follow goes into the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from outdial.postgres.statements import load

_PARAMETER = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Part:
    """A block of `sql/<file>.sql` with its arguments. `result`: an expression over the rows that it returns."""

    file: str
    block: str
    arguments: Sequence[Any]
    result: str = ""


async def run(connection: Any, parts: Sequence[Part]) -> Mapping[str, Any]:
    """Run all parts in one round trip; returns by block what was asked for as `result`."""
    if not parts:
        return {}
    row = await connection.fetchrow(text_of(parts), *(argument for part in parts for argument in part.arguments))
    return {part.block: row[part.block] for part in parts if part.result}


def text_of(parts: Sequence[Part]) -> str:
    """The statement that runs them."""
    return _text(tuple((part.file, part.block, len(part.arguments), part.result) for part in parts))


@lru_cache(maxsize=256)
def _text(parts: tuple[tuple[str, str, int, str], ...]) -> str:
    results = [f"(select {result} from {block}_rows) as {block}" for _, block, _, result in parts if result]
    return f"with {expressions([part[:3] for part in parts])}\nselect {', '.join(results) or 'true'}"


def expressions(parts: Sequence[tuple[str, str, int]]) -> str:
    """Blocks as common table expressions `<block>_rows`. Each part: file, block, how many parameters it has."""
    made, before = [], 0
    for file, block, parameters in parts:
        made.append(f"{block}_rows as (\n{_counted_on(load(file)[block], before)}\n)")
        before += parameters
    return ",\n".join(made)


def _counted_on(text: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", text)
