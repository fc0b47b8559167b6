"""What commands print: tables for people, JSON for programs, questions, progress. Data on stdout, the rest on stderr."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TextIO

from outdial.errors import Permanent


class NotConfirmed(Permanent):
    """Somebody was asked and did not say yes, or there was nobody to ask."""

    code = "not_confirmed"


# --- Tables and JSON -----------------------------------------------------------------------------------------------


def table(titles: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> str:
    """Aligned columns; those named in `right` are right-aligned, as are columns that hold nothing but numbers."""
    cells = [[_text(cell) for cell in row] for row in rows]
    widths = [max([_width(title), *(_width(row[at]) for row in cells)]) for at, title in enumerate(titles)]
    to_right = [title in right or _all_numbers([row[at] for row in rows]) for at, title in enumerate(titles)]
    lines = [_line(titles, widths, to_right), *(_line(row, widths, to_right) for row in cells)]
    return "\n".join(lines)


def print_table(titles: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[str] = ()) -> None:
    """Print it; the titles are bold on a terminal."""
    head, *body = table(titles, rows, right=right).split("\n")
    print(bold(head))
    for line in body:
        print(line)


def print_json(data: object) -> None:
    """One JSON document. What JSON does not know becomes its text."""
    print(json.dumps(data, indent=2, ensure_ascii=False, default=_jsonable))


def show(as_json: bool, data: object, text: Callable[[], None]) -> None:
    """Print `data` as JSON, or call `text` to print it for people: `show(args.json, rows, lambda: print_table(…))`."""
    if as_json:
        print_json(data)
    else:
        text()


def bold(text: str) -> str:
    """The text in bold, if stdout is a terminal that wants it (NO_COLOR is respected)."""
    return f"\x1b[1m{text}\x1b[0m" if has_color(sys.stdout) else text


def has_color(stream: TextIO) -> bool:
    """Whether to use colors there."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """Tell the person at the terminal something that is no data."""
    print(text, file=sys.stderr)


# --- Questions -----------------------------------------------------------------------------------------------------


def confirm(question: str, *, yes: bool = False) -> None:
    """Ask before something destructive; `yes` answers beforehand. Raises `NotConfirmed`, always without a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise NotConfirmed(f"{question} Nobody can be asked here; add --yes")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NotConfirmed("nothing was changed")


# --- Progress ------------------------------------------------------------------------------------------------------


class Progress:
    """A bar on a terminal, nothing elsewhere: `with Progress("enqueued", total=500) as bar: bar.advance()`."""

    def __init__(
        self,
        what: str,
        total: int | None = None,
        *,
        stream: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._total, self._stream, self._monotonic = what, total, stream or sys.stderr, monotonic
        self._visible = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._done, self._note = 0, ""
        self._began, self._drawn_at = monotonic(), float("-inf")

    def advance(self, by: int = 1, note: str = "") -> None:
        """So many more are done."""
        self.update(self._done + by, note)

    def update(self, done: int, note: str = "") -> None:
        """So many are done in all. Drawn ten times a second at most."""
        self._done, self._note = done, note
        if self._visible and self._monotonic() - self._drawn_at >= 0.1:
            self._draw()

    def line(self) -> str:
        """What the bar says now."""
        rate = self._done / max(self._monotonic() - self._began, 1e-3)
        text = (
            f"{self._done:,}" if not self._total else f"{_bar(self._done / self._total)} {self._done:,}/{self._total:,}"
        )
        return f"{text} {self._what}, {rate:,.0f}/s{'  ' + self._note if self._note else ''}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._visible:
            self._draw()
            self._stream.write("\n")
            self._stream.flush()

    def _draw(self) -> None:
        self._drawn_at = self._monotonic()
        columns = os.get_terminal_size(self._stream.fileno()).columns if _is_real(self._stream) else 80
        self._stream.write(f"\r\x1b[K{self.line()[: columns - 1]}")
        self._stream.flush()


def _bar(share: float, width: int = 24) -> str:
    full = int(min(max(share, 0.0), 1.0) * width)
    return f"[{'#' * full}{'.' * (width - full)}]"


def _is_real(stream: TextIO) -> bool:
    try:
        os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return False
    return True


# --- Cells ---------------------------------------------------------------------------------------------------------


def _text(cell: object) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    if isinstance(cell, int):
        return f"{cell:,}"
    return str(cell).replace("\n", " ")


def _all_numbers(cells: Sequence[object]) -> bool:
    numbers = [cell for cell in cells if cell is not None]
    return bool(numbers) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in numbers)


def _line(cells: Sequence[str], widths: Sequence[int], to_right: Sequence[bool]) -> str:
    parts = []
    for cell, width, right in zip(cells, widths, to_right, strict=True):
        space = " " * (width - _width(cell))
        parts.append(space + cell if right else cell + space)
    return "  ".join(parts).rstrip()


def _width(text: str) -> int:
    """Columns on a terminal: wide East Asian signs take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def _jsonable(value: object) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)
