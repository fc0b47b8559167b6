"""The breakdown of a campaign's capacity: what binds, what is free, and how long a backlog takes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.capacity import Limit
from outdial.rules.circuit import Circuit
from outdial.rules.ids import ConnectionId
from outdial.rules.pool_capacity import Binding, ConnectionState, drain_s, pool_capacity, starts_per_second

NOW = 1_800_000_000.0
A, B = ConnectionId("a"), ConnectionId("b")
UNBOUND = Limit()


def test_each_connection_counts_once_however_many_numbers_it_has() -> None:
    found = pool_capacity(UNBOUND, UNBOUND, {A: Limit(10), B: Limit(5, in_use=2)}, {A: 7, B: 1}, NOW)
    assert (found.raw, found.ceiling, found.free_now) == (15, 15, 13)
    assert [(one.connection, one.numbers, one.room.left) for one in found.connections] == [(A, 7, 10), (B, 1, 3)]


def test_a_connection_without_eligible_numbers_adds_nothing() -> None:
    found = pool_capacity(UNBOUND, UNBOUND, {A: Limit(10), B: Limit(5)}, {A: 1}, NOW)
    assert (found.raw, [one.connection for one in found.connections]) == (10, [A])
    nobody = pool_capacity(UNBOUND, UNBOUND, {A: Limit()}, {}, NOW)
    assert (nobody.raw, nobody.ceiling, nobody.free_now, nobody.binds) == (0, 0, 0, (Binding.CONNECTIONS,))


@pytest.mark.parametrize(
    ("tenant", "campaign", "ceiling", "binds"),
    [
        (Limit(4), Limit(6), 4, (Binding.TENANT,)),
        (Limit(8), Limit(3), 3, (Binding.CAMPAIGN,)),
        (Limit(20), UNBOUND, 10, (Binding.CONNECTIONS,)),
        (Limit(10), Limit(10), 10, (Binding.CONNECTIONS, Binding.TENANT, Binding.CAMPAIGN)),
    ],
    ids=["tenant", "campaign", "connections", "all alike"],
)
def test_the_smallest_is_the_ceiling(tenant: Limit, campaign: Limit, ceiling: int, binds: tuple[Binding, ...]) -> None:
    found = pool_capacity(tenant, campaign, {A: Limit(10)}, {A: 1}, NOW)
    assert (found.ceiling, found.binds) == (ceiling, binds)


def test_what_is_full_now_is_another_thing_than_the_ceiling() -> None:
    found = pool_capacity(Limit(10, in_use=10), UNBOUND, {A: Limit(5)}, {A: 1}, NOW)
    assert (found.ceiling, found.binds) == (5, (Binding.CONNECTIONS,))
    assert (found.free_now, found.binds_now) == (0, (Binding.TENANT,))


def test_lowered_below_use_nothing_is_left_and_nothing_is_negative() -> None:
    found = pool_capacity(UNBOUND, UNBOUND, {A: Limit(3, in_use=7)}, {A: 1}, NOW)
    assert (found.connections[0].room.left, found.connections[0].state) == (0, ConnectionState.FULL)
    assert found.free_now == 0


@pytest.mark.parametrize(
    ("limit", "state", "until"),
    [
        (Limit(5, paused=True), ConnectionState.PAUSED, None),
        (Limit(5, circuit=Circuit(open_until=NOW + 9)), ConnectionState.CIRCUIT_OPEN, NOW + 9),
        (Limit(5, circuit=Circuit(open_until=NOW - 1, probe="p")), ConnectionState.CIRCUIT_OPEN, None),
        (Limit(5, backoff_until=NOW + 4), ConnectionState.BACKOFF, NOW + 4),
    ],
    ids=["paused", "open circuit", "probing", "backoff"],
)
def test_what_is_out_for_now_keeps_its_limit_but_has_nothing_left(
    limit: Limit, state: ConnectionState, until: float | None
) -> None:
    found = pool_capacity(UNBOUND, UNBOUND, {A: limit, B: Limit(2)}, {A: 1, B: 1}, NOW)
    line = found.connections[0]
    assert (line.state, line.until, line.room.left) == (state, until, 0)
    assert (found.raw, found.usable, found.free_now) == (7, 2, 2)


def test_a_half_open_circuit_leaves_one_probe() -> None:
    found = pool_capacity(UNBOUND, UNBOUND, {A: Limit(5, circuit=Circuit(open_until=NOW - 1))}, {A: 1}, NOW)
    assert (found.connections[0].state, found.free_now) == (ConnectionState.OPEN, 1)


def test_without_any_limit_nothing_binds() -> None:
    found = pool_capacity(UNBOUND, UNBOUND, {A: Limit()}, {A: 1}, NOW)
    assert (found.raw, found.ceiling, found.free_now, found.binds, found.binds_now) == (None, None, None, (), ())
    assert starts_per_second(found, 30.0) is None


@pytest.mark.parametrize(
    ("pace", "held_s", "rate"),
    [(2.0, None, 2.0), (2.0, 60.0, 10 / 60), (0.1, 60.0, 0.1), (None, 20.0, 0.5), (None, None, None)],
    ids=["pace only", "slots bind", "pace binds", "unpaced", "nothing known"],
)
def test_the_start_rate_is_bounded_by_pace_and_slots(
    pace: float | None, held_s: float | None, rate: float | None
) -> None:
    found = pool_capacity(UNBOUND, UNBOUND, {A: Limit(10, calls_per_second=pace)}, {A: 1}, NOW)
    assert starts_per_second(found, held_s) == rate


def test_a_paused_tenant_never_drains() -> None:
    found = pool_capacity(Limit(paused=True), UNBOUND, {A: Limit(10, calls_per_second=1.0)}, {A: 1}, NOW)
    assert (found.free_now, found.binds_now) == (0, (Binding.TENANT,))
    assert drain_s(100, starts_per_second(found, None)) is None
    assert drain_s(0, 0.0) == 0.0
    assert drain_s(100, 4.0) == 25.0


limits = st.builds(
    Limit,
    max_calls=st.none() | st.integers(0, 50),
    in_use=st.integers(0, 60),
    paused=st.booleans(),
    backoff_until=st.none() | st.floats(NOW - 5, NOW + 5),
)


@given(limits, limits, st.dictionaries(st.sampled_from([A, B, ConnectionId("c")]), limits))
def test_free_never_exceeds_any_part(tenant: Limit, campaign: Limit, lines: dict[ConnectionId, Limit]) -> None:
    found = pool_capacity(tenant, campaign, lines, dict.fromkeys(lines, 1), NOW)
    bounds = [found.raw, found.ceiling, found.tenant.left, found.campaign.left]
    assert all(bound is None or (found.free_now is not None and found.free_now <= bound) for bound in bounds)
    assert (found.free_now is None) == (found.binds_now == ())
