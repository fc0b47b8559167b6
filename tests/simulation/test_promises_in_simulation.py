"""The promises hold whatever goes wrong: a few hundred small worlds, every fault, in virtual time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.simulation.sweep import SOMETIMES, run
from tests.simulation.world import simulate

QUICK_RUNS = 120
OFTEN = {
    "call_of_another_worker_adopted",
    "commit_took_effect_reply_lost",
    "cancel_of_a_call_under_way",
    "duplicate_delivery_absorbed",
    "event_published_again",
    "killed",
    "hung_up_by_cancel",
    "late_start_given_back",
    "stopped_for_long",
    "unconfirmed_call_found",
    "unconfirmed_ended_ambiguous",
}
"""Even so few runs must come to these, or they prove nothing; `python -m tests.simulation` wants all of them."""


def test_no_promise_is_broken_in_any_run() -> None:
    verdict = run(QUICK_RUNS, seed=1_000)
    assert verdict.violations == ()
    assert set(verdict.reached) >= OFTEN
    assert set(SOMETIMES) >= OFTEN


def test_the_same_seed_is_the_same_run_in_another_process() -> None:
    """Neither the order of sets of strings nor addresses in memory may decide anything, or no seed could be replayed."""
    program = "import sys\nfrom tests.simulation.world import simulate\nprint(*(simulate(int(s)).fingerprint for s in sys.argv[1:]))"
    seeds = range(40, 45)
    other = subprocess.run(
        [sys.executable, "-c", program, *map(str, seeds)],
        env={**os.environ, "PYTHONHASHSEED": "4711"}, cwd=Path(__file__).parents[2], capture_output=True, text=True,
        check=True, timeout=120,
    )  # fmt: skip
    assert other.stdout.split() == [simulate(seed).fingerprint for seed in seeds]


def test_the_same_seed_is_the_same_run() -> None:
    once, again = simulate(5), simulate(5)
    assert once.fingerprint == again.fingerprint
    assert once.trace == again.trace
    assert simulate(6).fingerprint != once.fingerprint
