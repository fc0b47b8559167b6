"""Files of call attempts: CSV and JSON lines, read line by line into messages that outdial would take, or into problems.

CSV columns are the message's fields; `metadata.NAME` and `answer.PROVIDER.KEY` reach inside. An empty cell is a field
left out. A tool can be stricter than the daemon: an unknown field is a problem here, since it is most often misspelt.
"""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from outdial.errors import BadInput
from outdial.ports.messages import BadMessage, Delivery
from outdial.rabbitmq.messages import VERSION, AttemptRequested, decode
from outdial.rules.attempt import AttemptRequest
from outdial.rules.phone import is_possible

REQUESTED: Final = f"{AttemptRequested.kind}.{VERSION}"
_FIELDS: Final = tuple(AttemptRequested.model_fields)
_NUMBERS: Final = frozenset({"attempt_no", "priority", "ring_timeout_s", "max_duration_s"})
_TRUTH: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_STABLE_IDS: Final = uuid.UUID("0d3f3c5e-7a43-5b0e-9a52-3f8f6f3d1b77")
"""Fixed for ever: `--stable-ids` derives ids within it."""


@dataclass(frozen=True, slots=True)
class Job:
    """One message, ready to be published."""

    line: int
    tenant: str
    attempt_id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line. Never shows a phone number."""

    line: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True)
class Defaults:
    """What fills in fields that a line leaves out.

    `stable_ids`: an id made from tenant, campaign, contact and attempt_no instead of a random one, so that the same
    file enqueued twice makes each call once.
    """

    tenant: str | None = None
    campaign: str | None = None
    stable_ids: bool = False


def read_jobs(lines: Iterable[str], kind: str, defaults: Defaults) -> Iterator[Job | Problem]:
    """Every line as a job or a problem. `kind`: csv or jsonl. Raises `BadInput` when the file as a whole is wrong."""
    seen: dict[str, int] = {}
    for line, found in _csv_rows(lines) if kind == "csv" else _json_rows(lines):
        made = found if isinstance(found, Problem) else _job(line, found, defaults)
        if isinstance(made, Job):
            first = seen.setdefault(made.attempt_id, line)
            if first != line:
                made = Problem(line, "attempt_id", f"stands in line {first}, too; an id is called once")
        yield made


# --- JSON lines ----------------------------------------------------------------------------------------------------


def _json_rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    for n, line in enumerate(lines, 1):
        text = line.removeprefix("\ufeff").strip()
        if not text:
            continue
        try:
            row = json.loads(text)
        except (ValueError, RecursionError):
            yield n, Problem(n, "", "is not JSON")
            continue
        yield n, row if isinstance(row, dict) else Problem(n, "", "is no JSON object")


# --- CSV -----------------------------------------------------------------------------------------------------------


def _csv_rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    source = iter(lines)
    head = next(source, "").removeprefix("\ufeff")
    delimiter = max(",;\t", key=head.count)
    columns = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
    _check_columns(columns)
    rows = csv.reader(source, delimiter=delimiter, strict=True)
    while True:
        line = rows.line_num + 2  # where the next row begins; the header is line 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, Problem(line, "", f"is not CSV: {error}")
            continue
        if len(cells) > len(columns):
            yield line, Problem(line, "", f"has {len(cells)} cells for {len(columns)} columns")
        elif any(cell.strip() for cell in cells):
            yield line, _row(line, columns, cells)


def _check_columns(columns: list[str]) -> None:
    if not columns:
        raise BadInput("line 1", "there is no header", f"name the columns: {', '.join(_FIELDS[:4])}, ...")
    for name in columns:
        top = name.split(".", 1)[0]
        inside = name.startswith(("metadata.", "answer.")) and name.count(".") == (1 if top == "metadata" else 2)
        if not (inside or (name in _FIELDS and name not in {"metadata", "answer"})):
            raise BadInput("line 1", f"unknown column {name[:64]!r}", _suggestion(name))
    if len(set(columns)) < len(columns):
        raise BadInput("line 1", "a column stands there twice", "keep one of them")


def _row(line: int, columns: list[str], cells: list[str]) -> dict[str, Any] | Problem:
    row: dict[str, Any] = {}
    for name, cell in zip(columns, cells, strict=False):
        text = cell.strip()
        if not text:
            continue
        *path, last = name.split(".")
        into = row
        for part in path:
            into = into.setdefault(part, {})
        try:
            into[last] = _value(name, text)
        except ValueError:
            return Problem(line, name, "is not a whole number" if name in _NUMBERS else "is neither true nor false")
    return row


def _value(name: str, text: str) -> object:
    if name in _NUMBERS:
        return int(text)
    if name == "record":
        if text.lower() not in _TRUTH:
            raise ValueError
        return _TRUTH[text.lower()]
    return text


# --- Both ----------------------------------------------------------------------------------------------------------


def _job(line: int, row: dict[str, Any], defaults: Defaults) -> Job | Problem:
    for name, value in (("tenant_id", defaults.tenant), ("campaign_id", defaults.campaign)):
        if value is not None and row.get(name) is None:
            row[name] = value
    if row.get("attempt_id") is None:
        row["attempt_id"] = _stable_id(row) if defaults.stable_ids else str(uuid.uuid4())
    body = _body(row)
    tenant, attempt_id = str(row.get("tenant_id")), str(row["attempt_id"]).lower()
    delivery = Delivery("", tenant, body, None, REQUESTED, {}, redelivered=False)
    try:
        request, unknown = decode(delivery)
    except BadMessage as error:
        return Problem(line, error.field, error.problem + (f" ({error.cure})" if error.cure else ""))
    if unknown:
        return Problem(line, unknown[0][:64], f"unknown field ({_suggestion(unknown[0])})")
    assert isinstance(request, AttemptRequest), "the type says so"
    if not is_possible(request.to):
        return Problem(line, "to", "is no possible phone number (write it with + and country code)")
    return Job(line, tenant, attempt_id, body)


def _body(row: dict[str, Any]) -> bytes:
    try:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half a character: escaped it can be named as what is wrong
        return json.dumps(row).encode()


def _stable_id(row: dict[str, Any]) -> str:
    parts = [str(row.get(name, "")) for name in ("tenant_id", "campaign_id", "to")]
    return str(uuid.uuid5(_STABLE_IDS, "/".join([*parts, str(row.get("attempt_no") or 1)])))


def _suggestion(name: str) -> str:
    near = get_close_matches(name, _FIELDS, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_FIELDS)}, metadata.NAME, answer.PROVIDER.KEY"
