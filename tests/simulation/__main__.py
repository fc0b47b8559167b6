"""`python -m tests.simulation --runs 10000 --seed 1 --json PATH`, or `--replay SEED` to see one run's whole trace."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.simulation.sweep import Verdict, run
from tests.simulation.world import Report, simulate


def main() -> int:
    """Exit code 1 when a promise was broken, or many runs never reached an interesting state."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000, help="how many runs (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the next ones count on (default 1)")
    parser.add_argument("--json", type=Path, help="write runs, violations and reached there")
    parser.add_argument("--replay", type=int, metavar="SEED", help="one run only, with its trace")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share the runs (default 1)")
    asked = parser.parse_args()
    if asked.replay is not None:
        return _replay(asked.replay)
    verdict = run(asked.runs, asked.seed, _tell, jobs=asked.jobs)
    _print(verdict, asked.seed)
    if asked.json is not None:
        asked.json.write_text(json.dumps(_plain(verdict, asked.seed), indent=2) + "\n")
    return int(not verdict.is_sound())


def _replay(seed: int) -> int:
    report = simulate(seed)
    for at, who, what in report.trace:
        print(f"{at:10.4f} {who:10} {what}")
    print(f"seed {seed}, trace {report.fingerprint}, {len(report.violations)} violations")
    for violation in report.violations:
        print(f"  {violation}")
    return int(bool(report.violations))


def _tell(number: int, report: Report) -> None:
    for violation in report.violations:
        print(f"seed {report.seed}: {violation}")
    if number % 500 == 0:
        print(f"{number} runs", file=sys.stderr, flush=True)


def _print(verdict: Verdict, seed: int) -> None:
    per_minute = verdict.runs / max(verdict.seconds, 1e-9) * 60
    print(f"{verdict.runs} runs from seed {seed} in {verdict.seconds:.0f} s ({per_minute:.0f} a minute)")
    for state, count in sorted(verdict.reached.items()):
        print(f"  {count:8} {state}")
    print(f"never reached: {', '.join(verdict.never()) or 'nothing, every interesting state was'}")
    print(f"violations: {len(verdict.violations)}")


def _plain(verdict: Verdict, seed: int) -> dict[str, object]:
    return {
        "runs": verdict.runs,
        "seed": seed,
        "seconds": round(verdict.seconds, 1),
        "violations": list(verdict.violations),
        "reached": dict(sorted(verdict.reached.items())),
        "never": verdict.never(),
    }


if __name__ == "__main__":
    sys.exit(main())
