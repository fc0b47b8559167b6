"""Many runs, one after the other: `python -m tests.simulation` and `make chaos` call this."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from tests.simulation.world import Report, simulate

RUNS_PER_COLLECTION = 20
SHARE = 100
"""So many runs a process is given at once."""
MANY_RUNS = 5_000
"""So many runs must reach every state; in fewer, the rarest (one run in some hundreds) may stay out by chance."""
SOMETIMES = (
    "ack_on_a_lost_connection",
    "blocker_contact_in_call",
    "blocker_sticky_number_busy",
    "call_of_another_worker_adopted",
    "call_without_known_outcome",
    "cancel_before_its_attempt",
    "cancel_of_a_call_under_way",
    "circuit_opened",
    "circuit_probed",
    "commit_took_effect_reply_lost",
    "duplicate_delivery_absorbed",
    "ended_ambiguous",
    "ended_canceled",
    "ended_expired",
    "ended_in_order",
    "event_published_again",
    "event_published_from_the_outbox",
    "given_back_carrier_backoff",
    "given_back_in_line",
    "hung_up_at_its_limits",
    "hung_up_by_cancel",
    "killed",
    "killed_within_a_transaction",
    "late_start_given_back",
    "limit_lowered_below_what_is_in_use",
    "outcome_annotated",
    "outcome_corrected",
    "publish_lost",
    "redelivered",
    "sticky_moved",
    "stopped",
    "stopped_for_long",
    "stray_callback",
    "tier_sticky",
    "transaction_of_a_stopped_worker_ended",
    "unconfirmed",
    "unconfirmed_call_found",
    "unconfirmed_ended_ambiguous",
    "unconfirmed_ended_with_outcome",
)
"""States that must be reached now and then, or the faults are too weak to prove anything."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What many runs came to. `violations`: with their seed in front; `reached`: how often each state was."""

    runs: int
    violations: tuple[str, ...]
    reached: Counter[str]
    seconds: float

    def never(self) -> list[str]:
        """Interesting states that no run reached."""
        return [state for state in SOMETIMES if not self.reached[state]]

    def is_sound(self) -> bool:
        """No promise was broken, and the faults were strong enough to say so."""
        return not self.violations and (self.runs < MANY_RUNS or not self.never())


def run(runs: int, seed: int, told: Callable[[int, Report], None] | None = None, *, jobs: int = 1) -> Verdict:
    """Simulate the seeds `seed` to `seed + runs - 1` in so many processes. `told`: called after each run with how many
    there were; with several processes its reports have no trace, and come as they are ready."""
    violations: list[str] = []
    reached: Counter[str] = Counter()
    began = time.monotonic()
    reports = _one_by_one(range(seed, seed + runs)) if jobs == 1 else _side_by_side(range(seed, seed + runs), jobs)
    for number, report in enumerate(reports, 1):
        reached += report.reached
        violations += [f"seed {report.seed}: {violation}" for violation in report.violations]
        if told is not None:
            told(number, report)
    return Verdict(runs, tuple(violations), reached, time.monotonic() - began)


def _one_by_one(seeds: Sequence[int]) -> Iterator[Report]:
    """Garbage is collected between runs, and what the program has loaded is not looked through for it every time."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for number, seed in enumerate(seeds, 1):
            yield simulate(seed)
            if number % RUNS_PER_COLLECTION == 0:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()


def _side_by_side(seeds: Sequence[int], jobs: int) -> Iterator[Report]:
    with ProcessPoolExecutor(jobs) as processes:
        shares = [seeds[at : at + SHARE] for at in range(0, len(seeds), SHARE)]
        for reports in processes.map(_share, shares):
            yield from reports


def _share(seeds: Sequence[int]) -> list[Report]:
    return [replace(report, trace=()) for report in _one_by_one(seeds)]
