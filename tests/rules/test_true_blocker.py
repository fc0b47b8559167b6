"""What keeps an attempt waiting at this moment: the stored blocker, or one of its tenant, campaign or connections."""

from __future__ import annotations

import pytest

from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit
from outdial.rules.circuit import Circuit
from outdial.rules.true_blocker import RUNNABLE, Derived, Surroundings, true_blocker

NOW, AHEAD_S = 1_790_000_000.0, 0.25
FREE, FULL, PAUSED = Limit(max_calls=5), Limit(max_calls=5, in_use=5), Limit(max_calls=5, paused=True)
PACED = Limit(max_calls=5, calls_per_second=1.0, next_start_at=NOW + 3)
BACKING_OFF = Limit(max_calls=5, backoff_until=NOW + 30)
DOWN = Limit(max_calls=5, circuit=Circuit(open_until=NOW + 20))
PROBING = Limit(max_calls=5, circuit=Circuit(open_until=NOW - 1, probe="some placement"))


def asked(stored: Blocker, *lines: Limit, tenant: Limit = FREE, campaign: Limit = FREE) -> Derived | None:
    return true_blocker(stored, Surroundings(tenant, campaign, lines), NOW, AHEAD_S)


@pytest.mark.parametrize("stored", sorted(RUNNABLE))
@pytest.mark.parametrize(
    ("tenant", "campaign", "expected"),
    [
        (PAUSED, PAUSED, Blocker.TENANT_PAUSED),
        (FULL, PAUSED, Blocker.TENANT_AT_CAPACITY),
        (FREE, PAUSED, Blocker.CAMPAIGN_PAUSED),
        (FREE, FULL, Blocker.CAMPAIGN_AT_CAPACITY),
        (Limit(max_calls=0), FREE, Blocker.TENANT_AT_CAPACITY),
    ],
)
def test_the_widest_thing_that_holds_it_is_named(
    stored: Blocker, tenant: Limit, campaign: Limit, expected: Blocker
) -> None:
    assert asked(stored, FREE, tenant=tenant, campaign=campaign) == Derived(expected, None)


@pytest.mark.parametrize("stored", sorted(set(Blocker) - RUNNABLE))
def test_what_no_room_would_help_keeps_its_own_blocker(stored: Blocker) -> None:
    assert asked(stored, FULL, tenant=PAUSED, campaign=FULL) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((FREE,), None),
        ((FULL, FREE), None),
        ((FULL,), Derived(Blocker.CONNECTIONS_AT_CAPACITY, None)),
        ((PAUSED, FULL), Derived(Blocker.CONNECTIONS_AT_CAPACITY, None)),
        ((DOWN,), Derived(Blocker.CONNECTIONS_AT_CAPACITY, NOW + 20)),
        ((PROBING,), Derived(Blocker.CONNECTIONS_AT_CAPACITY, NOW)),
        ((BACKING_OFF, FULL, DOWN), Derived(Blocker.CONNECTIONS_AT_CAPACITY, NOW + 20)),
        ((PACED,), Derived(Blocker.PACING, NOW + 3)),
        ((FULL, PACED, DOWN), Derived(Blocker.PACING, NOW + 3)),
        ((), None),
    ],
    ids=["room", "room on one", "full", "paused or full", "down", "probing", "first to come back", "paced",
         "paced beats full", "no connection is no matter of room"],
)  # fmt: skip
def test_in_line_means_that_some_connection_has_room(lines: tuple[Limit, ...], expected: Derived | None) -> None:
    assert asked(Blocker.IN_LINE, *lines) == expected


@pytest.mark.parametrize("stored", [Blocker.STICKY_NUMBER_BUSY, Blocker.TIER_BUSY])
def test_who_waits_for_a_certain_number_goes_on_waiting_for_it(stored: Blocker) -> None:
    assert asked(stored, FULL) is None
