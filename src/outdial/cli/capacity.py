"""`outdial capacity`: what limits a campaign, how long its backlog takes, and why it is not dialling."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

from outdial.cli.output import print_json, print_table
from outdial.cli.times import moment, span

if TYPE_CHECKING:
    from outdial.operator.capacity import CampaignCapacity
    from outdial.rules.pool_capacity import ConnectionRoom, Room

EVERY_S = 1.0
_TO_TOP, _CLEAR_LINE_END, _CLEAR_BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Shows how many calls a campaign may have at once and what sets that bound, how many could start now, how long "
        "its backlog takes, what its waiting attempts wait for, and the numbers' calls of the last 24 h."
    )
    parser.add_argument("campaign", metavar="CAMPAIGN")
    parser.add_argument("--watch", action="store_true", help="again each second, until Ctrl-C")


async def run(args: argparse.Namespace) -> int:
    """Ask and print; with --watch again and again."""
    from outdial.cli.context import settings_of
    from outdial.cli.database import database
    from outdial.operator.capacity import campaign_capacity

    threshold = settings_of(args).platform.spam_threshold
    async with database(args) as pool:
        while True:
            capacity = await campaign_capacity(pool, args.campaign, spam_threshold=threshold)
            _show(capacity, args)
            if not args.watch:
                return 0
            await asyncio.sleep(EVERY_S)


def _show(capacity: CampaignCapacity, args: argparse.Namespace) -> None:
    """On a terminal each picture of a watch takes the place of the one before; elsewhere they follow each other."""
    from contextlib import redirect_stdout
    from io import StringIO

    from outdial.operator.plain import as_data

    text = StringIO()
    with redirect_stdout(text):
        if args.json:
            print_json(as_data(capacity))
        else:
            _print(capacity)
    if args.watch and sys.stdout.isatty() and not args.json:
        body = text.getvalue().replace("\n", f"{_CLEAR_LINE_END}\n")
        print(f"{_TO_TOP}{body}{_CLEAR_BELOW}", end="", flush=True)
    else:
        print(text.getvalue(), end="", flush=True)


def _print(capacity: CampaignCapacity) -> None:
    rooms = capacity.capacity
    print(f"{capacity.campaign} ({capacity.tenant}) at {moment(capacity.at)}\n")
    rows = [_line(one) for one in rooms.connections]
    rows.append(("pool", "", _bound(rooms.raw), "", "", "the sum over its connections"))
    rows.append(_scope(f"tenant {capacity.tenant}", rooms.tenant))
    rows.append(_scope(f"campaign {capacity.campaign}", rooms.campaign))
    print_table(
        ("slots", "numbers", "limit", "in use", "left", "state"), rows, right=("numbers", "limit", "in use", "left")
    )
    print(f"\nceiling      {_bound(rooms.ceiling)} calls at once{_by(rooms.binds)}")
    print(f"free now     {_bound(rooms.free_now)}{_by(rooms.binds_now)}")
    print(f"start rate   {_rate(capacity)}")
    print(f"backlog      {capacity.backlog:,} waiting; {_drain(capacity)}")
    _print_waiting(capacity)
    _print_numbers(capacity)


def _line(one: ConnectionRoom) -> tuple[str, ...]:
    state = one.state.replace("_", " ") + (f" until {moment(one.until)}" if one.until is not None else "")
    pace = f", {one.calls_per_second:g} starts/s" if one.calls_per_second is not None else ""
    room = one.room
    return (one.connection, f"{one.numbers:,}", _bound(room.limit), f"{room.in_use:,}", _bound(room.left), state + pace)


def _scope(name: str, room: Room) -> tuple[str, ...]:
    state = "paused" if room.paused else "full" if room.left == 0 else "open"
    return (name, "", _bound(room.limit), f"{room.in_use:,}", _bound(room.left), state)


def _bound(value: int | None) -> str:
    return "no limit" if value is None else f"{value:,}"


def _by(binds: tuple[str, ...]) -> str:
    return f", bound by the {' and the '.join(binds)}" if binds else ""


def _rate(capacity: CampaignCapacity) -> str:
    pace = capacity.capacity.calls_per_second
    if pace == 0:
        return "no connection that may start calls just now"
    paced = "unpaced" if pace is None else f"at most {pace:g} calls a second"
    held = f"; a call holds its slot for {span(capacity.held_s)}" if capacity.held_s is not None else ""
    rate = capacity.starts_per_second
    return f"{paced}{held}" + (f"; so about {rate:.3g} calls a second" if rate is not None else "")


def _drain(capacity: CampaignCapacity) -> str:
    if capacity.backlog == 0:
        return "nothing to drain"
    if capacity.drain_s is None:
        return "as things stand it is never drained" if capacity.starts_per_second == 0 else "no call yet to judge by"
    return f"drained in about {span(capacity.drain_s)}, if nobody else takes the slots"


def _print_waiting(capacity: CampaignCapacity) -> None:
    print("\nWhy is it not dialling?")
    if not capacity.waiting:
        print("Nothing waits.")
        return
    rows = [(one.blocker, one.attempts, moment(one.next_eligible_at), one.hint) for one in capacity.waiting]
    print_table(("blocker", "attempts", "next", "hint"), rows)


def _print_numbers(capacity: CampaignCapacity) -> None:
    print()
    rows = [
        (
            one.number,
            one.connection,
            f"{one.calls_24h:,} / {one.budget_24h:,}" if one.budget_24h else f"{one.calls_24h:,} / -",
            f"{one.max_calls_24h:,}" if one.max_calls_24h else "-",
            one.out.replace("_", " ") if one.out else "",
        )
        for one in capacity.numbers
    ]
    titles = ("number", "connection", "calls 24 h / budget", "at most", "out because")
    print_table(titles, rows, right=("calls 24 h / budget", "at most"))
