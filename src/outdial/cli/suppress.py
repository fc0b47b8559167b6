"""`outdial suppress`: contacts that a tenant must not call."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from outdial.cli.output import Progress, print_table, say, show
from outdial.cli.times import moment
from outdial.errors import BadInput

if TYPE_CHECKING:
    from outdial.operator.suppress import Imported, SuppressionPage

SHOWN = 50
"""Problems printed for people; --json prints all."""


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Manages a tenant's do-not-call list: contacts on it are not called by any of its campaigns."
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="add | remove | import | list")
    add = verbs.add_parser("add", help="no new call to these contacts, from now on")
    remove = verbs.add_parser("remove", help="these contacts may be called again, from now on")
    read = verbs.add_parser("import", help="add the contacts of a file; the valid lines count whatever the others are")
    listed = verbs.add_parser("list", help="who is on the list, when, by whom and why")
    for verb in (add, remove, read, listed):
        verb.add_argument("tenant", metavar="TENANT")
    for verb in (add, remove):
        verb.add_argument("contacts", nargs="+", metavar="CONTACT", help="in E.164, like +12025550143")
    for verb in (add, remove, read):
        verb.add_argument("--why", default="", help="kept on the list and in the audit log")
    read.add_argument(
        "file", metavar="FILE", help="one number a line, or CSV with a column `contact`; - for standard input"
    )
    read.add_argument("--region", metavar="XX", help="country of national numbers (ISO 3166), like US")
    listed.add_argument("--contact", metavar="E164", help="only whether this one is on it; exit code 1 if not")
    listed.add_argument("--limit", type=int, default=100, metavar="N", help="how many (default: %(default)s)")
    listed.add_argument("--after", type=int, metavar="CURSOR", help="go on where the last page ended")
    listed.add_argument("--full", action="store_true", help="show contacts in full")


async def run(args: argparse.Namespace) -> int:
    """Do what the verb says."""
    return await {"add": _change, "remove": _change, "import": _import, "list": _list}[args.verb](args)


async def _change(args: argparse.Namespace) -> int:
    from outdial.cli.database import database, who_am_i
    from outdial.operator.plain import as_data
    from outdial.operator.suppress import suppress, unsuppress

    change = suppress if args.verb == "add" else unsuppress
    async with database(args) as pool:
        done = await change(pool, args.tenant, args.contacts, who=who_am_i(), why=args.why)
    now, already = ("suppressed", "were so already") if args.verb == "add" else ("removed", "were not on the list")
    show(args.json, as_data(done), lambda: say(f"{done.changed} {now}, {done.same} {already}"))
    return 0


async def _import(args: argparse.Namespace) -> int:
    from outdial.cli.database import database, who_am_i
    from outdial.operator.plain import as_data
    from outdial.operator.suppress import import_suppressions

    with _opened(args.file) as lines, Progress("lines read") as bar:
        async with database(args) as pool:
            done = await import_suppressions(
                pool, args.tenant, lines, who=who_am_i(), why=args.why, region=args.region, progress=bar.update
            )
    show(args.json, as_data(done), lambda: _print_import(done))
    return 1 if done.problems else 0


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    if name == "-":
        yield sys.stdin
        return
    try:
        with open(name, encoding="utf-8", errors="replace", newline="") as file:
            yield file
    except OSError as error:
        raise BadInput("FILE", f"cannot be read: {error.strerror}", "name a file, or - for standard input") from None


def _print_import(done: Imported) -> None:
    say(
        f"{done.added:,} added, {done.known:,} were on the list already, {done.repeated:,} repeated in the file, "
        f"{len(done.problems):,} bad lines"
    )
    if done.problems:
        print_table(("line", "problem"), [(str(one.line), one.problem) for one in done.problems[:SHOWN]])
    if len(done.problems) > SHOWN:
        say(f"... and {len(done.problems) - SHOWN:,} more (--json prints all)")


async def _list(args: argparse.Namespace) -> int:
    from outdial.cli.database import database
    from outdial.operator.plain import as_data
    from outdial.operator.suppress import list_suppressions

    async with database(args) as pool:
        page = await list_suppressions(pool, args.tenant, contact=args.contact, limit=args.limit, after=args.after)
    show(args.json, as_data(page, full=args.full), lambda: _print_page(page, args))
    return 1 if args.contact and not page.suppressions else 0


def _print_page(page: SuppressionPage, args: argparse.Namespace) -> None:
    if not page.suppressions:
        say("not on the list" if args.contact else "nobody is on the list")
        return
    rows = [
        (one.contact if args.full else one.contact_masked, moment(one.added_at), one.who, one.why)
        for one in page.suppressions
    ]
    print_table(("contact", "since", "by", "why"), rows)
    if page.next_after is not None:
        say(f"there are more: --after {page.next_after}")
