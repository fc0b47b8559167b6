"""The tutorial as a script: its files, and its commands with the lines that it shows below them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.documents import ROOT, blocks

PAGE = ROOT / "docs" / "tutorial.md"


class Step(NamedTuple):
    """One command, and what is shown of its output."""

    command: str
    shown: tuple[str, ...]


def files() -> dict[str, str]:
    """What the reader is told to save: name -> text."""
    text = PAGE.read_text()
    return dict(re.findall(r"[Ss]ave this as `([^`]+)`:\n\n```\w+\n(.*?)```", text, re.DOTALL))


def steps() -> Iterator[Step]:
    """In the order of the page."""
    for block in blocks(PAGE):
        if block.kind == "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, *shown = part.rstrip("\n").split("\n")
                yield Step(command, tuple(line for line in shown if line and line != "…"))


def exports(said: str) -> dict[str, str]:
    """The environment that `demo --serve` asks to be pasted."""
    pairs = re.findall(r"^export (\w+)=(.*)$", said, re.MULTILINE)
    return {name: value.strip("'") for name, value in pairs}


def save(folder: Path) -> None:
    """Write the reader's files."""
    for name, text in files().items():
        (folder / name).write_text(text)
