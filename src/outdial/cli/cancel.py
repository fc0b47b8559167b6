"""`outdial cancel`: cancel attempts one by one, or everything of a campaign."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING
from uuid import UUID

from outdial.cli.output import Progress, confirm, print_table, show
from outdial.errors import BadInput

if TYPE_CHECKING:
    import asyncpg

    from outdial.operator.cancel import Canceled


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Cancels attempts: what waits ends as canceled, what is not answered yet is hung up. An id that is not known "
        "yet is remembered for 7 days if its tenant is named. The replicas of the daemon do the rest."
    )
    parser.add_argument("attempts", nargs="*", metavar="ATTEMPT", help="attempt ids")
    parser.add_argument("--campaign", metavar="NAME", help="everything of it that waits or is not answered yet")
    parser.add_argument("--tenant", metavar="NAME", help="whose attempts they are")
    parser.add_argument("--why", default="", help="kept in the audit log")
    parser.add_argument("--yes", action="store_true", help="do not ask before a whole campaign is canceled")


async def run(args: argparse.Namespace) -> int:
    """Cancel, and tell what became of them."""
    from outdial.cli.database import database
    from outdial.operator.plain import as_data

    if bool(args.attempts) == bool(args.campaign):
        raise BadInput("ATTEMPT", "name attempts or a --campaign, not both", "outdial attempts lists them")
    if args.campaign and args.tenant:
        raise BadInput("--tenant", "belongs to attempts", "a campaign has its own")
    ids = [_read(text) for text in args.attempts]
    async with database(args) as pool:
        done = await _cancel(pool, args, ids)
    show(args.json, as_data(done), lambda: _print(done))
    return 0


async def _cancel(pool: asyncpg.Pool, args: argparse.Namespace, ids: list[UUID]) -> Canceled:
    from outdial.cli.database import who_am_i
    from outdial.operator.blockers import campaign_blockers
    from outdial.operator.cancel import cancel_attempts, cancel_campaign

    if ids:
        return await cancel_attempts(pool, ids, tenant=args.tenant, who=who_am_i(), why=args.why)
    waiting = sum(one.attempts for one in await campaign_blockers(pool, args.campaign))
    confirm(f"Cancel campaign {args.campaign}: {waiting:,} waiting attempts, and calls not yet answered?", yes=args.yes)
    with Progress("canceled", waiting) as bar:
        return await cancel_campaign(pool, args.campaign, who=who_am_i(), why=args.why, progress=bar.update)


def _print(done: Canceled) -> None:
    rows = [
        ("waiting, ended by the daemon", done.waiting),
        ("calling, hung up unless answered first", done.calling),
        ("not known yet, remembered for 7 days", done.remembered),
        ("too late: answered", done.answered),
        ("too late: ended", done.ended),
    ]
    print_table(("canceled", "attempts"), [row for row in rows if row[1]] or [("nothing was to be done", 0)])


def _read(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadInput(
            "ATTEMPT", f"{text[:64]!r} is not an attempt id", "it is a UUID; outdial attempts lists them"
        ) from None
