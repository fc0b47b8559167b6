"""docs/reference/cli.md, from the parsers: every command, subcommand, argument and option."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module

from outdial.cli.commands import PACKAGE, Command, commands
from outdial.cli.parser import CommandParser
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "cli.md"

INTRODUCTION = """# Command line

Every command of `outdial`. This page is written from the parsers; `outdial COMMAND --help` says the same.

Data goes to standard output, all else to standard error, so `outdial attempts spring --json | jq` works. Contacts are
masked unless a command is told `--full`. What destroys something asks first; without a terminal it wants `--yes`.

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | failed: what was asked for is not so, or cannot be done; one line says why |
| 2 | wrong usage; a misspelt word is answered with the nearest one |
| 78 | bad configuration: the setting, its value and the cure are named |
| 130 | interrupted |

Every command also takes these:

"""
GLOBAL = ("config", "log_level", "json", "debug")
OWN_HELP = ("help",)


def render() -> str:
    """The whole page."""
    rows = _options(CommandParser(prog="outdial"), skip=OWN_HELP)
    names = (f"[{command.name}](#outdial-{command.name})" for command in commands())
    return "\n".join(
        [INTRODUCTION.rstrip() + "\n", table(("option", "meaning"), rows), " · ".join(names) + "\n", *_all()]
    )


def _all() -> Iterator[str]:
    for command in commands():
        yield from _command(f"outdial {command.name}", loaded(command), command.help, level="##")


def loaded(command: Command) -> argparse.ArgumentParser:
    """The command's parser with its module's options."""
    parser = CommandParser(prog=f"outdial {command.name}", description=command.help)
    import_module(f"{PACKAGE}.{command.module}").register(parser)
    return parser


def _command(prog: str, parser: argparse.ArgumentParser, about: str, level: str) -> Iterator[str]:
    inner = subparsers(parser)
    about = parser.description or about
    yield f"{level} {prog}\n"
    yield f"{about[:1].upper()}{about[1:].rstrip('.')}.\n"
    if inner is None:
        yield f"    {' '.join([prog, *_usage(parser)])}\n"
    rows = [*_arguments(parser), *_options(parser, skip=(*GLOBAL, *OWN_HELP))]
    if rows:
        yield table(("argument", "meaning"), rows)
    if inner is not None:
        told = {action.dest: action.help or "" for action in inner._choices_actions}
        for name, child in inner.choices.items():
            yield from _command(f"{prog} {name}", child, told[name], level="###")


def subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction[argparse.ArgumentParser] | None:
    """The action that holds a command's own subcommands."""
    return next((action for action in parser._actions if isinstance(action, argparse._SubParsersAction)), None)


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Required options, `[options]` if there are others, then what stands without a name."""
    own = [action for action in parser._actions if action.option_strings and action.dest not in (*GLOBAL, *OWN_HELP)]
    yield from (_written(action) for action in own if action.required)
    if any(not action.required for action in own):
        yield "[options]"
    yield from (_place(action) for action in parser._actions if _is_argument(action))


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if _is_argument(action):
            yield f"`{_name(action)}`", _meaning(action, parser)


def _is_argument(action: argparse.Action) -> bool:
    return not action.option_strings and not isinstance(action, argparse._SubParsersAction)


def _options(parser: argparse.ArgumentParser, skip: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if action.option_strings and action.dest not in skip:
            yield f"`{_written(action)}`", _meaning(action, parser)


def _meaning(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """Its help with the default filled in, the choices, and whether it must be there."""
    meaning = (action.help or "") % {"default": action.default, "const": action.const, "prog": parser.prog}
    choices = f"one of {', '.join(map(str, action.choices))}" if action.choices else ""
    required = "required" if action.option_strings and action.required else ""
    return "; ".join(filter(None, (meaning, choices, required)))


def _written(action: argparse.Action) -> str:
    """`--since TIME`."""
    names = ", ".join(action.option_strings)
    if action.nargs == 0:
        return names
    return f"{names} [{_name(action)}]" if action.nargs == "?" else f"{names} {_name(action)}"


def _name(action: argparse.Action) -> str:
    return action.metavar if isinstance(action.metavar, str) else action.dest.upper()


def _place(action: argparse.Action) -> str:
    name = _name(action)
    return {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}.get(str(action.nargs), name)
