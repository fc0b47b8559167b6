"""`outdial demo`: see the whole product work on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path


def register(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.description = (
        "Runs the main job on this machine: jobs, numbers, slots, calls over HTTP to simulated carriers, callbacks, "
        "outcomes, events. Exit code 1 when an invariant is broken."
    )
    parser.add_argument("--attempts", type=_positive, default=300, help="contacts to call (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=7, help="fate of the calls (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="PATH", dest="json_path", help="write the report as JSON")
    parser.add_argument(
        "--broker", choices=("in-process", "rabbitmq"), default="in-process",
        help="rabbitmq: the broker named by OUTDIAL_RABBITMQ__URL, else a private node (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--plant", choices=("over-admission",), help="plant a defect that the carrier's tally must find (exit code 1)"
    )
    parser.add_argument(
        "--serve", type=int, nargs="?", const=8081, metavar="PORT",
        help="leave console and admin API open over the demo's data, on this port (default: %(const)s, 0 = any free one)",
    )  # fmt: skip


def _positive(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 5_000:
        raise argparse.ArgumentTypeError("from 1 to 5000")
    return value


def _say(text: str) -> None:
    print(text, flush=True)


def run(args: argparse.Namespace) -> int:
    """Run the demo and print its report."""
    from outdial.embedded.demo import DemoOptions, run_demo
    from outdial.telemetry import logs

    logs.configure(level="WARNING")
    report = asyncio.run(run_demo(DemoOptions(args.attempts, args.seed, args.broker, args.plant, args.serve), _say))
    if args.serve is not None:
        return 0
    print()
    print(report.tables())
    if args.json_path is not None:
        args.json_path.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    broken = [*report.failures, *(f"violation: {violation}" for violation in report.violations[:10])]
    for line in broken:
        print(f"BROKEN: {line}", file=sys.stderr)
    return 1 if broken else 0
