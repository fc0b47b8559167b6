"""`outdial carrier`: the simulated carrier as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from outdial.errors import BadConfiguration, Permanent

if TYPE_CHECKING:
    from outdial.carrier import Scenario
    from outdial.carrier.tally import TallyReport

_EXAMPLE = "example_scenario.toml"


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Runs a carrier that is simulated: a real HTTP server that speaks Twilio's and Telnyx's call APIs and calls "
        "back with valid signatures. When it listens, one line of JSON on stdout says so. No phone rings."
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="port; 0 = any free one (default: %(default)s)")
    parser.add_argument("--scenario", type=Path, metavar="FILE", help="TOML or JSON; default: the built-in example")
    parser.add_argument("--seed", type=int, help="overrides the scenario's seed")
    parser.add_argument("--speed", type=float, help="overrides the scenario's speed (model seconds per second)")
    parser.add_argument("--tally", type=Path, metavar="PATH", help="write the tally as JSON to this file at the end")
    parser.add_argument("--example", action="store_true", help="print the example scenario and end")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    if args.example:
        print(_example_text(), end="")
        return 0
    report = asyncio.run(_serve(_scenario(args), args.host, args.port))
    if args.tally is not None:
        args.tally.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"simulated carrier stopped: {report['accepted']} calls accepted", file=sys.stderr)
    return 0


def _example_text() -> str:
    return resources.files("outdial.carrier").joinpath(_EXAMPLE).read_text(encoding="utf-8")


def _scenario(args: argparse.Namespace) -> Scenario:
    from outdial.carrier import Scenario, ScenarioError

    if args.speed is not None and not args.speed > 0:
        raise BadConfiguration(f"--speed: {args.speed:g} is not above 0")
    try:
        if args.scenario is not None:
            scenario = Scenario.from_file(args.scenario)
        else:
            with resources.as_file(resources.files("outdial.carrier").joinpath(_EXAMPLE)) as path:
                scenario = Scenario.from_file(path)
    except ScenarioError as error:
        raise BadConfiguration(f"scenario: {error}") from error
    return scenario.with_changes(seed=args.seed, speed=args.speed)


async def _serve(scenario: Scenario, host: str, port: int) -> TallyReport:
    from outdial.carrier import SimulatedCarrier

    # Thousands of calls are kept for look-ups and none of them is in a cycle: looking for cycles often is wasted.
    gc.set_threshold(50_000, 20, 100)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    carrier = SimulatedCarrier(scenario, host=host, port=port)
    try:
        await carrier.start()
    except OSError as error:
        raise Permanent(f"--port {port}: cannot listen on {host}: {error.strerror} (choose another port)") from error
    print(json.dumps({"ready": True, "url": carrier.url}), flush=True)
    await stop.wait()
    report = carrier.tally()
    await carrier.stop()
    return report
