"""docs/reference/selection.md and blockers.md say what the code says, of everything there is."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import pytest

from outdial.operator.hints import HINTS, HOW_LONG, SKIPS, TIERS
from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit
from outdial.rules.pool import SkipReason, Tier
from outdial.rules.selection import Choice
from outdial.rules.true_blocker import RUNNABLE, Surroundings, true_blocker
from outdial.rules.waits import Waits
from tests.rules import blockers_page, selection_page
from tests.rules.pools import LONDON, NEW_YORK, NOW, bound, call, number, pick, pool


def test_the_page_on_selection_is_what_the_code_says() -> None:
    assert selection_page.PAGE.read_text() == selection_page.render(), "python -m tests.rules.selection_page"


def test_the_page_on_blockers_is_what_the_code_says() -> None:
    assert blockers_page.PAGE.read_text() == blockers_page.render(), "python -m tests.rules.blockers_page"


@pytest.mark.parametrize(
    ("told", "of"),
    [(HINTS, Blocker), (HOW_LONG, Blocker), (blockers_page.meanings_in_code(), Blocker), (SKIPS, SkipReason), (TIERS, Tier)],
    ids=["hints", "how long", "meanings", "skips", "tiers"],
)  # fmt: skip
def test_every_word_is_told_in_the_order_of_the_rules(told: Iterable[StrEnum], of: Iterable[StrEnum]) -> None:
    assert list(told) == list(of)


def test_every_key_of_a_decision_record_is_explained() -> None:
    """Two picks that between them leave nothing out."""
    members = [number("us", through="us"), number("gb", LONDON, through="gb"), number("x", provider="telnyx")]
    index, waits = pool(*members, number("out")), Waits(Blocker.TIER_BUSY, NOW - 60)
    choice = pick(index, call(NEW_YORK, without=["out"], waits=waits), bound("gone"), busy=["us"])
    assert isinstance(choice, Choice)
    assert set(choice.record) == set(selection_page.RECORD_KEYS)


def test_the_blockers_that_are_worked_out_are_those_that_are_never_stored_as_such() -> None:
    """With a limit in every state, what `true_blocker` can come to."""
    states = [Limit(max_calls=1), Limit(max_calls=0), Limit(max_calls=1, paused=True), Limit(max_calls=1, calls_per_second=1.0, next_start_at=NOW + 9)]  # fmt: skip
    found = {
        derived.blocker
        for tenant in states
        for campaign in states
        for connection in states
        for stored in RUNNABLE
        if (derived := true_blocker(stored, Surroundings(tenant, campaign, [connection]), NOW, 0.25))
    }
    assert found == blockers_page.DERIVED
