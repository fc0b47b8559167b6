"""`outdial attempts`: list attempts, newest first: waiting, under way, ended."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from outdial.cli.output import print_table, say, show
from outdial.cli.times import moment, read_time

if TYPE_CHECKING:
    from outdial.operator.attempts import AttemptLine, AttemptPage, AttemptQuery

_TITLES = ("attempt", "received", "state", "contact", "from", "number", "lock", "tier", "outcome", "blocker", "next")


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Lists the attempts of a campaign, or of a whole tenant, newest first."
    parser.add_argument("campaign", nargs="?", metavar="CAMPAIGN")
    parser.add_argument("--tenant", metavar="NAME", help="all its campaigns, or the owner of one that was removed")
    parser.add_argument("--state", action="append", default=[], help="waiting, placing, placed, unconfirmed or ended")
    parser.add_argument("--contact", metavar="E164", help="attempts to this contact")
    parser.add_argument("--number", metavar="NUMBER", help="calls from this number: its name or E.164")
    parser.add_argument("--outcome", action="append", default=[], help="ended so; repeat for several")
    parser.add_argument("--blocker", action="append", default=[], help="waits for that; repeat for several")
    parser.add_argument("--since", metavar="TIME", help="received since: 2h, 2026-11-21, 2026-11-21T09:30:00Z")
    parser.add_argument("--until", metavar="TIME", help="received before")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--after", metavar="CURSOR", help="go on where the last page ended")
    parser.add_argument("--full", action="store_true", help="show contacts in full")


async def run(args: argparse.Namespace) -> int:
    """Ask and print one page."""
    from outdial.cli.database import database
    from outdial.operator.attempts import check, list_attempts
    from outdial.operator.plain import as_data

    query = _query(args)
    check(query)
    async with database(args) as pool:
        page = await list_attempts(pool, query)
    show(args.json, as_data(page, full=args.full), lambda: _print(page, args.full))
    return 0


def _query(args: argparse.Namespace) -> AttemptQuery:
    from outdial.operator.attempts import AttemptQuery

    now = time.time()
    return AttemptQuery(
        campaign=args.campaign,
        tenant=args.tenant,
        states=args.state,
        contact=args.contact,
        number=args.number,
        outcomes=args.outcome,
        blockers=args.blocker,
        since=read_time(args.since, now, field="--since") if args.since else None,
        until=read_time(args.until, now, field="--until") if args.until else None,
        limit=args.limit,
        after=args.after,
    )


def _print(page: AttemptPage, full: bool) -> None:
    from outdial.operator.attempts import LOCK_TEXT

    print_table(_TITLES, [_row(line, full) for line in page.attempts])
    if any(line.locked for line in page.attempts):
        say(f"lock: {LOCK_TEXT}")
    if not page.attempts:
        say("no attempts")
    if page.next_after is not None:
        say(f"more: --after {page.next_after}")


def _row(line: AttemptLine, full: bool) -> tuple[str, ...]:
    outcome = " ".join(filter(None, (line.outcome, f"({line.reason})" if line.reason else "")))
    return (
        str(line.attempt_id),
        moment(line.received_at),
        line.state,
        line.contact if full else line.contact_masked,
        line.from_number or "",
        line.number or "",
        "lock" if line.locked else "",
        line.tier or "",
        outcome + (" corrected" if line.corrections else ""),
        line.blocker or "",
        moment(line.next_eligible_at),
    )
