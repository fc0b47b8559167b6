"""`outdial show`: the catalogue as it stands, as TOML that `outdial apply` takes back."""

from __future__ import annotations

import argparse

from outdial.cli.output import show as show_data
from outdial.errors import NotFound

KINDS = ("tenants", "connections", "numbers", "campaigns")


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Prints the catalogue, or the part that is named: a kind, a name, or kind.name."
    parser.add_argument("what", nargs="?", metavar="WHAT", help="tenants, connections, numbers, campaigns, or a name")


async def run(args: argparse.Namespace) -> int:
    """Read and print."""
    from outdial.catalogue.show import as_toml, named, tables
    from outdial.cli.database import database
    from outdial.postgres.catalogue import load_catalogue
    from outdial.rules.catalogue_rows import Kind

    async with database(args) as pool, pool.acquire() as connection:
        rows = await load_catalogue(connection)
    if args.what is None or args.what in KINDS:
        shown = tables(rows, (Kind(args.what),) if args.what else tuple(Kind))
    else:
        shown = named(tables(rows), args.what)
        if not shown:
            raise NotFound(f"the catalogue has nothing named {args.what!r} (outdial show lists everything)")
    show_data(args.json, shown, lambda: print(as_toml(shown), end=""))
    return 0
