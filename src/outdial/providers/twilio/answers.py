"""What an answer's body says, whatever it is: its JSON object, and the code of its error."""

from __future__ import annotations

import json
from collections.abc import Mapping


def as_object(body: bytes) -> Mapping[str, object]:
    """A body's JSON object; empty when it is none."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def error_code(content: Mapping[str, object]) -> str | None:
    """The `code` of an error answer, as text; of several errors that of the first (SignalWire answers with a list)."""
    errors = content.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        code = errors[0].get("code")
        if isinstance(code, str):
            return code
    else:
        code = content.get("code")
    return str(code) if isinstance(code, int) and not isinstance(code, bool) else None
