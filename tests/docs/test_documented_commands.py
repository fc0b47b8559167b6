"""Commands in the documents are those of the real command line, and `make` targets those of the Makefile."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from outdial.cli.commands import commands
from outdial.cli.parser import build_parser
from tests.docs.documents import PAGES, ROOT, blocks, name, prose

_UNWRITTEN = re.compile(r"\[[^\]]*\]")
"""What a synopsis leaves open."""


def written(page: Path) -> Iterator[str]:
    """Every call of `outdial` in blocks for a shell (or without a language) and in `code` within the text."""
    for block in blocks(page):
        if block.kind in {"", "sh", "bash", "console"}:
            for line in block.text.replace("\\\n", " ").splitlines():
                yield from _calls(re.sub(r"^\$ ", "", line))
    for code in re.findall(r"`(outdial [^`]+)`", prose(page)):
        yield from _calls(code)


def _calls(line: str) -> Iterator[str]:
    """`A=1 .venv/bin/outdial x | jq`: the part from `outdial` to the end of that command."""
    line = re.split(r"\s#\s|\s#$", line)[0]
    for part in re.split(r"[|;&>]+|\$\(", line):
        if found := re.match(r"(?:\s*[A-Z_]+=\S*)*\s*(?:\S*/)?outdial (.*)$", part):
            yield found[1].rstrip(") ")


CALLS = sorted(
    {(name(page), call) for page in PAGES for call in written(page) if name(page) != "docs/reference/cli.md"}
)


@pytest.mark.parametrize(("page", "call"), CALLS, ids=[f"{page}: {call}" for page, call in CALLS])
def test_a_written_command_can_be_parsed(page: str, call: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(_UNWRITTEN.sub("", call).replace("...", "").replace("…", ""))
    said = ""
    try:
        build_parser(commands()).parse_args(words)
    except SystemExit as ended:
        said = capsys.readouterr().err if ended.code else ""
    # In running text a command may be named without what it needs: `outdial explain`.
    names_only = len(words) <= 2 and not any(word.startswith("-") for word in words)
    assert not said or (names_only and re.search("are required|expected one argument", said))


def test_enough_commands_were_found() -> None:
    """A guard against a pattern that finds nothing."""
    assert len(CALLS) > 60
    assert {call.split()[0] for _, call in CALLS} >= {command.name for command in commands()}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_make_targets_exist(page: Path) -> None:
    text = "\n".join([*(b.text for b in blocks(page)), *re.findall(r"`([^`]+)`", prose(page))])
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)", text, re.MULTILINE)) <= targets
