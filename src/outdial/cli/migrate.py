"""`outdial migrate`: bring the database's schema up to date. Any number of replicas may do it at once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from outdial.cli.output import say, show
from outdial.errors import BadInput

if TYPE_CHECKING:
    from outdial.postgres.migrate import SchemaState


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Applies the numbered migrations that the database lacks, each in its own transaction."
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 when something is missing")
    parser.add_argument(
        "--grants", type=Path, metavar="FILE", help="then run this file of grants (deploy/postgres/grants.sql)"
    )


async def run(args: argparse.Namespace) -> int:
    """Migrate, or say whether that is needed."""
    from outdial.cli.context import settings_of
    from outdial.postgres import migrate

    grants = None if args.grants is None else _text_of(args.grants)
    url = settings_of(args).database.url.get_secret_value()
    if args.check:
        state = await migrate.check(url)
        data = {"up_to_date": state.up_to_date, "pending": list(state.pending), "unknown": list(state.unknown)}
        show(args.json, data, lambda: print(_in_words(state)))
        return 0 if state.up_to_date else 1
    applied = await migrate.migrate(url)
    say("\n".join(f"applied {name}" for name in applied) or "the schema is up to date")
    if grants is not None:
        await migrate.grant(url, grants)
        say(f"granted what {args.grants} says")
    return 0


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise BadInput("--grants", f"{file} cannot be read: {reason}", "name a file of SQL") from error


def _in_words(state: SchemaState) -> str:
    if state.ahead:
        return f"the database is newer than this release: {', '.join(state.unknown)}"
    return "the schema is up to date" if state.up_to_date else f"not applied yet: {', '.join(state.pending)}"
