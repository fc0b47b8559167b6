"""`outdial dead list|replay`: messages that could not be understood."""

from __future__ import annotations

import argparse
import time
from typing import Any

from outdial.cli.output import confirm, print_table, say, show
from outdial.errors import BadInput


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Lists dead letters with reason and field, or publishes them again after their cause is cured."
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what lies there, oldest first")
    listing.add_argument("--limit", type=int, default=50, help="how many (default: %(default)s)")
    listing.add_argument("--replayed", action="store_true", help="show those that were replayed, too")
    replay = actions.add_parser("replay", help="publish again, with confirms")
    replay.add_argument("letters", nargs="*", type=int, metavar="ID")
    replay.add_argument("--all", action="store_true", help="all that were not replayed yet")
    replay.add_argument("--yes", action="store_true", help="do not ask")


async def run(args: argparse.Namespace) -> int:
    """List or replay."""
    return await (_list(args) if args.action == "list" else _replay(args))


async def _list(args: argparse.Namespace) -> int:
    from outdial.cli.database import database
    from outdial.postgres.dead import list_dead
    from outdial.rules.events import timestamp

    async with database(args) as pool:
        rows = await list_dead(pool, args.limit, replayed_too=args.replayed)
    for row in rows:
        for key in ("received_at", "replayed_at"):
            row[key] = timestamp(row[key]) if row[key] is not None else None
    titles = ("id", "received", "queue", "tenant", "reason", "field", "bytes", "replayed")
    keys = ("letter", "received_at", "queue", "routing_key", "reason", "field", "size", "replayed_at")
    show(args.json, rows, lambda: print_table(titles, [[row[key] or "" for key in keys] for row in rows]))
    return 0


async def _replay(args: argparse.Namespace) -> int:
    from outdial.cli.context import settings_of
    from outdial.cli.database import database
    from outdial.cli.run import rabbit_options
    from outdial.postgres.dead import fetch_dead, mark_replayed
    from outdial.rabbitmq.transport import attempt_publisher

    if bool(args.letters) == args.all:
        raise BadInput("ID", "name dead letters or give --all, not both", "outdial dead list shows their ids")
    async with database(args) as pool:
        rows = await fetch_dead(pool, None if args.all else args.letters)
        missing = set(args.letters) - {row["letter"] for row in rows}
        if missing:
            raise BadInput("ID", f"no dead letter {min(missing)}", "outdial dead list shows their ids")
        confirm(f"Publish {len(rows)} messages again?", yes=args.yes)
        options = rabbit_options(settings_of(args))
        publisher = attempt_publisher(options)
        publisher.connection.start()
        try:
            await publisher.connection.wait_until_ready(options.ready_within_s)
            for row in rows:
                await publisher.publish_attempt(
                    row["routing_key"],
                    bytes(row["body"]),
                    message_id=row["message_id"],
                    type_=row["message_type"],
                    headers=_own_headers(row["headers"]),
                )
                await mark_replayed(pool, [row["letter"]], time.time())
        finally:
            await publisher.connection.close()
    say(f"published {len(rows)} messages again")
    return 0


def _own_headers(headers: dict[str, Any]) -> dict[str, Any]:
    """Without the broker's own: it would take an `x-death` of earlier times for true."""
    return {name: value for name, value in headers.items() if not name.startswith("x-")}
