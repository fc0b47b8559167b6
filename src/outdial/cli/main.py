"""The command line's frame: parses, runs one command, turns errors into one clear line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from outdial.cli.commands import commands
from outdial.cli.parser import build_parser
from outdial.errors import BadConfiguration, BrokerUnavailable, DatabaseUnavailable, OutdialError

DONE, FAILED, WRONG_USAGE, BAD_CONFIGURATION = 0, 1, 2, 78
INTERRUPTED = 130
"""128 + SIGINT, as shells expect."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `outdial` with these arguments; returns the exit code."""
    parser = build_parser(commands())
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help(sys.stderr)
        return WRONG_USAGE
    return _run(args)


def _run(args: argparse.Namespace) -> int:
    try:
        code = _finish(args.run(args))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone (`outdial show | head`): nothing is left to be said to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OutdialError as error:
        if args.debug:
            raise
        print(f"outdial {args.command}: {error}{_cure(error)}", file=sys.stderr)
        return BAD_CONFIGURATION if isinstance(error, BadConfiguration) else FAILED


def _cure(error: OutdialError) -> str:
    """Where to look when a service cannot be asked; other errors name their cure themselves."""
    match error:
        case DatabaseUnavailable():
            return " (is it running? outdial config check shows database.url)"
        case BrokerUnavailable():
            return " (is it running? outdial config check shows rabbitmq.url)"
        case _:
            return ""


def _finish(result: object) -> int:
    """Commands are plain functions or coroutines; None counts as done."""
    import inspect

    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    return result if isinstance(result, int) else DONE
