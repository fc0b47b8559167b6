"""SQL as SQL: named blocks in `sql/*.sql`, each with a line of purpose, loaded once.

A block starts with `-- name: some_name`; everything up to the next such line is its text.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from types import MappingProxyType

_NAME = re.compile(r"^-- name: *([a-z0-9_]+) *$", re.MULTILINE)


@cache
def load(file: str) -> MappingProxyType[str, str]:
    """The blocks of `sql/<file>.sql` by name. Raises `ValueError` on a name used twice."""
    text = resources.files("outdial.postgres").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)
    blocks: dict[str, str] = {}
    for name, body in zip(parts[1::2], parts[2::2], strict=True):
        if name in blocks:
            raise ValueError(f"sql/{file}.sql: the block {name!r} stands there twice")
        blocks[name] = body.strip()
    return MappingProxyType(blocks)
