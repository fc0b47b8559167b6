"""`make chaos ARGS="--runs N --seed S --json PATH [--simulated N] [--defect NAME]"`: exit code 1 on a broken promise.

Prints per run its seed, what was injected and what it came to; at the end which interesting states were reached.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.chaos.plan import CARRIER_TROUBLES, FAULTS, RARE, plan
from bench.chaos.siege import RunReport, live_through, stage_for
from tests.support.spoiled_worker import DEFECTS

from outdial.telemetry.crashpoints import CRASH_POINTS

SOMETIMES = (
    *FAULTS,
    *RARE,
    *(name for name, _ in CARRIER_TROUBLES),
    *(f"died_{point}" for point in CRASH_POINTS),
    "state_unconfirmed",
    "circuit_open",
    "blocker_carrier_backoff",
    "blocker_contact_in_call",
    "ended_ambiguous",
    "ack_on_a_dead_channel",
    "redelivered",
    "publish_without_confirm",
    "late_start_given_back",
    "create_ambiguous",
)
"""States that many runs must reach now and then, or the faults are too weak to prove anything."""


def main() -> int:
    """Parse, live through the runs, print, write."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="runs with real workers that are killed (default 100)")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next ones count on (default 1)")
    parser.add_argument("--json", type=Path, help="write runs, violations and reached there")
    parser.add_argument("--simulated", type=int, default=1_000, help="simulated runs, too (default 1000; 0 = none)")
    parser.add_argument(
        "--defect", choices=sorted(DEFECTS), help="spoil all workers: the verdict must be that it shows"
    )
    asked = parser.parse_args()
    logging.getLogger("asyncpg").setLevel(logging.CRITICAL)  # our own pool's, while the database is away on purpose
    began = time.monotonic()
    reports = asyncio.run(_runs(asked.runs, asked.seed, asked.defect)) if asked.runs else []
    simulated = _simulated(asked.simulated, asked.seed) if asked.simulated and asked.defect is None else None
    result = _result(reports, asked.seed, simulated)
    _print(result, time.monotonic() - began)
    if asked.json is not None:
        asked.json.write_text(json.dumps(result, indent=2) + "\n")
    return int(bool(result["violations"]))


async def _runs(runs: int, seed: int, defect: str | None) -> list[RunReport]:
    command = (sys.executable, "-m", "tests.support.spoiled_worker", defect, "run") if defect else None
    reports: list[RunReport] = []
    while len(reports) < runs:
        async with stage_for(seed + len(reports), command) as stage:
            while len(reports) < runs:
                report = await live_through(stage, plan(seed + len(reports)))
                reports.append(report)
                _tell(report, len(reports))
                if report.violations:
                    break  # what follows would be judged by what it left
        if defect and reports[-1].violations:
            break
    return reports


def _tell(report: RunReport, number: int) -> None:
    one = report.plan
    names = [f"crash at {one.crash_at}"] if one.crash_at else []
    names += [name for name, _ in one.troubles] + [happening.name for happening in one.happenings]
    verdict = f"{len(report.violations)} VIOLATIONS" if report.violations else "kept"
    print(
        f"{number:4} seed {one.seed} {one.jobs} jobs {report.seconds:5.1f} s  {verdict}: {', '.join(names)}", flush=True
    )
    for violation in report.violations[:20]:
        print(f"     {violation}", flush=True)


def _simulated(runs: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "simulated.json"
        command = [
            sys.executable,
            "-m",
            "tests.simulation",
            "--runs",
            str(runs),
            "--seed",
            str(seed),
            "--json",
            str(path),
        ]
        code = subprocess.run(command, check=False).returncode
        if not path.exists():
            return {"runs": 0, "violations": [f"the simulation ended with code {code}"], "reached": {}}
        said: dict[str, Any] = json.loads(path.read_text())
        return said


def _result(reports: list[RunReport], seed: int, simulated: dict[str, Any] | None) -> dict[str, Any]:
    reached = sum((report.reached for report in reports), Counter[str]())
    violations = [f"seed {report.plan.seed}: {one}" for report in reports for one in report.violations]
    if simulated is not None:
        violations += [f"simulated {one}" for one in simulated["violations"]]
    return {
        "runs": len(reports),
        "seed": seed,
        "seconds": round(sum(report.seconds for report in reports), 1),
        "jobs": sum(report.plan.jobs for report in reports),
        "violations": violations,
        "reached": dict(sorted(reached.items())),
        "never": [state for state in SOMETIMES if not reached[state]] if reports else [],
        "simulated": simulated,
    }


def _print(result: dict[str, Any], seconds: float) -> None:
    print(f"\n{result['runs']} runs from seed {result['seed']} with {result['jobs']} jobs in {seconds:.0f} s; reached:")
    for state, count in result["reached"].items():
        print(f"  {count:6} {state}")
    if result["runs"]:
        print(f"never reached: {', '.join(result['never']) or 'nothing, every interesting state was'}")
    if result["simulated"] is not None:
        print(f"simulated: {result['simulated']['runs']} runs")
    print(f"violations: {len(result['violations'])}")


if __name__ == "__main__":
    sys.exit(main())
