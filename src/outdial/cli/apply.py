"""`outdial apply FILE`: tenants, connections, numbers, campaigns and pools as a file wants them; all or nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from outdial.cli.output import confirm, print_json, say
from outdial.errors import BadInput

if TYPE_CHECKING:
    from outdial.catalogue.apply import Proposal


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Shows what the file changes and applies it. Only the tables and fields in the file are touched."
    )
    parser.add_argument("file", metavar="FILE", help="a TOML file; - = standard input")
    parser.add_argument("--dry-run", action="store_true", help="show the plan, change nothing")
    parser.add_argument("--prune", action="store_true", help="remove what the file does not name")
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    parser.add_argument("--why", default="", help="kept in the audit log")


async def run(args: argparse.Namespace) -> int:
    """Plan, ask if something is removed, apply."""
    from outdial.catalogue.apply import apply, propose
    from outdial.catalogue.plan_text import as_data, lines
    from outdial.catalogue.read import read_catalogue
    from outdial.cli.database import database, who_am_i

    file = read_catalogue(_text(args.file), args.file)
    async with database(args) as pool:
        proposal = await propose(pool, file, prune=args.prune)
        if not args.json:
            print("\n".join(lines(proposal)))
        applied = not (args.dry_run or proposal.changes_nothing)
        if applied:
            if _costs(proposal):
                confirm("Apply all the same?", yes=args.yes)
            proposal = await apply(pool, file, prune=args.prune, who=who_am_i(), why=args.why, agreed=proposal)
    if args.json:
        print_json(as_data(proposal, applied=applied))
    if applied:
        say(f"applied; the catalogue is at version {proposal.version}")
    return 0


def _text(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput("FILE", f"{name}: {error.strerror}", "name a catalogue file") from error
    except UnicodeDecodeError as error:
        raise BadInput("FILE", f"{name} is not UTF-8 text", "save it as UTF-8") from error


def _costs(proposal: Proposal) -> bool:
    """Whether something is lost that applying the old file again would not bring back."""
    from outdial.catalogue.diff import Action

    return bool(proposal.plan.count(Action.REMOVED) or proposal.sticky_voided or proposal.suppressions_lost)
