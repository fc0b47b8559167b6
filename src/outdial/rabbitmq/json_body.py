"""A message body as a JSON object, strictly: UTF-8, finite numbers, bounded depth, nothing that PostgreSQL cannot store.

The exact checks walk through the whole value; cheap ones on the bytes tell first whether a walk is needed at all. Of a
key that stands twice the last one counts, as in every JSON reader.
"""

from __future__ import annotations

import json
import math
from typing import Any

from outdial.ports.messages import BadMessage, WhyBad

MAX_BODY_BYTES = 65_536
MAX_DEPTH = 16
"""Objects and lists within each other: far more than any carrier's instruction has, far less than Python's stack."""


def read_object(body: bytes) -> dict[str, Any]:
    """The object in `body`. Raises `BadMessage`."""
    if len(body) > MAX_BODY_BYTES:
        raise BadMessage(WhyBad.TOO_LARGE, "", f"{len(body)} bytes", f"send at most {MAX_BODY_BYTES}")
    try:
        text = body.decode()
        value = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage(WhyBad.NOT_JSON, "", "the body is not JSON in UTF-8", "send one JSON object") from error
    if not isinstance(value, dict):
        raise BadMessage(WhyBad.NOT_AN_OBJECT, "", f"the body is a {_kind(value)}", "send one JSON object")
    if text.count("{") + text.count("[") > MAX_DEPTH or "\\u" in text:
        _check(value, "", 1)
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("the number is too large")
    return number


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)


def _kind(value: object) -> str:
    return {list: "list", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")


def _check(value: object, path: str, depth: int) -> None:
    """Raises `BadMessage` with the path of a string that cannot be stored, or of what lies too deep."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise BadMessage(WhyBad.UNSTORABLE_TEXT, path, "holds \\u0000 or half a character", "leave it out")
    elif isinstance(value, dict | list):
        if depth > MAX_DEPTH:
            raise BadMessage(WhyBad.TOO_DEEP, _shown(path), f"more than {MAX_DEPTH} levels", "send it flatter")
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in pairs:
            _check(name, path or "(a field name)", depth)
            _check(part, f"{path}.{name}" if path else str(name), depth + 1)


def _shown(path: str) -> str:
    return path if len(path) <= 128 else f"{path[:128]}…"
