"""The promises hold whatever goes wrong: a few hundred small worlds, every fault, in virtual time."""

from __future__ import annotations

from tests.simulation.sweep import SOMETIMES, run
from tests.simulation.world import simulate

QUICK_RUNS = 100
OFTEN = {
    "call_of_another_worker_adopted",
    "commit_took_effect_reply_lost",
    "duplicate_delivery_absorbed",
    "event_published_again",
    "killed",
    "late_start_given_back",
    "stopped_for_long",
    "unconfirmed_call_found",
    "unconfirmed_ended_ambiguous",
}
"""Even a hundred runs must come to these, or they prove nothing; `python -m tests.simulation` wants all of them."""


def test_no_promise_is_broken_in_any_run() -> None:
    verdict = run(QUICK_RUNS, seed=1_000)
    assert verdict.violations == ()
    assert set(verdict.reached) >= OFTEN
    assert set(SOMETIMES) >= OFTEN


def test_the_same_seed_is_the_same_run() -> None:
    once, again = simulate(5), simulate(5)
    assert once.fingerprint == again.fingerprint
    assert once.trace == again.trace
    assert simulate(6).fingerprint != once.fingerprint
