"""Logs: one JSON object a line (a console renderer on a terminal), with phone numbers and secrets masked everywhere.

Masking works on every string of every entry, exception texts included, by pattern and by key name; libraries' own
logs go through the same pipeline.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from outdial import __version__

_NUMBER_KEYS = frozenset({"to", "from", "contact", "e164", "number_e164", "called", "caller"})
_SECRET_KEY = re.compile(r"(?i)(password|secret|token$|authorization|api_?key|credential)")
_URL_SECRET = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s@/]+@")
_BEARER = re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9._~+/=-]{8,}")
_UUID_OR_TIME = (
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:[\d.]+"
)
_PHONE = re.compile(
    rf"(?P<keep>{_UUID_OR_TIME})"
    r"|(?P<plus>(?:\+|%2[Bb]|(?<![\w.])00)[1-9](?:[\s().\-/]{0,2}\d){6,14})"
    r"|(?P<national>(?<![\w.:/-])\(?\d{3}\)?[\s.\-]\d{3}[\s.\-]\d{4}(?![\w.]))"
    r"|(?P<bare>(?<![\w.:+-])[1-9]\d{9,14}(?![\w.]))"
)


def mask_text(text: str) -> str:
    """The text with everything that looks like a phone number or a secret in a URL hidden."""
    text = _URL_SECRET.sub(r"\1:***@", text)
    text = _BEARER.sub(r"\1 ***", text)
    return _PHONE.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    if match["keep"]:
        return match["keep"]
    digits = re.sub(r"\D", "", match[0])
    return f"…{digits[-2:]}"


def mask(value: Any, key: str = "") -> Any:
    """The value with all strings in it masked, however deep."""
    if _SECRET_KEY.search(key) and value:
        return "***"
    if isinstance(value, str):
        if key in _NUMBER_KEYS and value:
            return f"…{value[-2:]}"
        return mask_text(value)
    if isinstance(value, dict):
        return {k: mask(v, str(k)) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [mask(one) for one in value]
    if value is None or isinstance(value, bool | float | int):
        return value
    return mask_text(str(value))


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The structlog processor; it comes last before rendering, so exception texts are strings by then."""
    return {key: mask(value, key) for key, value in event.items()}


def _identify(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["service"], event["version"] = "outdial", __version__
    return event


def configure(*, level: str = "INFO", style: str = "auto", show_numbers: bool = False) -> None:
    """Set up structlog and the standard library's logging. `style`: json | console | auto (console on a terminal)."""
    console = style == "console" or (style == "auto" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    if not show_numbers:
        shared.append(redact)
    render: Processor = structlog.dev.ConsoleRenderer() if console else structlog.processors.JSONRenderer()
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, *([] if console else [_identify]), render],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(numeric, logging.WARNING))
