"""`outdial schema jobs | events | asyncapi`: the schemas of messages and events, for those who write or read them."""

from __future__ import annotations

import argparse

from outdial.cli.output import print_json


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = "Prints a document as JSON. The same documents lie in docs/reference/schemas."
    parser.add_argument(
        "document",
        choices=("jobs", "events", "asyncapi"),
        help="jobs: JSON Schema of messages in; events: JSON Schema of events out; asyncapi: AsyncAPI of both",
    )


def run(args: argparse.Namespace) -> int:
    """Print it."""
    from outdial.rabbitmq.schemas import DOCUMENTS

    _, make = DOCUMENTS[args.document]
    print_json(make())
    return 0
