"""`outdial number flag|unflag|clear|deactivate|release|activate`: what is ordered about one number."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from outdial.cli.output import confirm, say, show
from outdial.cli.times import moment

if TYPE_CHECKING:
    from outdial.operator.numbers import NumberCleared, NumberScored, StateChange

_STATES = {"deactivate": "inactive", "release": "released", "activate": "active"}


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Orders about one number, by its name or E.164. They hold for the next pick on every replica; who gave them, "
        "when and why is kept in the audit log, and an event is published. outdial health --number NUMBER shows it."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    flag = _action(actions, "flag", "note a spam score from outside; at the threshold the number leaves all draws")
    flag.add_argument("--score", type=float, default=1.0, help="0 = clean, 1 = flagged (default: %(default)s)")
    flag.add_argument("--source", default="operator", help="who says so; each has one score (default: %(default)s)")
    unflag = _action(actions, "unflag", "forget reported scores and the number's own score")
    unflag.add_argument("--source", help="forget only what this source reported")
    _action(actions, "clear", "forget that its carrier refused it as caller ID, or failed its calls")
    for action, help_ in (
        ("deactivate", "take it out of use for a while; contacts keep it as their number"),
        ("release", "it was given back to the carrier: contacts' assignments to it are void"),
    ):
        _action(actions, action, help_).add_argument("--yes", action="store_true", help="do not ask")
    _action(actions, "activate", "take it into use again")


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, help_: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=help_, description=help_)
    parser.add_argument("number", metavar="NUMBER", help="its name or E.164")
    parser.add_argument("--why", default="", help="kept in the audit log")
    return parser


async def run(args: argparse.Namespace) -> int:
    """Carry it out."""
    match args.action:
        case "flag" | "unflag":
            return await _score(args)
        case "clear":
            return await _clear(args)
        case _:
            return await _state(args)


async def _score(args: argparse.Namespace) -> int:
    from outdial.cli.context import settings_of
    from outdial.cli.database import database, who_am_i
    from outdial.operator.numbers import flag_number, unflag_number
    from outdial.operator.plain import as_data

    threshold, who = settings_of(args).platform.spam_threshold, who_am_i()
    async with database(args) as pool:
        if args.action == "flag":
            done = await flag_number(
                pool, args.number, args.score, args.source, who=who, why=args.why, spam_threshold=threshold
            )
        else:
            done = await unflag_number(pool, args.number, args.source, who=who, why=args.why, spam_threshold=threshold)
    show(args.json, as_data(done), lambda: _print_score(done))
    return 0


def _print_score(done: NumberScored) -> None:
    standing = "flagged, in no draw" if done.flagged else "not flagged"
    print(
        f"{done.number} ({done.from_number}): score {done.before:.2f} → {done.after:.2f}, {standing} "
        f"(threshold {done.threshold:.2f})"
    )


async def _clear(args: argparse.Namespace) -> int:
    from outdial.cli.database import database, who_am_i
    from outdial.operator.numbers import clear_number
    from outdial.operator.plain import as_data

    async with database(args) as pool:
        done = await clear_number(pool, args.number, who=who_am_i(), why=args.why)
    show(args.json, as_data(done), lambda: _print_cleared(done))
    return 0


def _print_cleared(done: NumberCleared) -> None:
    said = []
    if done.carrier_rejected_at is not None:
        said.append(f"refused by its carrier at {moment(done.carrier_rejected_at)}: cleared")
    if done.failing_since is not None:
        said.append(f"failing since {moment(done.failing_since)}: cleared")
    print(f"{done.number} ({done.from_number}): {'; '.join(said) or 'its carrier neither refused nor fails it'}")


async def _state(args: argparse.Namespace) -> int:
    from outdial.cli.database import database, who_am_i
    from outdial.operator.numbers import propose_state, set_state
    from outdial.operator.plain import as_data
    from outdial.rules.catalogue_rows import NumberState

    state = NumberState(_STATES[args.action])
    async with database(args) as pool:
        change = await propose_state(pool, args.number, state)
        if not change.changes_nothing:
            if state is not NumberState.ACTIVE:
                for line in _meaning(change):
                    say(line)
                confirm(f"{args.action.capitalize()} {change.number} ({change.from_number})?", yes=args.yes)
            change = await set_state(pool, args.number, state, who=who_am_i(), why=args.why)
    show(args.json, as_data(change), lambda: _print_state(change))
    return 0


def _meaning(change: StateChange) -> list[str]:
    """What somebody should know before they say yes."""
    lines = []
    if change.contacts:
        each = ", ".join(f"{campaign} {count:,}" for campaign, count in change.contacts.items())
        what = "lose it as their number" if change.voided else "are called from other numbers until it is back"
        lines.append(f"{sum(change.contacts.values()):,} contacts {what}: {each}")
    if change.primary_of:
        lines.append(f"it is the primary of {', '.join(change.primary_of)}")
    if change.last_of:
        lines.append(f"nothing can be dialled then in {', '.join(change.last_of)}: there is no other active number")
    return lines


def _print_state(change: StateChange) -> None:
    name = f"{change.number} ({change.from_number})"
    if change.changes_nothing:
        print(f"{name}: {change.after} already")
        return
    voided = f", {sum(change.contacts.values()):,} sticky assignments void" if change.voided else ""
    print(f"{name}: {change.before} → {change.after}{voided}")
