"""Play the worlds and print the tables: `python -m bench.simulate [--json PATH] [--worlds A,B] [--runs N] [--seed S] [--quick]`.

Exit code 1 if a figure is missed. `--quick` plays two days of each world twice, to see that everything runs: its
figures are printed, but nothing can be learned in two days, so they are not judged.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from time import perf_counter

from bench.simulate.figures import TARGETS, Figure, figures
from bench.simulate.trials import RULES, TRACE_BIN, Trial, mean_and_interval, try_world
from bench.simulate.worlds import WORLDS

RUNS, QUICK_RUNS, QUICK_DAYS = 10, 2, 2


def played(worlds: Sequence[str], first_seed: int, runs: int, days: int | None) -> dict[str, list[Trial]]:
    """All trials, on all cores; the longest worlds begin. `runs`: seeds per world, of short worlds some times as many."""
    tasks = [
        (world, first_seed + run, min(days, WORLDS[world].days) if days else None)
        for world in worlds
        for run in range(runs * WORLDS[world].times)
    ]
    tasks.sort(key=lambda task: -WORLDS[task[0]].size)
    trials: dict[str, list[Trial]] = {world: [] for world in worlds}
    with get_context("spawn").Pool(os.cpu_count()) as pool:
        for done, trial in enumerate(pool.imap(try_world, tasks, chunksize=1), 1):
            trials[trial.world].append(trial)
            if sys.stderr.isatty():
                print(
                    f"\r{done} of {len(tasks)} trials",
                    end="\n" if done == len(tasks) else "",
                    file=sys.stderr,
                    flush=True,
                )
    return trials


def as_json(
    trials: Mapping[str, Sequence[Trial]], lines: Sequence[Figure], facts: dict[str, object]
) -> dict[str, object]:
    """`worlds.{name}.{rule}.{mean,ci95}`, `figures`, the labelled number's share, and how it was run."""
    worlds: dict[str, dict[str, object]] = {}
    for world, of in trials.items():
        worlds[world] = {}
        for rule in RULES:
            mean, interval = mean_and_interval([trial.scores[rule] for trial in of])
            worlds[world][rule] = {"mean": round(mean, 2), "ci95": [round(end, 2) for end in interval]}
    traces = [trial.traces for of in trials.values() for trial in of if trial.traces]
    shares = {
        rule: [round(fmean(points), 3) for points in zip(*(trace[rule] for trace in traces), strict=False)]
        for rule in (RULES if traces else ())
    }
    labelled = {"picks_per_point": TRACE_BIN, "labelled_at_point": 5, "fair_shares": shares}
    seeds = {world: len(of) for world, of in trials.items()}
    return {
        **facts,
        "seeds": seeds,
        "worlds": worlds,
        "figures": [asdict(line) for line in lines],
        "labelled_number": labelled,
    }


def print_tables(result: Mapping[str, object], lines: Sequence[Figure], judged: bool) -> None:
    """For a person."""
    worlds = result["worlds"]
    assert isinstance(worlds, dict)
    print("Answered calls, % of a clairvoyant dialler (mean over seeds, ± half of the 95 % interval)\n")
    print(
        f"{'world':<20}" + "".join(f"{rule.replace('_', ' '):>24}" for rule in RULES[:-1]) + f"{'target (uniform)':>20}"
    )
    for world, by_rule in worlds.items():
        cells = [f"{c['mean']:.1f} ± {(c['ci95'][1] - c['ci95'][0]) / 2:.1f}" for c in (by_rule[r] for r in RULES[:-1])]
        target = "{:g} ({:g})".format(*TARGETS[world]) if world in TARGETS else "above uniform"
        print(f"{world:<20}" + "".join(f"{cell:>24}" for cell in cells) + f"{target:>20}")
    print(
        f"\n{'figure':<58}{'measured':>10}   {'wanted':<16}" + ("  reached" if judged else "  (not judged: too short)")
    )
    for line in lines:
        print(
            f"{line.name:<58}{line.measured:>10.2f}   {line.wanted:<16}"
            + (f"  {'yes' if line.reached else 'NO'}" if judged else "")
        )


def main() -> int:
    """See the module."""
    options = _options()
    runs = options.runs or (QUICK_RUNS if options.quick else RUNS)
    begun = perf_counter()
    trials = played(options.worlds, options.seed, runs, QUICK_DAYS if options.quick else None)
    lines = figures(trials)
    facts: dict[str, object] = {"runs": runs, "seed": options.seed, "quick": options.quick}
    result = as_json(trials, lines, facts)
    print_tables(result, lines, judged=not options.quick)
    print(f"\n{len(trials)} worlds, {runs} seeds or more each, {perf_counter() - begun:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    missed = [] if options.quick else [line.name for line in lines if not line.reached]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make simulate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=_target, help="write the result there")
    parser.add_argument("--worlds", type=_worlds, default=list(WORLDS), help=f"some of {','.join(WORLDS)}")
    parser.add_argument(
        "--runs", type=_positive, help=f"seeds per world, of the pilots four times as many (default {RUNS})"
    )
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default 1)")
    parser.add_argument("--quick", action="store_true", help="two days of each world, two seeds, not judged")
    return parser.parse_args()


def _worlds(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in WORLDS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(f"no world {', '.join(unknown) or repr(text)}; there are {', '.join(WORLDS)}")
    return list(dict.fromkeys(names))


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs; give 1 or more")
    return int(text)


def _target(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{path.parent} is no folder; make it first")
    return path


if __name__ == "__main__":
    raise SystemExit(main())
