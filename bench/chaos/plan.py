"""What happens in one run, drawn from its seed: who dies where, what breaks, and when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from outdial.carrier.faults import Fault
from outdial.telemetry.crashpoints import CRASH_POINTS

FAULTS = {
    "worker_killed": 6,
    "worker_stopped": 3,
    "worker_ended_in_order": 2,
    "database_hangs_worker_killed": 3,
    "database_backends_ended": 3,
    "database_lines_cut": 2,
    "database_commit_reply_cut": 3,
    "database_half_open": 1,
    "database_slow": 1,
    "database_killed": 1,
    "broker_lines_cut": 3,
    "broker_frozen": 1,
    "broker_half_open": 1,
    "broker_cut_after_bytes": 2,
    "carrier_lines_cut": 2,
    "carrier_half_open": 2,
    "carrier_frozen": 1,
    "limit_lowered": 2,
}
"""Faults by name, with their weights. `RARE` ones take seconds each."""
RARE = {"broker_killed": 25, "broker_memory_alarm": 20}
"""One run in so many has this fault, too."""
CARRIER_TROUBLES: Sequence[tuple[str, Fault]] = (
    ("answer_lost_call_made", Fault("reset", "create", done=True, probability=0.15)),
    ("answer_lost_no_call", Fault("reset", "create", probability=0.1)),
    ("late_answer", Fault("late", "create", seconds=3.0, times=3)),
    ("status_500_call_made", Fault("status", "create", status=500, done=True, probability=0.15)),
    ("status_503_no_call", Fault("status", "create", status=503, probability=0.1)),
    ("status_502_html", Fault("status", "create", status=502, body="html", done=True, times=2)),
    ("status_429", Fault("status", "create", status=429, retry_after_s=0.2, probability=0.15)),
    ("truncated_answer", Fault("truncated", "create", probability=0.1)),
    ("dripping_answer", Fault("drip", "create", seconds=3.0, times=2)),
    ("answer_without_id", Fault("no_id", "create", probability=0.1)),
    ("callback_before_answer", Fault("callback_first", "create", seconds=1.0, probability=0.3)),
    ("callbacks_lost", Fault("lost", "callback", probability=0.5)),
    ("all_callbacks_lost", Fault("lost", "callback")),
    ("callbacks_repeated", Fault("duplicated", "callback", copies=3, probability=0.5)),
    ("callbacks_late", Fault("delayed", "callback", seconds=1.0, probability=0.3)),
    ("callbacks_reversed", Fault("reversed", "callback")),
    ("callbacks_forged", Fault("forged", "callback", probability=0.2)),
    ("list_lags", Fault("list_lag", "list", seconds=2.0)),
    ("list_empty", Fault("list_empty", "list", times=3)),
    ("list_fails", Fault("status", "list", status=503, probability=0.5)),
    ("look_up_fails", Fault("status", "fetch", status=500, probability=0.3)),
)


@dataclass(frozen=True, slots=True)
class Happening:
    """A fault and its moment: once the carrier has taken so many of the run's jobs (or nothing moves any more)."""

    name: str
    after_calls: int
    length_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One run. `crash_at`: where the run's newcomer is to die, empty = nowhere."""

    seed: int
    jobs: int
    crash_at: str
    troubles: Sequence[tuple[str, Fault]]
    happenings: Sequence[Happening]


def plan(seed: int) -> Plan:
    """Draw a run. Every one of them kills a worker, at a crash point or at any moment."""
    rng = Random(f"chaos/{seed}")
    jobs = rng.randint(20, 40)
    point, passing = rng.choice(list(CRASH_POINTS)), rng.randint(1, 4)
    crash_at = f"{point}:{1 if point == 'in_shutdown' else passing}" if rng.random() < 0.7 else ""
    names = rng.choices(list(FAULTS), list(FAULTS.values()), k=rng.randint(1, 3))
    names += [name for name, one_in in RARE.items() if rng.randrange(one_in) == 0]
    if not crash_at:
        names.append("worker_killed")
    happenings = [
        Happening(name, rng.randint(0, jobs * 2 // 3), rng.uniform(0.3, 1.2)) for name in dict.fromkeys(names)
    ]
    troubles = rng.sample(CARRIER_TROUBLES, rng.randint(0, 3))
    return Plan(seed, jobs, crash_at, troubles, sorted(happenings, key=lambda one: one.after_calls))
