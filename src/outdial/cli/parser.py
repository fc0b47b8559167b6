"""The argument parser: global options before and after the command, lazy command modules, and "did you mean".

A command's module is imported when its parser is first asked to parse. What a command names itself wins over a global
option of the same name (`demo --json PATH`).
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from outdial import __version__
from outdial.cli.commands import PACKAGE, Command

_LEVELS = ("debug", "info", "warning", "error")


class CommandParser(argparse.ArgumentParser):
    """A command's parser, or that of one of its subcommands."""

    def __init__(self, *args: Any, module: str | None = None, **options: Any) -> None:
        super().__init__(*args, **{"conflict_handler": "resolve", "allow_abbrev": False, **options})
        self._module = module
        _add_global_options(self, default=argparse.SUPPRESS)

    def parse_known_args(  # type: ignore[override]  # the stubs have overloads for namespaces that are never None here
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Import the command's module first, so that it can add its options."""
        if self._module is not None:
            name, self._module = self._module, None
            module = import_module(f"{PACKAGE}.{name}")
            register: Callable[[argparse.ArgumentParser], None] = module.register
            register(self)
            self.set_defaults(run=module.run)
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:  # refused here and not by the top parser, whose usage would not tell what this command takes
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return known, unknown

    def error(self, message: str) -> NoReturn:
        """Exit code 2, with a suggestion for a misspelt word."""
        super().error(_with_suggestion(message))


def build_parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    """The parser of the whole command line; no command's module is imported by it."""
    parser = _TopParser(
        prog="outdial",
        allow_abbrev=False,
        description="Decides when an outbound call may start, which number it comes from, and places it exactly once.",
        epilog="`outdial COMMAND --help` tells more. Exit codes: 0 done, 1 failed, 2 wrong usage, 78 bad configuration.",
    )
    parser.add_argument("--version", action="version", version=f"outdial {__version__}")
    _add_global_options(parser, default=None)
    group = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=CommandParser)
    for command in commands:
        group.add_parser(command.name, help=command.help, description=command.help, module=command.module)
    return parser


class _TopParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(_with_suggestion(message))


def _add_global_options(parser: argparse.ArgumentParser, *, default: Any) -> None:
    group = parser.add_argument_group("global options")
    group.add_argument("--config", type=Path, metavar="PATH", default=default, help="configuration file (TOML)")
    group.add_argument(
        "--log-level",
        choices=_LEVELS,
        default=default,
        help="log this and worse, on standard error (default: logging.level for run, else nothing)",
    )
    flag = False if default is None else default
    group.add_argument("--json", action="store_true", default=flag, help="print data as JSON")
    group.add_argument("--debug", action="store_true", default=flag, help="show the trace of an error")


def _with_suggestion(message: str) -> str:
    """`invalid choice: 'capcity' (choose from …)` becomes `unknown: 'capcity' (did you mean 'capacity'?)`."""
    found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)$", message)
    if not found:
        return message
    choices = re.findall(r"[^\s,']+", found[2])
    near = get_close_matches(found[1], choices, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(choices)}"
    return message[: found.start()] + f"unknown: '{found[1]}' ({hint})"
