"""The states of an attempt and its transitions, as SPEC section 2 has them."""

from __future__ import annotations

from uuid import UUID

import pytest

from outdial.rules.attempt import MAY_BECOME, AttemptRequest, AttemptState
from outdial.rules.call_fate import CallState
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, TenantId

W, G, U, P, E = AttemptState


def test_the_table() -> None:
    assert {state: set(MAY_BECOME[state]) for state in AttemptState} == {
        W: {G, E},
        G: {P, U, W, E},
        U: {P, E},
        P: {E},
        E: set(),
    }


def test_every_way_can_end_and_nothing_follows_the_end() -> None:
    reachable = {W}
    while more := {after for state in reachable for after in MAY_BECOME[state]} - reachable:
        reachable |= more
    assert reachable == set(AttemptState)
    assert all(E in MAY_BECOME[state] for state in AttemptState if state is not E)


def test_a_call_that_may_exist_is_never_dialled_again() -> None:
    assert W not in MAY_BECOME[U] | MAY_BECOME[P]
    assert G not in MAY_BECOME[U] | MAY_BECOME[P]


def test_the_states_with_slots_are_those_of_calls() -> None:
    assert {state.value for state in (G, U, P)} == {state.value for state in CallState}


@pytest.mark.parametrize(("priority", "urgency"), [(0, 9), (5, 4), (9, 0)])
def test_the_most_urgent_comes_first(priority: int, urgency: int) -> None:
    key = AttemptKey(TenantId("acme"), AttemptId(UUID(int=1)))
    request = AttemptRequest(key, CampaignId("c"), E164("+12025550143"), b"", {}, priority=priority)
    assert request.urgency == urgency
