"""make bench ARGS="--scenario NAME[,NAME] [--quick] [--json PATH]": how fast outdial is, beside its floor and the plain way.

A private RabbitMQ and PostgreSQL with default durability. Every repetition measures each scenario once, floor and
baseline among them, so that ratios compare what ran under the same conditions. The exit code is 1 if a limit was broken.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import structlog
from bench.ground import machine, private_ground
from bench.report import Figures
from bench.scenarios import SCENARIOS, Size, add_ratios

from outdial.telemetry.collector import collect_rarely
from outdial.telemetry.loop import run_fast

FULL, QUICK = Size(5, 4_000), Size(2, 1_500, seconds=4.0, largest=100_000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scenario", default=",".join(SCENARIOS), help="names, with commas (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="fewer attempts and repetitions: a look, no measurement")
    parser.add_argument("--repetitions", type=int, help="instead of 5 (2 with --quick)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures to this file too")
    args = parser.parse_args()
    names = args.scenario.split(",")
    if unknown := [name for name in names if name not in SCENARIOS]:
        parser.error(f"--scenario: {', '.join(unknown)} is not known; one or more of {', '.join(SCENARIOS)}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    # At the end carriers call back longer than anybody listens.
    logging.getLogger("outdial.web").setLevel(logging.ERROR)
    size = QUICK if args.quick else FULL
    run_fast(_measure(names, size.repeated(args.repetitions), args.json))


async def _measure(names: list[str], size: Size, path: Path | None) -> None:
    figures = Figures()
    collect_rarely()  # this and the loop as in the daemon; floor and baseline gain by it as well
    async with private_ground() as ground:
        facts = await machine(ground)
        print("\n".join(f"{name:12} {fact}" for name, fact in facts.items()), flush=True)
        for repetition in range(size.repetitions):
            for name in names:
                for scenario, values in (await SCENARIOS[name](ground, size)).items():
                    figures.add(scenario, values)
                print(f"{repetition + 1}/{size.repetitions} {name}", flush=True)
            add_ratios(figures)
    print(f"\n{figures.table()}")
    if path:
        figures.write(path, facts)
    if broken := figures.violated():
        sys.exit(f"broken promises: {', '.join(broken)}")


if __name__ == "__main__":
    main()
