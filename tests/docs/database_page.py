"""docs/reference/database.md, from the comments in the migrations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "database.md"
MIGRATIONS = Path(__file__).parents[2] / "src/outdial/postgres/sql/migrations"

INTRODUCTION = """# Database

The tables, for those who look into them or write reports. This page is written from the migration's own comments. The
tables are outdial's: read them, but give orders by the command line or the admin API, which keep locks, audit log and
events right. Why it is built so: [architecture](../explanation/architecture.md).
"""
_TABLE = re.compile(r"create table (\w+) \($")
_COLUMN = re.compile(r"^    ([a-z]\w*) +((?:double precision|text\[\]|\w+)).*?$")
_CHAPTER = re.compile(r"^-- ([A-Z][^-]+?) -{5,}$")
_NOT_COLUMNS = {"primary", "unique", "check", "constraint", "foreign"}


@dataclass
class Described:
    """One table as the migration tells it."""

    chapter: str
    name: str
    about: str
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


def tables() -> list[Described]:
    """All tables in the order of the migrations."""
    lines = [line for file in sorted(MIGRATIONS.glob("*.sql")) for line in file.read_text().splitlines()]
    return list(_tables(lines))


def _tables(lines: list[str]) -> Iterator[Described]:
    chapter, comment, inside = "", list[str](), None
    for line in lines:
        if found := _CHAPTER.match(line):
            chapter, comment = found[1], []
        elif found := _TABLE.match(line):
            inside = Described(chapter, found[1], " ".join(comment))
        elif inside is not None and line.startswith(")"):
            yield inside
            inside, comment = None, []
        elif inside is not None:
            _take(inside, line)
        else:
            comment = [*comment, line.removeprefix("-- ")] if line.startswith("-- ") else []


def _take(inside: Described, line: str) -> None:
    code, _, comment = line.partition("--")
    word = code.split(maxsplit=1)[0] if code.strip() else ""
    if word in _NOT_COLUMNS:
        inside.keys.append(code.strip().rstrip(","))
    elif found := _COLUMN.match(code.rstrip()):
        null = "" if re.search("not null|primary key|generated", code) else ", may be null"
        inside.columns.append((found[1], found[2] + null, comment.strip()))
        if "primary key" in code:
            inside.keys.append(f"primary key ({found[1]})")
        if reference := re.search(r"references (\w+)", code):
            inside.columns[-1] = (found[1], found[2] + null, comment.strip() or f"of `{reference[1]}`")


def render() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_pages(tables())])


def _pages(described: list[Described]) -> Iterator[str]:
    chapter = ""
    for one in described:
        if one.chapter != chapter:
            chapter = one.chapter
            yield f"## {chapter}\n"
        yield f"### `{one.name}`\n"
        if one.about:
            yield f"{one.about}\n"
        yield table(("column", "type", "meaning"), ((f"`{name}`", kind, about) for name, kind, about in one.columns))
        if one.keys:
            yield f"{'; '.join(one.keys).capitalize()}.\n"
