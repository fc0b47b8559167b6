"""Writes tables as TOML, for `outdial show`: just what a catalogue holds (text, numbers, booleans, lists, tables)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100


def document(tables: Mapping[str, Mapping[str, Mapping[str, object]]]) -> str:
    """`{kind: {name: {key: value}}}` as `[kind.name]` tables; tables below those become `[kind.name.key]`."""
    texts = [
        "\n".join(_table(f"{_key(kind)}.{_key(name)}", values)) + "\n"
        for kind, things in tables.items()
        for name, values in things.items()
    ]
    return "\n".join(texts)


def _table(header: str, values: Mapping[str, object]) -> Iterator[str]:
    yield f"[{header}]"
    for key, value in values.items():
        if not isinstance(value, Mapping):
            yield from _pair(key, value)
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield ""
            yield f"[{header}.{_key(key)}]"
            for inner_key, inner in value.items():
                yield from _pair(inner_key, inner)


def _pair(key: str, value: object) -> Iterator[str]:
    """One line, or one line an entry where a list would be too long to read."""
    line = f"{_key(key)} = {inline(value)}"
    if len(line) <= _WIDTH or not isinstance(value, list | tuple):
        yield line
        return
    yield f"{_key(key)} = ["
    for entry in value:
        yield f"  {inline(entry)},"
    yield "]"


def inline(value: object) -> str:
    """A value as it stands on the right of `=`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {inline(one)}" for key, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(inline(one) for one in value)}]"
    raise TypeError(f"a catalogue never holds a {type(value).__name__}")


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else inline(key)
