"""The picture of the gates tells of a pick exactly what the pick did."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given

from outdial.rules.gates import Fate, Gates, Verdict, look, shares_of
from outdial.rules.policy import SelectionPolicy, StickyPolicy
from outdial.rules.pool import Member, SkipReason, Tier
from outdial.rules.selection import Choice
from outdial.rules.sticky import Assignment, Saw
from outdial.rules.waits import AttemptFacts
from tests.rules import pools
from tests.rules.pools import NOW, bound, call, lines, number, policy, pool
from tests.rules.test_selection_properties import Case, cases


def gates_of(
    *members: Member,
    attempt: AttemptFacts | None = None,
    assignment: Assignment | None = None,
    busy: tuple[str, ...] = (),
    selection: SelectionPolicy | None = None,
    u: float = 0.1,
) -> Gates:
    """One pick among these members, told."""
    index = pool(*members, under=policy(primary="home", selection=selection))
    return look(index, attempt or call(), assignment, lines(*busy), NOW, u)


def fates(gates: Gates) -> dict[str, Fate]:
    return {member.number: member.fate for member in gates.members}


def verdicts(gates: Gates) -> dict[Tier, Verdict]:
    return {tier.tier: tier.verdict for tier in gates.tiers}


@given(case=cases())
def test_the_picture_says_what_the_pick_did(case: Case) -> None:
    u = Random(case.seed).random()
    picked = case.pick()
    gates = look(case.index, case.attempt, case.assignment, lines(*case.busy), NOW, u)
    fate = fates(gates)
    if not isinstance(picked, Choice):
        assert (gates.picked, gates.tier, gates.blocker) == (None, None, picked.blocker)
        assert Fate.PICKED not in fate.values()
        assert Verdict.USED not in verdicts(gates).values()
        return
    assert (gates.picked, gates.tier, gates.blocker) == (picked.member.number, picked.tier, None)
    assert [name for name, one in fate.items() if one is Fate.PICKED] == [picked.member.number]
    assert [tier for tier, verdict in verdicts(gates).items() if verdict is Verdict.BUSY] == [
        Tier(tier)
        for tier in picked.record.get("passed", [])  # type: ignore[attr-defined]  # a list in every record
    ]
    assert gates.random_number == picked.record.get("u")


@given(case=cases())
def test_the_random_number_falls_into_the_share_of_the_number_picked(case: Case) -> None:
    gates = look(case.index, case.attempt, case.assignment, lines(*case.busy), NOW, Random(case.seed).random())
    drawn = [member for member in gates.members if member.share is not None]
    assert bool(drawn) == (gates.random_number is not None)
    if gates.random_number is None:
        return
    assert sum(member.share or 0.0 for member in drawn) == pytest.approx(1.0)
    assert sum(member.weight or 0.0 for member in drawn) == pytest.approx(len(drawn))
    (own,) = [member for member in drawn if member.fate is Fate.PICKED]
    assert own.draws_from is not None
    assert own.draws_to is not None
    assert own.draws_from - 1e-9 <= gates.random_number <= own.draws_to + 1e-9


@given(case=cases())
def test_only_members_with_a_reason_are_told_as_skipped(case: Case) -> None:
    gates = look(case.index, case.attempt, case.assignment, lines(*case.busy), NOW, 0.5)
    for member in gates.members:
        if member.fate is Fate.SKIPPED:
            assert member.skip is not None
        if member.fate in (Fate.IN_DRAW, Fate.RESTING, Fate.OTHER_TIER):
            assert member.skip is None


def test_every_way_to_fall_out_is_told_apart() -> None:
    gates = gates_of(
        number("home"),
        number("paused", skip=SkipReason.PAUSED),
        number("french", only=["FR"]),
        number("toll-free", base=0.0),
        number("refused"),
        number("tired", resting=True),
        number("far", pools.TOKYO),
        number("full", through="line-2"),
        attempt=call(without=["refused"]),
        busy=("line-2",),
        selection=SelectionPolicy(skip_unhealthy=True),
    )
    assert fates(gates) == {
        "home": Fate.PICKED,
        "paused": Fate.SKIPPED,
        "french": Fate.SKIPPED,
        "toll-free": Fate.ZERO_WEIGHT,
        "refused": Fate.EXCLUDED,
        "tired": Fate.RESTING,
        "far": Fate.OTHER_TIER,
        "full": Fate.BUSY,
    }
    skips = {member.number: member.skip for member in gates.members if member.skip}
    assert skips == {"paused": SkipReason.PAUSED, "french": SkipReason.COUNTRY_NOT_ALLOWED}
    assert verdicts(gates) == {
        Tier.COUNTRY: Verdict.USED,
        Tier.TIME_ZONE: Verdict.NOT_ASKED,
        Tier.POOL: Verdict.NOT_ASKED,
    }


def test_the_contacts_own_number_settles_the_pick_and_nobody_else_is_asked() -> None:
    gates = gates_of(number("home"), number("own"), assignment=bound("own"))
    assert (gates.sticky.saw, gates.sticky.number, gates.tier) == (Saw.USED, "own", Tier.STICKY)
    assert fates(gates) == {"home": Fate.NOT_ASKED, "own": Fate.PICKED}
    assert set(verdicts(gates).values()) == {Verdict.NOT_ASKED}
    assert gates.random_number is None


def test_waiting_for_the_contacts_own_number_names_it_and_until_when() -> None:
    gates = gates_of(number("home"), number("own", through="line-2"), assignment=bound("own"), busy=("line-2",))
    assert gates.picked is None
    assert gates.sticky.saw is Saw.WAITS
    assert gates.sticky.wait_until == NOW + StickyPolicy().max_wait_s
    assert fates(gates) == {"home": Fate.NOT_ASKED, "own": Fate.BUSY}


def test_an_own_number_that_must_not_call_is_told_with_its_reason() -> None:
    gates = gates_of(number("home"), number("own", skip=SkipReason.SPAM_FLAGGED), assignment=bound("own"))
    assert (gates.sticky.saw, gates.sticky.why) == (Saw.UNUSABLE, "spam_flagged")
    assert gates.picked == "home"


def test_a_busy_tier_is_waited_for_and_the_next_one_not_asked() -> None:
    gates = gates_of(number("home", through="line-2"), number("far", pools.TOKYO), busy=("line-2",))
    assert gates.next_eligible_at == NOW + SelectionPolicy().tier_spill_after_s
    assert verdicts(gates) == {
        Tier.COUNTRY: Verdict.BUSY,
        Tier.TIME_ZONE: Verdict.NOTHING_NEW,
        Tier.POOL: Verdict.NOT_ASKED,
    }


def test_shares_leave_out_what_has_no_weight() -> None:
    shares = shares_of([number("one"), number("two", base=3.0), number("none", base=0.0)], policy())
    assert shares == {"one": pytest.approx(0.25), "two": pytest.approx(0.75)}


def test_a_number_at_its_cap_since_the_pool_was_looked_at_is_told_as_out() -> None:
    capped = replace(call(), capped=frozenset({number("busy").number}))
    gates = gates_of(number("home"), number("busy"), attempt=capped)
    assert fates(gates) == {"home": Fate.PICKED, "busy": Fate.EXCLUDED}
    (home, _) = gates.members
    assert home.share == 1.0
