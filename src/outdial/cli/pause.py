"""`outdial pause` and `outdial resume`."""

from __future__ import annotations

import argparse

from outdial.cli.output import say


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Paused: no new calls start through it; calls under way go on to their end."
    parser.add_argument("kind", choices=("tenant", "campaign", "connection", "number"))
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--why", default="", help="kept in the audit log")


async def run(args: argparse.Namespace) -> int:
    """Pause or resume, by the command's name."""
    from outdial.cli.database import database, who_am_i
    from outdial.operator.pause import set_paused
    from outdial.rules.catalogue_rows import Kind

    paused = args.command == "pause"
    kind = next(kind for kind in Kind if kind.singular == args.kind)
    async with database(args) as pool:
        changed = await set_paused(pool, kind, args.name, paused=paused, who=who_am_i(), why=args.why)
    word = "paused" if paused else "resumed"
    say(f"{args.kind} {args.name}: {word}" if changed else f"{args.kind} {args.name}: nothing to do, it is so already")
    return 0
