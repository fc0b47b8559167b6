"""Pages, schemas and config.toml that are written from the code say what the code says."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from outdial.cli.commands import commands
from tests.docs import cli_page, database_page
from tests.docs.generated import FILES
from tests.support.pages import REFERENCE

ROOT = REFERENCE.parents[1]


@pytest.mark.parametrize(("file", "render"), FILES.items(), ids=lambda one: getattr(one, "stem", ""))
def test_the_file_is_what_the_code_says(file: Path, render: Callable[[], str]) -> None:
    assert file.read_text() == render(), "run: make docs"


def test_every_table_of_the_database_is_on_its_page() -> None:
    """Against the migration's own words, so that a table written in another way is not forgotten."""
    sql = "".join(file.read_text() for file in sorted(database_page.MIGRATIONS.glob("*.sql")))
    assert len(database_page.tables()) == sql.count("\ncreate table ") - sql.count("\ncreate table outcomes_")
    assert all(one.columns for one in database_page.tables())


def test_every_option_and_argument_of_the_command_line_says_what_it_is_for() -> None:
    """But for those whose name says it all."""
    silent = {
        f"{command.name} {action.dest}"
        for command in commands()
        for parser in (cli_page.loaded(command), *_children(command.name))
        for action in parser._actions
        if not action.help and not action.choices
    }
    plain = {"campaign", "tenant", "attempt", "name", "id", "ids", "letters", "letter", "file", "contact", "contacts"}
    assert {one for one in silent if one.split()[1] not in plain} == set()


def _children(name: str) -> list[argparse.ArgumentParser]:
    (command,) = (one for one in commands() if one.name == name)
    inner = cli_page.subparsers(cli_page.loaded(command))
    return list(inner.choices.values()) if inner is not None else []
