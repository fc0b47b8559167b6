"""`outdial dead list|show|replay|discard`: messages that could not be understood."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from outdial.cli.output import confirm, print_table, say, show
from outdial.cli.times import moment
from outdial.errors import BadInput

if TYPE_CHECKING:
    from outdial.operator.dead import Letter, Letters, RawLetter
    from outdial.ports.messages import AttemptPublisher


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Dead letters: lists them with reason and field, shows one with what it holds, publishes them again after their "
        "cause is cured, or gives them up."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what lies there, oldest first")
    listing.add_argument("--limit", type=int, default=50, help="how many (default: %(default)s)")
    listing.add_argument("--after", type=int, metavar="ID", help="go on behind this one")
    listing.add_argument("--replayed", action="store_true", help="show those that were replayed, too")
    one = actions.add_parser("show", help="one with its payload")
    one.add_argument("letter", type=int, metavar="ID")
    one.add_argument("--full", action="store_true", help="with phone numbers as they are")
    replay = actions.add_parser("replay", help="publish again, with confirms")
    replay.add_argument("letters", nargs="*", type=int, metavar="ID")
    replay.add_argument("--all", action="store_true", help="all that were not replayed yet")
    replay.add_argument("--why", default="", help="kept in the audit log")
    replay.add_argument("--yes", action="store_true", help="do not ask")
    discard = actions.add_parser("discard", help="give up for good")
    discard.add_argument("letters", nargs="+", type=int, metavar="ID")
    discard.add_argument("--why", default="", help="kept in the audit log")
    discard.add_argument("--yes", action="store_true", help="do not ask")


async def run(args: argparse.Namespace) -> int:
    """Carry it out."""
    match args.action:
        case "list":
            return await _list(args)
        case "show":
            return await _show(args)
        case "replay":
            return await _replay(args)
        case _:
            return await _discard(args)


async def _list(args: argparse.Namespace) -> int:
    from outdial.cli.database import database
    from outdial.operator.dead import list_letters
    from outdial.operator.plain import as_data

    async with database(args) as pool:
        page = await list_letters(pool, limit=args.limit, after=args.after, replayed_too=args.replayed)
    show(args.json, as_data(page.letters), lambda: _print_list(page))
    return 0


def _print_list(page: Letters) -> None:
    titles = ("id", "received", "queue", "tenant", "reason", "field", "bytes", "replayed")
    rows = [
        (
            str(one.letter), moment(one.received_at), one.queue, one.tenant, one.reason, one.field, f"{one.size:,}",
            moment(one.replayed_at),
        )
        for one in page.letters
    ]  # fmt: skip
    print_table(titles, rows, right=("id", "bytes"))
    if page.next_after is not None:
        say(f"more with --after {page.next_after}")


async def _show(args: argparse.Namespace) -> int:
    from outdial.cli.database import database
    from outdial.operator.dead import read_letter
    from outdial.operator.plain import as_data

    async with database(args) as pool:
        letter = await read_letter(pool, args.letter, full=args.full)
    show(args.json, as_data(letter), lambda: _print_letter(letter))
    return 0


def _print_letter(letter: Letter) -> None:
    line = letter.line
    print(f"{line.letter}: {line.reason}" + (f" ({line.field})" if line.field else ""))
    print(f"received   {moment(line.received_at)} from {line.queue}, tenant {line.tenant}")
    print(f"message    {line.message_id or 'without an id'}, type {line.message_type or 'unknown'}")
    for name, value in sorted(letter.headers.items()):
        print(f"header     {name}: {value}")
    print(f"\n{letter.payload}")


async def _replay(args: argparse.Namespace) -> int:
    from outdial.cli.context import settings_of
    from outdial.cli.database import database, who_am_i
    from outdial.cli.run import rabbit_options
    from outdial.operator.dead import fetch_letters, replay_letters
    from outdial.rabbitmq.transport import attempt_publisher

    if bool(args.letters) == args.all:
        raise BadInput("ID", "name dead letters or give --all, not both", "outdial dead list shows their ids")
    async with database(args) as pool:
        letters = await fetch_letters(pool, None if args.all else args.letters)
        confirm(f"Publish {len(letters)} messages again?", yes=args.yes)
        options = rabbit_options(settings_of(args))
        publisher = attempt_publisher(options)
        publisher.connection.start()
        try:
            await publisher.connection.wait_until_ready(options.ready_within_s)
            again = partial(_publish, publisher)
            done = await replay_letters(pool, letters, again, who=who_am_i(), why=args.why)
        finally:
            await publisher.connection.close()
    say(f"published {done.published} messages again")
    return 0


async def _publish(publisher: AttemptPublisher, one: RawLetter) -> None:
    await publisher.publish_attempt(
        one.routing_key, one.body, message_id=one.message_id, type_=one.message_type, headers=dict(one.headers)
    )


async def _discard(args: argparse.Namespace) -> int:
    from outdial.cli.database import database, who_am_i
    from outdial.operator.dead import discard_letters, fetch_letters

    async with database(args) as pool:
        await fetch_letters(pool, args.letters)
        confirm(f"Give up {len(args.letters)} messages for good?", yes=args.yes)
        done = await discard_letters(pool, args.letters, who=who_am_i(), why=args.why)
    say(f"gave up {done.discarded} messages")
    return 0
