"""`outdial sticky show|set|clear`: a contact's own number."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from outdial.cli.output import confirm, print_table, say, show
from outdial.cli.times import moment
from outdial.errors import BadInput

if TYPE_CHECKING:
    from outdial.operator.sticky import StickyLine

_TITLES = ("campaign", "number", "from", "bound by", "bound at", "expires", "usable")


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Shows, sets or clears the number that a contact is called from (its sticky assignment). Each campaign has its "
        "own. Changes hold for the next pick on every replica; who made them, when and why is kept in the audit log."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    showing = actions.add_parser("show", help="a contact's numbers, and whether they hold")
    showing.add_argument("contact", metavar="CONTACT", help="the contact, E.164")
    showing.add_argument("--campaign", help="only in this campaign")
    setting = actions.add_parser("set", help="let a contact be called from this number")
    setting.add_argument("contact", metavar="CONTACT", help="the contact, E.164")
    setting.add_argument("number", metavar="NUMBER", help="a number of the campaign's pool: its name or E.164")
    setting.add_argument("--campaign", required=True)
    setting.add_argument("--why", default="", help="kept in the audit log")
    clearing = actions.add_parser("clear", help="forget a contact's number, or all of a campaign")
    clearing.add_argument("contact", nargs="?", metavar="CONTACT", help="the contact, E.164")
    clearing.add_argument("--campaign", required=True)
    clearing.add_argument("--all", action="store_true", help="all contacts of the campaign instead")
    clearing.add_argument("--yes", action="store_true", help="do not ask")
    clearing.add_argument("--why", default="", help="kept in the audit log")


async def run(args: argparse.Namespace) -> int:
    """Show, set or clear."""
    match args.action:
        case "show":
            return await _show(args)
        case "set":
            return await _set(args)
        case _:
            return await (_clear_all(args) if _is_all(args) else _clear(args))


def _is_all(args: argparse.Namespace) -> bool:
    if (args.contact is None) != args.all:
        raise BadInput("CONTACT", "name a contact, or give --all, not both", "outdial sticky show CONTACT shows one")
    return bool(args.all)


async def _show(args: argparse.Namespace) -> int:
    from outdial.cli.context import settings_of
    from outdial.cli.database import database
    from outdial.operator.plain import as_data
    from outdial.operator.sticky import contact_assignments

    threshold = settings_of(args).platform.spam_threshold
    async with database(args) as pool:
        lines = await contact_assignments(pool, args.contact, args.campaign, spam_threshold=threshold)
    show(args.json, as_data(lines, full=True), lambda: _print(lines))
    return 0


def _print(lines: tuple[StickyLine, ...]) -> None:
    if not lines:
        say("no number sticks to this contact")
        return
    print_table(_TITLES, [_row(line) for line in lines])
    for line in lines:
        if line.because is not None:
            print(f"{line.campaign}: not from {line.number}, {line.because}")


def _row(line: StickyLine) -> tuple[object, ...]:
    expires = moment(line.expires_at) if line.expires_at is not None else "never"
    bound = (line.bound_by, moment(line.bound_at))
    return (line.campaign, line.number, line.from_number, *bound, expires, line.usable)


async def _set(args: argparse.Namespace) -> int:
    from outdial.cli.context import settings_of
    from outdial.cli.database import database, who_am_i
    from outdial.operator.plain import as_data
    from outdial.operator.sticky import set_assignment

    threshold = settings_of(args).platform.spam_threshold
    async with database(args) as pool:
        done = await set_assignment(
            pool, args.campaign, args.contact, args.number, who=who_am_i(), why=args.why, spam_threshold=threshold
        )
    after = done.after
    was = f", was {done.before.number}" if done.before is not None else ""
    show(args.json, as_data(done, full=True), lambda: print(f"{after.campaign}: {after.contact} → {after.number}{was}"))
    if after.because is not None:
        say(f"for now another number calls: {after.because}")
    return 0


async def _clear(args: argparse.Namespace) -> int:
    from outdial.cli.context import settings_of
    from outdial.cli.database import database, who_am_i
    from outdial.operator.plain import as_data
    from outdial.operator.sticky import clear_assignment

    threshold = settings_of(args).platform.spam_threshold
    async with database(args) as pool:
        before = await clear_assignment(
            pool, args.campaign, args.contact, who=who_am_i(), why=args.why, spam_threshold=threshold
        )
    data = {"before": before, "after": None}
    said = f"cleared, was {before.number}" if before is not None else "there was nothing to clear"
    show(args.json, as_data(data, full=True), lambda: print(f"{args.campaign}: {args.contact} {said}"))
    return 0


async def _clear_all(args: argparse.Namespace) -> int:
    from outdial.cli.database import database, who_am_i
    from outdial.operator.plain import as_data
    from outdial.operator.sticky import clear_campaign, count_assignments

    async with database(args) as pool:
        count = await count_assignments(pool, args.campaign)
        confirm(f"Clear the numbers of {count:,} contacts in {args.campaign}?", yes=args.yes)
        done = await clear_campaign(pool, args.campaign, who=who_am_i(), why=args.why)
    show(args.json, as_data(done), lambda: print(f"{done.campaign}: {done.count:,} contacts cleared"))
    return 0
