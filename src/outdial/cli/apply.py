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
    from outdial.catalogue.read import read_catalogue
    from outdial.cli.database import database, who_am_i

    file = read_catalogue(_text(args.file), args.file)
    async with database(args) as pool:
        proposal = await propose(pool, file, prune=args.prune)
        _print(args, proposal)
        if args.dry_run or proposal.changes_nothing:
            return 0
        if _costs(proposal):
            confirm("Apply all the same?", yes=args.yes)
        await apply(pool, file, prune=args.prune, who=who_am_i(), why=args.why, agreed=proposal)
    say("applied")
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


def _print(args: argparse.Namespace, proposal: Proposal) -> None:
    from outdial.catalogue.diff import Action

    changes = proposal.plan.changes
    if args.json:
        print_json(
            {
                "changes": [
                    {
                        "action": change.action.value,
                        "kind": change.kind.value,
                        "name": change.name,
                        "fields": {field.key: [field.old, field.new] for field in change.fields},
                    }
                    for change in changes
                ],
                "sticky_voided": dict(proposal.sticky_voided),
                "suppressions_lost": dict(proposal.suppressions_lost),
            }
        )
        return
    marks = {Action.ADDED: "+", Action.CHANGED: "~", Action.REMOVED: "-"}
    for change in changes:
        print(f"{marks[change.action]} {change.kind.value}.{change.name}")
        if change.action is Action.CHANGED:
            for field in change.fields:
                print(f"    {field.key}: {field.old!r} -> {field.new!r}")
    counts = ", ".join(f"{proposal.plan.count(action)} {action.value}" for action in Action)
    print(counts if changes else "no changes")
    for campaign, count in proposal.sticky_voided.items():
        print(f"voids {count} sticky assignments of campaign {campaign}")
    for tenant, count in proposal.suppressions_lost.items():
        print(f"loses {count} do-not-call entries of tenant {tenant}")
