"""The shape of the code, held by a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
WORDS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_have_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_have_at_most_60_lines(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 60, f"{node.name} at line {node.lineno}"


def test_nothing_is_left_to_do_in_the_code() -> None:
    found = [name(path) for path in (*SOURCES, *TESTS) if WORDS.search(path.read_text())]
    assert found == []


def test_migrations_are_numbered_without_gaps() -> None:
    files = sorted((ROOT / "src/outdial/postgres/sql/migrations").glob("*.sql"))
    assert [int(path.name[:4]) for path in files] == list(range(1, len(files) + 1))


@pytest.mark.parametrize("path", sorted((ROOT / "src/outdial/postgres/sql").glob("*.sql")), ids=name)
def test_every_block_of_sql_says_what_it_is_for_or_what_it_takes(path: Path) -> None:
    for block in re.split(r"^-- name: ", path.read_text(), flags=re.MULTILINE)[1:]:
        title, rest = block.split("\n", 1)
        assert title.strip().isidentifier()
        assert rest.strip()


def test_links_in_the_documents_resolve() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
        broken += [f"{name(page)}: {target}" for target in targets if not (page.parent / target).exists()]
    assert broken == []


def test_commands_that_the_readme_names_exist() -> None:
    from outdial.cli.commands import commands

    text = (ROOT / "README.md").read_text()
    known = {command.name for command in commands()}
    assert set(re.findall(r"^outdial ([a-z]+)[^\n]*  # ", text, re.MULTILINE)) <= known
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z]+)", text)) <= targets


def test_no_machine_paths_are_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    path = "/" + "work" + "/"
    found = [one for one in listed if (ROOT / one).is_file() and path.encode() in (ROOT / one).read_bytes()]
    assert found == []


def test_imports_point_inwards_only() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
