"""`outdial schema jobs | events | asyncapi | admin`: what producers, consumers and callers of the admin API write and read."""

from __future__ import annotations

import argparse

from outdial.cli.output import print_json


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Prints a document as JSON. The same documents lie in docs/reference/schemas."
    parser.add_argument(
        "document",
        choices=("jobs", "events", "asyncapi", "admin"),
        help="jobs: JSON Schema of messages in; events: JSON Schema of events out; asyncapi: AsyncAPI of both; "
        "admin: OpenAPI of the admin API",
    )


def run(args: argparse.Namespace) -> int:
    """Print it."""
    if args.document == "admin":
        from outdial.admin.openapi import openapi
        from outdial.admin.resources import ROUTES

        print_json(openapi(ROUTES))
        return 0
    from outdial.rabbitmq.schemas import DOCUMENTS

    _, make = DOCUMENTS[args.document]
    print_json(make())
    return 0
