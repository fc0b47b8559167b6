"""`outdial config check | schema | template`: what the settings are, and where each came from."""

from __future__ import annotations

import argparse

from outdial.cli.output import print_json, print_table, say


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("check", help="print what holds and where it came from; exit code 78 if anything is wrong")
    actions.add_parser("schema", help="print the JSON Schema of config.toml")
    actions.add_parser("template", help="print a config.toml with every key, explained, at its default")


def run(args: argparse.Namespace) -> int:
    """Print what was asked for."""
    if args.action == "schema":
        from outdial.settings.document import json_schema

        print_json(json_schema())
    elif args.action == "template":
        from outdial.settings.document import config_toml

        print(config_toml(), end="")
    else:
        _check(args)
    return 0


def _check(args: argparse.Namespace) -> None:
    from outdial.settings.known import SETTINGS
    from outdial.settings.load import Loaded, load
    from outdial.settings.problems import shown

    loaded: Loaded = load(args.config)
    rows = []
    for path, known in SETTINGS.items():
        value = getattr(loaded.settings, known.group or known.key)
        value = getattr(value, known.key) if known.group else value
        rows.append((path, shown(value, secret=known.is_secret), known.unit, loaded.sources.get(path, "default")))
    if args.json:
        print_json([dict(zip(("setting", "value", "unit", "source"), row, strict=True)) for row in rows])
        return
    print_table(("setting", "value", "unit", "source"), rows)
    say(f"These settings can be used (configuration file: {loaded.file or 'none'}).")
