"""Slots, pace and circuit as one ledger: all or none, never above a limit, given back exactly once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.capacity import Ledger, Limit, LimitKey, LimitKind, Slots, lock_order
from outdial.rules.circuit import OPEN_S, Circuit, CircuitState, RequestResult
from outdial.rules.ids import CampaignId, ConnectionId, TenantId
from outdial.rules.pacing import next_start, starts_within

NOW = 1_800_000_000.0
SLOTS = Slots(TenantId("acme"), CampaignId("spring"), ConnectionId("line"))
CONNECTION = LimitKey(LimitKind.CONNECTION, "line")


def ledger(**line: object) -> Ledger:
    limits = {key: Limit() for key in SLOTS.limit_keys()}
    limits[CONNECTION] = Limit(**line)  # type: ignore[arg-type]  # fields of Limit
    return Ledger(limits, NOW, 0.25)


def test_locks_are_taken_by_kind_then_name() -> None:
    keys = [LimitKey(LimitKind.TENANT, "a"), LimitKey(LimitKind.CONNECTION, "z"), LimitKey(LimitKind.CAMPAIGN, "m")]
    assert [key.kind.value for key in lock_order(keys + keys)] == ["campaign", "connection", "tenant"]


def test_a_full_connection_gives_nothing() -> None:
    book = ledger(max_calls=1)
    book.take(SLOTS, "p1")
    with pytest.raises(ValueError, match="no room"):
        book.take(SLOTS, "p2")
    assert book.busy_connections() == {"line"}
    book.free(SLOTS)
    assert book.busy_connections() == frozenset()


@pytest.mark.parametrize("limit", [Limit(max_calls=0), Limit(paused=True), Limit(max_calls=2, in_use=5)])
def test_zero_paused_and_lowered_limits_have_no_room(limit: Limit) -> None:
    assert limit.left() == 0


def test_what_was_not_locked_has_no_room() -> None:
    assert Ledger({}, NOW, 0.25).left(LimitKind.TENANT, "acme") == 0


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 8))
def test_never_above_a_limit_and_nothing_lost(steps: list[bool], limit: int) -> None:
    book, under_way = ledger(max_calls=limit), 0
    for wants in steps:
        if wants and "line" not in book.busy_connections():
            book.take(SLOTS, "p")
            under_way += 1
        elif not wants and under_way:
            book.free(SLOTS)
            under_way -= 1
        assert under_way <= limit
        after = book.all()
        assert {after[key].in_use for key in after} == {under_way}


@given(st.floats(0.2, 60.0), st.integers(2, 80))
def test_no_second_ever_sees_more_starts_than_the_rate(rate: float, count: int) -> None:
    starts: list[float] = []
    pointer, now = None, NOW
    while len(starts) < count:
        start = next_start(pointer, rate, now, 0.25)
        if start is None:
            now += 0.05
            continue
        assert start.place_at <= now + 0.25
        starts.append(start.place_at)
        pointer = start.next_start_at
    for first in starts:
        seen = sum(first <= other < first + 1.0 - 1e-6 for other in starts)
        assert seen <= max(1, int(rate))


def test_how_many_starts_are_due_within_the_horizon() -> None:
    assert starts_within(None, None, NOW, 0.25) == float("inf")
    assert starts_within(NOW + 1, 10.0, NOW, 0.25) == 0
    assert starts_within(None, 10.5, NOW, 0.25) == 3


def test_five_failures_in_a_row_open_the_circuit_and_one_probe_closes_it() -> None:
    circuit = Circuit()
    for n in range(5):
        assert circuit.state(NOW) is CircuitState.CLOSED
        circuit = circuit.after(RequestResult.FAILED, f"p{n}", NOW)
    assert circuit.state(NOW) is CircuitState.OPEN
    later = NOW + OPEN_S
    assert circuit.state(later) is CircuitState.HALF_OPEN
    probing = circuit.starting("probe", later)
    assert probing.state(later) is CircuitState.PROBING
    assert probing.after(RequestResult.WORKED, "probe", later).state(later) is CircuitState.CLOSED
    assert probing.after(RequestResult.FAILED, "probe", later).state(later) is CircuitState.OPEN
    assert probing.after(RequestResult.NEUTRAL, "probe", later).state(later) is CircuitState.HALF_OPEN
    assert probing.after(RequestResult.SEEN, "probe", later).state(later) is CircuitState.CLOSED
    assert probing.after(RequestResult.SEEN, "another", later) == probing
    assert Circuit(failures=4).after(RequestResult.SEEN, "another", NOW) == Circuit(failures=4)


def test_half_of_twenty_within_a_minute_open_it() -> None:
    circuit = Circuit()
    for n in range(20):
        circuit = circuit.after(RequestResult.FAILED if n % 2 else RequestResult.WORKED, f"p{n}", NOW + n)
    assert circuit.state(NOW + 20) is CircuitState.OPEN


def test_429_never_counts_and_a_blocked_account_opens_at_once() -> None:
    circuit = Circuit()
    for n in range(50):
        circuit = circuit.after(RequestResult.NEUTRAL, f"p{n}", NOW)
    assert circuit == Circuit()
    assert circuit.after(RequestResult.BLOCKED, "p", NOW).state(NOW) is CircuitState.OPEN


def test_a_half_open_circuit_lets_one_call_start() -> None:
    limit = Limit(max_calls=10, circuit=Circuit(open_until=NOW - 1))
    assert limit.startable(NOW, 0.25) == 1
