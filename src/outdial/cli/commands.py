"""Every command of `outdial`: its name, the module that holds it, and what the help says about it.

Adding a command is one line here and one small module in this folder with two functions: `register(parser)` adds its
options, `run(args)` does the work and returns the exit code (a plain function or a coroutine). Modules are imported
only when their command is called, so that the command line starts quickly; a command without a module is not shown.
`args` holds, besides the command's own options, `command` (the name), `config`, `log_level`, `json` and `debug`.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple


class Command(NamedTuple):
    """A line of the help."""

    name: str
    module: str
    help: str


_COMMANDS = (
    Command("run", "run", "run the daemon"),
    Command("demo", "demo", "see it work: simulated carrier, embedded database, no setup"),
    Command("migrate", "migrate", "bring the database's schema up to date"),
    Command("apply", "apply", "apply a catalogue file: tenants, connections, numbers, campaigns, pools"),
    Command("show", "show", "read the catalogue back as it stands"),
    Command("enqueue", "enqueue", "put call attempts from CSV or JSON lines on the queue"),
    Command("cancel", "cancel", "cancel attempts"),
    Command("attempts", "attempts", "list attempts: waiting, under way, ended"),
    Command("explain", "explain", "say why an attempt waits, or why its number was picked"),
    Command("pick", "pick", "try which number a contact would be called from"),
    Command("capacity", "capacity", "show what limits a campaign, and how long its backlog takes"),
    Command("health", "health", "show the health of a campaign's number pool"),
    Command("sticky", "sticky", "show, set or clear a contact's number"),
    Command("number", "number", "deactivate, release, flag or unflag a number"),
    Command("suppress", "suppress", "manage contacts that must not be called"),
    Command("pause", "pause", "pause a tenant, campaign, connection or number"),
    Command("resume", "pause", "resume a tenant, campaign, connection or number"),
    Command("dead", "dead", "list, show, replay and discard messages that could not be understood"),
    Command("carrier", "carrier", "run the simulated carrier"),
    Command("config", "config", "check the settings, print their schema or a file with all of them"),
    Command("schema", "schema", "print the schemas of messages and events"),
)
PACKAGE = "outdial.cli"


def commands() -> list[Command]:
    """The commands whose modules are there."""
    return [command for command in _COMMANDS if find_spec(f"{PACKAGE}.{command.module}") is not None]
