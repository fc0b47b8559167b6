"""When each alert fires and when it stays quiet: one table, written out as promtool's unit tests.

A series is given in promtool's notation, one sample every `step` minutes: `0+10x60` counts on by ten, `5x60` stays at
five.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

STEP = 4
"""Minutes between two samples where a whole day is looked back on; Prometheus forgets a sample after five."""
STEPS, TWO_HOURS = 26 * 60 // STEP, 120 // STEP


@dataclass(frozen=True, slots=True)
class Case:
    """`fires`: the labels that the alert has at minute `at`; None = it stays quiet. `step` in minutes."""

    alert: str
    series: Mapping[str, str]
    at: int
    fires: Mapping[str, str] | None = None
    why: str = field(default="", kw_only=True)
    step: int = field(default=1, kw_only=True)


def pool(free: str, in_line: str, intents: str, ceiling: str = "8x60") -> dict[str, str]:
    """A campaign, seen by two replicas alike."""
    told = {"outdial_pool_free_slots": free, "outdial_pool_in_line_attempts": in_line, "outdial_pool_ceiling": ceiling}
    both = {
        f'{name}{{campaign="spring",instance="{replica}"}}': values for name, values in told.items() for replica in "ab"
    }
    return {**both, 'outdial_intents_total{campaign="spring",instance="a"}': intents}


def requests(good: str, bad: str, result: str = "ambiguous") -> dict[str, str]:
    """Create requests through one connection."""
    of = 'provider="twilio",connection="line"'
    return {
        f'outdial_create_requests_total{{{of},result="accepted"}}': good,
        f'outdial_create_requests_total{{{of},result="{result}"}}': bad,
    }


def answers(scope: str, before: int, after: int) -> dict[str, str]:
    """Ten ended attempts per sample: a day with `before` answered, then two hours with `after` answered of them."""

    def counted(a: int, b: int) -> str:
        return f"0+{a}x{STEPS - TWO_HOURS} {a * (STEPS - TWO_HOURS) + b}+{b}x{TWO_HOURS - 1}"

    yes, no = counted(before, after), counted(10 - before, 10 - after)
    if scope == "campaign":
        name = 'outdial_pool_attempts_total{campaign="spring",answered="%s"}'
        return {name % "yes": yes, name % "no": no}
    name = 'outdial_attempts_ended_total{provider="twilio",outcome="%s"}'
    return {name % "answered_human": yes, name % "no_answer": no, name % "busy": "0+50x400"}


def numbers(usable: int, flagged: int, paused: int = 0) -> dict[str, str]:
    """A pool's members, seen by two replicas alike."""
    counts = {"usable": usable, "spam_flagged": flagged, "paused": paused}
    return {
        f'outdial_pool_numbers{{campaign="spring",state="{state}",instance="{replica}"}}': f"{count}x60"
        for state, count in counts.items()
        for replica in "ab"
    }


def callbacks(accepted: str, applied: str) -> dict[str, str]:
    """Calls that a carrier took, and callbacks of it."""
    return {
        'outdial_create_requests_total{provider="twilio",connection="line",result="accepted"}': accepted,
        'outdial_callbacks_total{provider="twilio",connection="line",result="applied"}': applied,
    }


def violated(invariant: str, values: str) -> dict[str, str]:
    """What must never happen."""
    return {f'outdial_invariant_violations_total{{invariant="{invariant}"}}': values}


LINE = {"provider": "twilio", "connection": "line"}
SPRING = {"campaign": "spring"}
END = STEPS * STEP - 20
FORGED = 'outdial_callbacks_total{provider="twilio",connection="line",result="forged"}'
DRIFT, UNCONFIRMED, OLDEST = "outdial_slot_drift", "outdial_unconfirmed_attempts", "outdial_outbox_oldest_seconds"

CASES = (
    Case(
        "OutdialNoReplicaReady", {'outdial_ready{instance="a"}': "0x10", 'outdial_ready{instance="b"}': "0x10"}, 5, {}
    ),
    Case("OutdialNoReplicaReady", {"up": "0x10"}, 5, {}, why="no replica answers at all"),
    Case("OutdialNoReplicaReady", {'outdial_ready{instance="a"}': "0x10", 'outdial_ready{instance="b"}': "1x10"}, 5),
    Case("OutdialNotDialling", pool("3x60", "9x60", "5x60"), 20, SPRING),
    Case("OutdialNotDialling", pool("3x60", "9x60", "0+1x60"), 20, why="it is paced: calls start now and then"),
    Case("OutdialNotDialling", pool("0x60", "9x60", "5x60"), 20, why="no room"),
    Case("OutdialNotDialling", pool("3x60", "0x60", "5x60"), 20, why="nothing waits for room"),
    Case("OutdialCapacitySaturated", pool("0x60", "9x60", "0+2x60"), 20, SPRING),
    Case("OutdialCapacitySaturated", pool("0x60", "0x60", "0+2x60"), 20, why="full, and nobody waits"),
    Case("OutdialCapacitySaturated", pool("0x10 1x50", "9x60", "0+2x60"), 20),
    Case("OutdialCarrierErrors", requests("0+10x60", "0+3x60"), 20, LINE),
    Case("OutdialCarrierErrors", requests("0+10x60", "0+3x60", "deferred"), 20, LINE),
    Case("OutdialCarrierErrors", requests("0+10x60", "0+3x60", "refused"), 20, why="refused for the contact"),
    Case("OutdialCarrierErrors", requests("0+1x60", "0+1x60"), 20, why="too few to judge by"),
    Case("OutdialCircuitOpen", {'outdial_circuits_open{connection="line"}': "0x3 1x20"}, 10, {"connection": "line"}),
    Case("OutdialCircuitOpen", {'outdial_circuits_open{connection="line"}': "0x20"}, 10),
    Case("OutdialProviderAnswerRateHalved", answers("provider", 6, 2), END, {"provider": "twilio"}, step=STEP),
    Case("OutdialProviderAnswerRateHalved", answers("provider", 6, 4), END, step=STEP),
    Case("OutdialPoolAnswerRateHalved", answers("campaign", 6, 2), END, SPRING, step=STEP),
    Case("OutdialPoolAnswerRateHalved", answers("campaign", 6, 4), END, step=STEP),
    Case("OutdialPoolShortOfNumbers", numbers(usable=2, flagged=3), 20, SPRING),
    Case("OutdialPoolShortOfNumbers", numbers(usable=2, flagged=1, paused=9), 20, why="paused by an operator"),
    Case("OutdialUnconfirmedAttempts", {UNCONFIRMED: "2x60"}, 45, {}),
    Case("OutdialUnconfirmedAttempts", {UNCONFIRMED: "2x20 0x40"}, 45, why="resolved in time"),
    Case("OutdialOutboxLag", {OLDEST: "0+30x60"}, 10, {}),
    Case("OutdialOutboxLag", {OLDEST: "3x60"}, 10),
    Case("OutdialDeadLetters", {"outdial_dead_letters": "1x60"}, 5, {}),
    Case("OutdialDeadLetters", {"outdial_dead_letters": "0x60"}, 5),
    Case("OutdialCallbackSilence", callbacks("0+4x60", "7x60"), 30, LINE),
    Case("OutdialCallbackSilence", callbacks("0+4x60", "0+1x60"), 30),
    Case("OutdialCallbackSilence", callbacks("50x60", "7x60"), 30, why="no calls either"),
    Case("OutdialForgedCallbacks", {FORGED: "0+2x60"}, 15, LINE),
    Case("OutdialForgedCallbacks", {FORGED: "0x5 1x60"}, 15, why="one is noise of the internet"),
    Case("OutdialSlotDrift", {DRIFT: "0x5 2 0x60"}, 8, {}),
    Case("OutdialSlotDrift", {DRIFT: "0x60", **violated("slot_drift", "0x5 1x60")}, 8, {}),
    Case("OutdialSlotDrift", {DRIFT: "0x60", **violated("slot_drift", "0x60")}, 8),
    Case("OutdialInvariantBroken", violated("turn_refused", "0x5 1x60"), 8, {"invariant": "turn_refused"}),
    Case("OutdialInvariantBroken", violated("turn_refused", "1x60"), 8, why="that was before"),
    Case("OutdialQueueNotConsumed", {'outdial_queues_not_consumed{why="broker"}': "1x60"}, 15, {"why": "broker"}),
    Case("OutdialQueueNotConsumed", {'outdial_queues_not_consumed{why="high_water"}': "0x60"}, 15),
)
