"""What the error of an answer says."""

from __future__ import annotations

from collections.abc import Mapping


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
