"""The promises hold whatever goes wrong: a few hundred small worlds, every fault, in virtual time."""

from __future__ import annotations

from tests.simulation.sweep import run
from tests.simulation.world import simulate

QUICK_RUNS = 120


def test_no_promise_is_broken_in_any_run() -> None:
    verdict = run(QUICK_RUNS, seed=1_000)
    assert verdict.violations == ()


def test_the_same_seed_is_the_same_run() -> None:
    once, again = simulate(5), simulate(5)
    assert once.fingerprint == again.fingerprint
    assert once.trace == again.trace
    assert simulate(6).fingerprint != once.fingerprint
