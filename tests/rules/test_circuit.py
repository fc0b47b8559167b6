"""The circuit's minute slides: what was within 60 s of each other counts together, wherever the minute is cut."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.circuit import PART_S, WINDOW_S, Circuit, CircuitState, RequestResult

NOW = 1_700_000_000.0
BEFORE_AND_AFTER = [(50.0 + n, n % 2 == 0) for n in range(10)] + [(61.0 + n, n % 2 == 0) for n in range(10)]
"""Ten requests at the end of one minute, ten at the begin of the next, every other one failed; twenty within 21 s."""


def after(requests: Sequence[tuple[float, bool]]) -> Circuit:
    """A circuit that saw requests: (seconds after now, whether it failed)."""
    return until_open(requests)[0]


def until_open(requests: Sequence[tuple[float, bool]]) -> tuple[Circuit, int]:
    """The circuit, and how many of the requests it saw: all, or those up to the one that opened it."""
    circuit, seen = Circuit(), 0
    for at, failed in requests:
        result = RequestResult.FAILED if failed else RequestResult.WORKED
        circuit, seen = circuit.after(result, f"p{at}", NOW + at), seen + 1
        if circuit.open_until is not None:
            break
    return circuit, seen


@pytest.mark.parametrize(
    ("requests", "state", "what"),
    [
        ([(0.0, True), *BEFORE_AND_AFTER], CircuitState.OPEN, "half of twenty, across the end of a minute"),
        (BEFORE_AND_AFTER, CircuitState.OPEN, "the same without what came before"),
        (BEFORE_AND_AFTER[:-1], CircuitState.CLOSED, "nineteen say nothing"),
        ([(n * 3.5, n % 2 == 0) for n in range(60)], CircuitState.CLOSED, "too few within any minute"),
        ([(n * 0.5, n % 2 == 0) for n in range(20)], CircuitState.OPEN, "half of twenty"),
        ([(n * 0.1, n % 3 == 0) for n in range(500)], CircuitState.CLOSED, "a third of very many"),
        (
            [(n * 0.1, False) for n in range(100)] + [(70.0 + n, n % 2 == 0) for n in range(20)],
            CircuitState.OPEN,
            "what worked more than a minute ago excuses nothing",
        ),
        (
            [(n * 0.1, n % 2 == 0) for n in range(18)] + [(61.9 + n * 0.1, n % 3 == 0) for n in range(30)],
            CircuitState.CLOSED,
            "what failed more than a minute ago blames nobody",
        ),
    ],
)
def test_the_minute_slides(requests: Sequence[tuple[float, bool]], state: CircuitState, what: str) -> None:
    circuit = after(requests)
    assert circuit.state(NOW + requests[-1][0]) is state, what


@given(st.integers(0, 2**32), st.sampled_from([0.3, 1.0, 3.0]))
def test_it_opens_only_for_what_was_within_a_minute(seed: int, mean_s: float) -> None:
    """And at the latest when half of twenty failed within the minute less one part of it."""
    rng = random.Random(seed)
    requests, at = [], 0.0
    for _ in range(80):
        at += rng.expovariate(1 / mean_s)
        requests.append((at, rng.random() < 0.45))
    circuit, count = until_open(requests)
    seen = before = requests[:count]
    if circuit.open_until is not None:
        in_a_row = len(seen) >= 5 and all(failed for _, failed in seen[-5:])
        assert in_a_row or any(is_too_much(seen, within) for within in every_length(seen))
        before = seen[:-1]
    for n in range(len(before)):
        now = NOW + before[n][0]
        since = (now // PART_S) * PART_S - (WINDOW_S - PART_S) - NOW
        assert not half_of_twenty([failed for at, failed in before[: n + 1] if at >= since])


def every_length(seen: Sequence[tuple[float, bool]]) -> list[float]:
    """How long before the last one each request was, if within a minute."""
    return [seen[-1][0] - at for at, _ in seen if seen[-1][0] - at <= WINDOW_S]


def is_too_much(seen: Sequence[tuple[float, bool]], within: float) -> bool:
    """Looking so far back."""
    return half_of_twenty([failed for at, failed in seen if seen[-1][0] - at <= within])


def half_of_twenty(failed: Sequence[bool]) -> bool:
    """What opens it, besides five in a row."""
    return len(failed) >= 20 and 2 * sum(failed) >= len(failed)


def test_a_replica_whose_clock_is_a_little_behind_loses_nothing() -> None:
    circuit = after([(60.0, True), (59.9, False), (60.1, True)])
    assert circuit.recent == after([(60.0, True), (60.05, False), (60.1, True)]).recent
