"""Logs: one JSON object a line (a console renderer on a terminal), with phone numbers and secrets masked everywhere.

Masking works on every string of every entry, exception texts included, by pattern and by key name (see
`outdial/redaction.py`). The logs of libraries, warnings, uncaught exceptions and what the event loop complains about go
through the same pipeline. Every event has a dotted name from the closed list in `log_events.py`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor

from outdial import __version__
from outdial.redaction import mask, mask_text

__all__ = ["bound", "configure", "log_loop_errors", "mask", "mask_text", "redact"]

_TALKATIVE = ("aio_pika", "aiormq", "aiohttp", "asyncio", "asyncpg")
"""Libraries that are heard from warnings up unless the level is debug."""
_PRINT_BODIES = ("aio_pika", "aiormq", "pamqp")
"""Libraries that print whole messages at level debug, which no masking of ours can read: never heard below info."""
_OURS = frozenset({"timestamp", "level", "service", "version"})
"""What the pipeline itself put in; never masked."""

bound = structlog.contextvars.bound_contextvars
"""Bind values to every log line of this task while a block lasts: `with bound(attempt_id=…):`."""


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The structlog processor; it comes last before rendering, so exception texts are strings by then."""
    return _redacted(event, numbers=True)


def _redact_secrets_only(_logger: Any, _method: str, event: EventDict) -> EventDict:
    return _redacted(event, numbers=False)


def _redacted(event: EventDict, *, numbers: bool) -> EventDict:
    return {key: value if key in _OURS else mask(value, key, numbers=numbers) for key, value in event.items()}


def _identify(_logger: Any, _method: str, event: EventDict) -> EventDict:
    event["service"], event["version"] = "outdial", __version__
    return event


def _name_library_message(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """A library's free text becomes `message` of the one event `library.message`, so that event names stay a closed list."""
    event["message"], event["event"] = event["event"], "library.message"
    return event


def _in_order(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Time, level and event first: JSON lines are read by people, too."""
    return {**{key: event[key] for key in ("timestamp", "level", "event") if key in event}, **event}


def configure(
    *, level: str = "INFO", style: str = "auto", show_numbers: bool = False, stream: TextIO | None = None
) -> None:
    """Set up structlog and the standard library's logging, on `stream` (default: standard error).

    `style`: json | console | auto (console on a terminal). `show_numbers` has an effect at level debug only.
    """
    numeric = logging.getLevelNamesMapping()[level.upper()]
    out = stream or sys.stderr
    console = style == "console" or (style == "auto" and out.isatty())
    shared = _shared_processors(console, show_numbers=show_numbers and numeric <= logging.DEBUG)
    render: list[Processor] = [_console_renderer(out)] if console else [_in_order, _json_renderer()]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _route_libraries(numeric, shared, render, out)


def _shared_processors(console: bool, *, show_numbers: bool) -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        _stamp,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redact_secrets_only if show_numbers else redact,
        *([] if console else [_identify]),
    ]


def _stamp(_logger: Any, _method: str, event: EventDict) -> EventDict:
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return event


def _json_renderer() -> Processor:
    return structlog.processors.JSONRenderer(ensure_ascii=False, default=str)


def _console_renderer(stream: TextIO) -> Processor:
    return structlog.dev.ConsoleRenderer(colors=stream.isatty() and not os.environ.get("NO_COLOR"), pad_event_to=28)


def _route_libraries(level: int, shared: list[Processor], render: list[Processor], out: TextIO) -> None:
    handler: logging.StreamHandler[TextIO] = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, _name_library_message, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(level if level <= logging.DEBUG else max(level, logging.WARNING))
    if level <= logging.DEBUG:
        for name in _PRINT_BODIES:
            logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().critical("process.uncaught", exc_info=(kind, error, trace))


def _log_uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def log_loop_errors(loop: asyncio.AbstractEventLoop) -> None:
    """Log what the event loop complains about (an exception nobody fetched, a broken callback) like everything else."""

    def complain(_loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        structlog.get_logger().error(
            "loop.complaint",
            message=str(context.get("message", "")),
            task=str(task.get_name()) if isinstance(task := context.get("task"), asyncio.Task) else None,
            exc_info=context.get("exception"),
        )

    loop.set_exception_handler(complain)
