"""`outdial pick`: try which number a contact would be called from; nothing is changed."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from outdial.cli.output import print_table, say, show
from outdial.cli.times import moment, read_time

if TYPE_CHECKING:
    from outdial.operator.pick import Trial


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Makes the next pick for a contact as the daemon would, and shows who fell out where and why. Changes nothing."
    )
    parser.add_argument("--campaign", required=True, metavar="NAME")
    parser.add_argument("--to", required=True, metavar="E164", help="the contact")
    parser.add_argument("--seed", type=int, metavar="N", help="of the random number; the same seed, the same pick")
    parser.add_argument("--at", metavar="TIME", help="as of then: 2026-11-21T09:30:00Z (default: now)")
    parser.add_argument("--answer", action="append", metavar="PROVIDER", help="the job says what to do on answer there")
    parser.add_argument("--full", action="store_true", help="show the contact in full")


async def run(args: argparse.Namespace) -> int:
    """Pick and tell."""
    from outdial.cli.context import settings_of
    from outdial.cli.database import database
    from outdial.operator.pick import try_pick
    from outdial.operator.plain import as_data

    at = read_time(args.at, time.time(), field="--at") if args.at else None
    threshold = settings_of(args).platform.spam_threshold
    async with database(args) as pool:
        trial = await try_pick(
            pool, args.campaign, args.to, seed=args.seed, at=at, answers=args.answer, spam_threshold=threshold
        )
    show(args.json, as_data(trial, full=args.full), lambda: _print(trial, args.full))
    return 0


def _print(trial: Trial, full: bool) -> None:
    contact = trial.contact if full else trial.contact_masked
    print(f"{trial.campaign}: {contact} at {moment(trial.at)}, seed {trial.seed}")
    print(f"would {_would(trial)}")
    if trial.assumed_answers:
        providers = ", ".join(trial.assumed_answers)
        say(f"the campaign does not say what to do on answer: the job is taken to say it for {providers}")
    print()
    print_trial(trial)


def _would(trial: Trial) -> str:
    match trial.would:
        case "call":
            return f"call from {trial.gates.picked}"
        case "refuse":
            return f"be refused: {trial.blocker}"
        case _:
            return f"wait: {trial.blocker}"


def print_trial(trial: Trial) -> None:
    """What forbids it, the gates, the room on the pool's connections."""
    from outdial.cli.gates import lines

    for one in trial.hindrances:
        until = f" Next: {moment(one.until)}." if one.until is not None else ""
        print(f"forbidden {one.code}: {one.says}{until}")
    print("\n".join(lines(trial.gates)))
    print()
    rows = [(one.connection, one.in_use, one.max_calls, one.why_busy or "yes") for one in trial.room]
    print_table(("connection", "in use", "limit", "room"), rows)
