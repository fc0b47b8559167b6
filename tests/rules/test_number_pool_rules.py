"""The rules of the number pool page, one by one, in its words: what an operator is told must be what happens."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from outdial.catalogue.policies import campaign_policy
from outdial.rules.blocker import Blocker
from outdial.rules.catalogue_rows import CampaignRow
from outdial.rules.ids import NumberId, TenantId
from outdial.rules.policy import CampaignPolicy, RotationParams, SelectionPolicy
from outdial.rules.pool import Member, NumberType, SkipReason, Tier
from outdial.rules.selection import Choice, choose
from outdial.rules.waits import Waits
from tests.rules.pools import (
    CAMPAIGN,
    LONDON,
    NEW_YORK,
    NOW,
    PARIS,
    blocked,
    bound,
    call,
    chosen,
    drawn,
    number,
    pick,
    policy,
    pool,
)

# --- 1. The primary is required and the fallback -------------------------------------------------------------------


def test_primary_is_not_used_first() -> None:
    firsts = Counter(chosen(pool(number("primary"), number("a"), number("b")), seed=seed)[0] for seed in range(900))
    assert all(240 < firsts[name] < 360 for name in ("primary", "a", "b"))


def test_primary_is_used_when_all_weights_are_zero() -> None:
    idle = pool(number("primary", base=0), number("a", base=0))
    assert chosen(idle) == ("primary", Tier.PRIMARY)


def test_primary_is_used_when_its_type_is_weighted_zero_and_it_is_alone() -> None:
    no_toll_free = policy(selection=SelectionPolicy(toll_free_weight=0))
    assert chosen(pool(number("primary", kind=NumberType.TOLL_FREE), under=no_toll_free)) == ("primary", Tier.PRIMARY)


def test_primary_is_not_used_while_another_number_can_be_drawn() -> None:
    assert drawn(pool(number("primary", base=0), number("a", LONDON)), picks=50) == {"a"}


@pytest.mark.parametrize("skip", list(SkipReason))
def test_primary_is_skipped_like_any_number(skip: SkipReason) -> None:
    wait = blocked(pool(number("primary", skip=skip)))
    capped = skip is SkipReason.DAILY_CAP
    assert wait.blocker is (Blocker.NUMBERS_AT_DAILY_CAP if capped else Blocker.NO_ELIGIBLE_NUMBER)


def test_primary_busy_is_a_matter_of_capacity() -> None:
    wait = blocked(pool(number("primary", base=0, through="x"), number("a", base=0, through="y")), busy=["x"])
    assert (wait.blocker, wait.lines) == (Blocker.CONNECTIONS_AT_CAPACITY, ("x",))


def test_primary_refused_for_this_attempt_is_not_used() -> None:
    assert blocked(pool(number("primary")), call(without=["primary"])).blocker is Blocker.NO_ELIGIBLE_NUMBER


def test_primary_calls_are_not_sticky_and_count_for_the_number() -> None:
    choice = pick(pool(number("primary", base=0)))
    assert isinstance(choice, Choice)
    assert choice.counted


# --- 2. Pick per attempt; the first is a weighted random one, not round robin --------------------------------------


def test_every_attempt_is_a_pick_of_its_own_and_two_contacts_may_share_a_number() -> None:
    index, rng = pool(number("a"), number("b"), number("c")), Random(5)
    picks = []
    for _ in range(30):
        choice = choose(index, call(), None, frozenset(), NOW, rng)
        assert isinstance(choice, Choice)
        picks.append(choice.member.number)
    assert set(picks) == {"a", "b", "c"}
    assert any(one == two for one, two in pairwise(picks))


def test_early_calls_distribute_roughly_evenly() -> None:
    index = pool(*(number(f"n{i}") for i in range(5)))
    counts = Counter(chosen(index, seed=seed)[0] for seed in range(1_000))
    assert min(counts.values()) > 150


def test_a_pool_may_mix_providers_each_number_through_its_own_connection() -> None:
    mixed = pool(number("a", through="twilio-us"), number("b", through="telnyx-us", provider="telnyx"))
    attempt = call()
    assert drawn(mixed, attempt, picks=40) == {"a"}  # nothing says what telnyx does on answer
    answers = type(attempt)(attempt.contact, answers=frozenset({"telnyx"}))
    assert drawn(mixed, answers, picks=40) == {"a", "b"}


# --- 3. Sticky contacts: see test_sticky_mapping and test_sticky_life ----------------------------------------------


def test_once_a_contact_is_reached_that_number_sticks_for_retries() -> None:
    index = pool(number("a", rotation=1e-9), number("b", rotation=1.0))
    assert {chosen(index, call(), bound("a"), seed=seed)[0] for seed in range(50)} == {"a"}


def test_a_sticky_call_says_nothing_about_the_number_and_a_drawn_one_does() -> None:
    index = pool(number("a"))
    sticky, free = pick(index, call(), bound("a")), pick(index)
    assert isinstance(sticky, Choice)
    assert isinstance(free, Choice)
    assert (sticky.counted, free.counted) == (False, True)


# --- 4. Performance-weighted rotation ------------------------------------------------------------------------------


def test_numbers_that_answer_better_are_dialled_more() -> None:
    index = pool(number("better", rotation=1.1**10), number("average", rotation=1.0))
    counts = Counter(chosen(index, seed=seed)[0] for seed in range(2_000))
    assert 2.2 < counts["better"] / counts["average"] < 2.9


def test_skip_unhealthy_leaves_resting_numbers_out_while_a_healthy_one_is_there() -> None:
    strict = policy(selection=SelectionPolicy(skip_unhealthy=True))
    tired, fit = number("tired", resting=True, rotation=1e6), number("fit")
    assert drawn(pool(tired, fit, under=strict), picks=50) == {"fit"}
    assert drawn(pool(tired, fit), picks=200) == {"tired", "fit"}


def test_skip_unhealthy_is_undone_when_all_rest() -> None:
    strict = policy(selection=SelectionPolicy(skip_unhealthy=True))
    tired = [number("t1", resting=True), number("t2", resting=True)]
    assert drawn(pool(*tired, under=strict), picks=50) == {"t1", "t2"}


@pytest.mark.parametrize(
    "gone",
    [
        number("fit", skip=SkipReason.SPAM_FLAGGED),
        number("fit", base=0.0),
        number("fit", LONDON),
    ],
    ids=["skipped", "weightless", "of another tier"],
)
def test_skip_unhealthy_a_healthy_number_that_cannot_be_drawn_is_not_there(gone: Member) -> None:
    strict = policy(selection=SelectionPolicy(skip_unhealthy=True))
    assert chosen(pool(number("tired", resting=True), gone, under=strict))[0] == "tired"


def test_skip_unhealthy_waits_for_a_busy_healthy_number_instead_of_dialling_a_resting_one() -> None:
    strict = policy(selection=SelectionPolicy(skip_unhealthy=True))
    index = pool(number("tired", resting=True, through="x"), number("fit", through="y"), under=strict)
    assert blocked(index, busy=["y"]).lines == ("y",)
    assert drawn(index, call(without=["fit"]), busy=["y"], picks=5) == {"tired"}


# --- 5. Country match: see test_proximity_tiers --------------------------------------------------------------------


def test_prefer_country_match_is_on_by_default() -> None:
    index = pool(number("us", NEW_YORK), number("gb", LONDON))
    assert chosen(index, call(LONDON)) == ("gb", Tier.COUNTRY)
    assert chosen(index, call(PARIS)) == ("gb", Tier.TIME_ZONE)


# --- 6. Spam and compliance skips: see test_skips_page ------------------------------------------------------------

# --- Capacity-aware dispatch ---------------------------------------------------------------------------------------


def test_numbers_of_a_full_connection_are_not_drawn() -> None:
    index = pool(number("a", through="x"), number("b", through="y"), number("c", through="y"))
    assert drawn(index, busy=["x"], picks=50) == {"b", "c"}


def test_all_connections_full() -> None:
    wait = blocked(pool(number("a", through="x"), number("b", through="y")), busy=["x", "y", "elsewhere"])
    assert wait.blocker is Blocker.CONNECTIONS_AT_CAPACITY
    assert set(wait.lines) == {"x", "y"}
    again = blocked(
        pool(number("a", through="x")), call(waits=Waits(wait.blocker, wait.blocked_since)), busy=["x"], now=NOW + 9
    )
    assert again.blocked_since == NOW


# --- The presets ---------------------------------------------------------------------------------------------------


def under_preset(preset: str) -> CampaignPolicy:
    """As the catalogue makes it of a campaign that writes its preset and an answer instruction, and nothing else."""
    settings = {"preset": preset, "answer": {"twilio": {"url": "https://answer.example/"}}}
    row = CampaignRow(CAMPAIGN, TenantId("acme"), NumberId("primary"), settings=settings)
    return campaign_policy(row, spam_threshold=0.75)


FREE, LONG = number("free", kind=NumberType.TOLL_FREE), number("long")
FLAGGED = number("flagged", skip=SkipReason.SPAM_FLAGGED)
PRESETS = [
    ("campaign: toll-free numbers are drawn", "campaign", [FREE, LONG], None, {"free", "long"}),
    ("carrier: toll-free numbers are not", "carrier", [FREE, LONG], None, {"long"}),
    ("carrier: a contact keeps its toll-free number", "carrier", [FREE, LONG], "free", {"free"}),
    ("campaign: a flagged number is replaced", "campaign", [FLAGGED, LONG], "flagged", {"long"}),
    ("carrier: a contact keeps its flagged number", "carrier", [FLAGGED, LONG], "flagged", {"flagged"}),
    ("carrier: a flagged number is not drawn", "carrier", [FLAGGED, LONG], None, {"long"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("preset", "members", "own", "numbers"), [case[1:] for case in PRESETS], ids=[case[0] for case in PRESETS]
)
def test_the_two_presets(preset: str, members: list[Member], own: str | None, numbers: set[str]) -> None:
    index = pool(*members, under=under_preset(preset))
    assignment = bound(own) if own else None
    assert {chosen(index, call(), assignment, seed=seed)[0] for seed in range(50)} == numbers


def test_max_share_bounds_the_best_number() -> None:
    capped = policy(rotation=RotationParams(max_share=0.5))
    index = pool(number("best", rotation=1e6), number("a"), number("b"), under=capped)
    counts = Counter(chosen(index, seed=seed)[0] for seed in range(1_000))
    assert 430 < counts["best"] < 570
