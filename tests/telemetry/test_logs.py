"""Logs as they are written: one JSON object a line, everything masked, libraries included, names from the closed list."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from outdial.telemetry import logs
from outdial.telemetry.log_events import LOG_EVENTS
from tests.support.logging_state import restored_logging

CANARY = "+12025550143"
CANARY_DIGITS = re.compile(r"2025550143|202.?555.?0143")
SOURCE = Path(__file__).parents[2] / "src" / "outdial"


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    """What a test sets up ends with it."""
    with restored_logging():
        yield


def lines_of(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def configured(level: str = "info", **options: Any) -> io.StringIO:
    out = io.StringIO()
    logs.configure(level=level, stream=out, **options)
    return out


def test_a_line_is_one_json_object_that_begins_with_time_level_and_event() -> None:
    out = configured()
    structlog.get_logger().info("task.retry", task="relay", duration_ms=12)
    (line,) = lines_of(out)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line == {
        "level": "info", "event": "task.retry", "task": "relay", "duration_ms": 12, "service": "outdial", "version": "0.1.0",
    }  # fmt: skip


def test_a_number_is_masked_wherever_it_is() -> None:
    out = configured()
    log = structlog.get_logger()
    log.warning(
        "task.retry", to=CANARY, why=f"calling {CANARY}", deep={"list": [CANARY, {"x": CANARY}]}, digits=12025550143
    )
    log.warning(f"an event with {CANARY}")
    with logs.bound(contact=CANARY, note=f"bound {CANARY}"):
        log.warning("task.retry")
    logging.getLogger("aio_pika").warning("Sent %r to %s", {"To": CANARY}, CANARY)
    logging.getLogger("asyncpg").error("DETAIL:  Key (contact)=(%s) already exists.", CANARY)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"about {CANARY}", UserWarning, stacklevel=1)
    assert len(lines_of(out)) == 6
    assert not CANARY_DIGITS.search(out.getvalue())


def test_a_number_in_an_exception_its_cause_and_its_trace_is_masked() -> None:
    out = configured()
    try:
        try:
            raise ValueError(f"cannot call {CANARY}")
        except ValueError as error:
            raise RuntimeError("+1 (202) 555-0143 again") from error
    except RuntimeError:
        structlog.get_logger().exception("task.failed")
        logging.getLogger("aiohttp").exception("unhandled")
    first, second = lines_of(out)
    assert "RuntimeError" in first["exception"]
    assert "ValueError: cannot call …43" in first["exception"]
    assert second["event"] == "library.message"
    assert second["message"] == "unhandled"
    assert not CANARY_DIGITS.search(out.getvalue())


def test_uncaught_exceptions_and_the_loops_complaints_are_masked_too() -> None:
    out = configured()
    error = ValueError(f"cannot call {CANARY}")
    sys.excepthook(ValueError, error, None)
    loop = asyncio.new_event_loop()
    logs.log_loop_errors(loop)
    loop.call_exception_handler({"message": f"never fetched {CANARY}", "exception": error})
    loop.close()
    assert [line["event"] for line in lines_of(out)] == ["process.uncaught", "loop.complaint"]
    assert not CANARY_DIGITS.search(out.getvalue())


def test_the_console_masks_as_well() -> None:
    out = configured(style="console")
    structlog.get_logger().warning("task.retry", to=CANARY, why=f"calling {CANARY}")
    assert "…43" in out.getvalue()
    assert not CANARY_DIGITS.search(out.getvalue())


@pytest.mark.parametrize(("level", "shown"), [("debug", True), ("info", False)])
def test_numbers_are_shown_only_at_debug_and_by_an_explicit_switch(level: str, shown: bool) -> None:
    out = configured(level, show_numbers=True)
    structlog.get_logger().warning("task.retry", to=CANARY, url="amqp://u:hunter2@h/")
    assert (CANARY in out.getvalue()) is shown
    assert "hunter2" not in out.getvalue()


def test_secrets_never_come_through() -> None:
    out = configured("debug")
    log = structlog.get_logger()
    log.debug(
        "task.retry", url="amqp://u:hunter2@h/", headers={"Authorization": "Basic aHVudGVyMg=="}, auth_token="hunter2"
    )
    logging.getLogger("aiormq").info("connecting to amqp://u:hunter2@h/")
    assert len(lines_of(out)) == 2
    assert "hunter2" not in out.getvalue()
    assert "aHVudGVyMg" not in out.getvalue()


def test_talkative_libraries_are_heard_from_warnings_up_unless_debugging_and_messages_never() -> None:
    quiet, loud = configured("info"), None
    logging.getLogger("aio_pika").info("chatter")
    assert lines_of(quiet) == []
    loud = configured("debug")
    logging.getLogger("asyncpg").debug("chatter")
    logging.getLogger("aio_pika").debug("a whole message")
    logging.getLogger("aio_pika").info("chatter")
    assert [line["logger"] for line in lines_of(loud)] == ["asyncpg", "aio_pika"]
    assert "a whole message" not in loud.getvalue()


def test_auto_is_json_when_it_is_no_terminal() -> None:
    out = configured(style="auto")
    structlog.get_logger().info("task.retry")
    assert lines_of(out)[0]["event"] == "task.retry"


def events_in_the_source() -> set[str]:
    """The first argument of every `log.<level>(…)` in the source that is a plain text."""
    levels = {"debug", "info", "warning", "error", "exception", "critical"}
    found = set()
    for path in SOURCE.rglob("*.py"):
        if "carrier" in path.relative_to(SOURCE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in levels:
                owner = ast.unparse(node.func.value)
                if node.args and (owner in {"log", "self._log", "logger"} or "get_logger" in owner):
                    assert isinstance(node.args[0], ast.Constant), f"{path.name}: {ast.unparse(node)}"
                    found.add(str(node.args[0].value))
    return found


def test_every_event_that_is_logged_is_in_the_list_and_the_other_way_round() -> None:
    named_by_the_pipeline = {"library.message"}
    assert events_in_the_source() | named_by_the_pipeline == set(LOG_EVENTS)


def test_event_names_are_dotted_words() -> None:
    for name, meaning in LOG_EVENTS.items():
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", name)
        assert meaning
