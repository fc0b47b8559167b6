"""The states of an attempt and its transitions, as SPEC section 2 has them."""

from __future__ import annotations

from uuid import UUID

import pytest

from outdial.rules.attempt import MAY_BECOME, AttemptRequest, AttemptState
from outdial.rules.call_fate import (
    CallFacts,
    CallState,
    IsNowhere,
    IsOverdue,
    MayExist,
    Report,
    WaitsAgain,
    WasDeferred,
    WasNotSent,
    decide,
)
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, TenantId

W, G, U, P, E = AttemptState


def test_the_table() -> None:
    assert {state: set(MAY_BECOME[state]) for state in AttemptState} == {
        W: {G, E},
        G: {P, U, W, E},
        U: {P, E, W},
        P: {E},
        E: set(),
    }


def test_every_way_can_end_and_nothing_follows_the_end() -> None:
    reachable = {W}
    while more := {after for state in reachable for after in MAY_BECOME[state]} - reachable:
        reachable |= more
    assert reachable == set(AttemptState)
    assert all(E in MAY_BECOME[state] for state in AttemptState if state is not E)


def test_a_call_that_exists_is_never_dialled_again() -> None:
    assert not {W, G, U} & MAY_BECOME[P]


def test_a_call_that_may_exist_waits_again_only_by_proof_and_is_never_placed_directly() -> None:
    """SPEC 7: a request only anew if nothing was sent; a worker thought dead may come to tell that."""
    assert G not in MAY_BECOME[U]
    unconfirmed, now = CallFacts(CallState.UNCONFIRMED), 1_000.0
    proofs: list[Report] = [WasNotSent("too_late"), WasDeferred("429", None)]
    doubts: list[Report] = [MayExist("timeout", 5.0), IsNowhere(True, now), IsOverdue(now)]
    for reports, waits in [(proofs, True), (doubts, False)]:
        for report in reports:
            fate = decide(unconfirmed, [report], now=now, detects_machine=False, picks=1, overdue_after_s=30.0)
            assert isinstance(fate, WaitsAgain) is waits, report


def test_the_states_with_slots_are_those_of_calls() -> None:
    assert {state.value for state in (G, U, P)} == {state.value for state in CallState}


@pytest.mark.parametrize(("priority", "urgency"), [(0, 9), (5, 4), (9, 0)])
def test_the_most_urgent_comes_first(priority: int, urgency: int) -> None:
    key = AttemptKey(TenantId("acme"), AttemptId(UUID(int=1)))
    request = AttemptRequest(key, CampaignId("c"), E164("+12025550143"), b"", {}, priority=priority)
    assert request.urgency == urgency
