"""What holds for every pick, from whatever pool, policy, contact and moment."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.blocker import Blocker
from outdial.rules.candidates import factor_of
from outdial.rules.ids import NumberId
from outdial.rules.picture_body import picture_body, picture_of, read_picture
from outdial.rules.policy import CampaignPolicy, RotationParams, SelectionPolicy, StickyPolicy, WhenFlagged
from outdial.rules.pool import Geography, Member, NumberType, SkipReason, Tier
from outdial.rules.pool_index import PoolIndex
from outdial.rules.proximity import belongs, quarter_of, tiers_of
from outdial.rules.replay import replay
from outdial.rules.selection import Blocked, Choice, choose
from outdial.rules.sticky import Assignment
from outdial.rules.waits import AttemptFacts, Waits
from tests.rules import pools
from tests.rules.pools import CAMPAIGN, DAY, NOW, lines, number, policy

PLACES = st.sampled_from(
    [pools.NEW_YORK, pools.CHICAGO, pools.LOS_ANGELES, pools.TORONTO, pools.LONDON, pools.PARIS, pools.TOKYO,
     pools.TOLL_FREE, pools.NOWHERE]
)  # fmt: skip
CONNECTIONS = ["u", "v", "w", "x"]
ORDER = [tier for tier in Tier if tier not in (Tier.STICKY, Tier.PRIMARY)]


@dataclass(frozen=True)
class Case:
    """Everything that a pick depends on."""

    index: PoolIndex
    attempt: AttemptFacts
    assignment: Assignment | None
    busy: frozenset[str]
    seed: int

    def pick(self) -> Choice | Blocked:
        return choose(self.index, self.attempt, self.assignment, lines(*self.busy), NOW, Random(self.seed))


@st.composite
def members(draw: st.DrawFn) -> list[Member]:
    count = draw(st.integers(0, 8))
    return [
        number(
            f"n{i}",
            draw(PLACES),
            through=draw(st.sampled_from(CONNECTIONS)),
            provider=draw(st.sampled_from(["twilio", "twilio", "telnyx"])),
            kind=draw(st.sampled_from(NumberType)),
            base=draw(st.sampled_from([0.0, 0.5, 1.0, 1.0, 7.0])),
            rotation=draw(st.sampled_from([1e-20, 0.006, 1.0, 2.6])),
            resting=draw(st.booleans()),
            only=draw(st.sampled_from([(), (), (), ("US",), ("GB", "FR")])),
            skip=draw(st.sampled_from([None, None, None, *SkipReason])),
            skip_if_kept=draw(st.sampled_from([None, SkipReason.DAILY_CAP])),
            added_at=draw(st.sampled_from([NOW - 30 * DAY, NOW - 60])),
        )
        for i in range(count)
    ]


@st.composite
def policies(draw: st.DrawFn) -> CampaignPolicy:
    return policy(
        primary="n0",
        sticky=StickyPolicy(
            enabled=draw(st.sampled_from([True, True, False])),
            when_flagged=draw(st.sampled_from(WhenFlagged)),
            max_wait_s=draw(st.sampled_from([0.0, 600.0, float("inf")])),
        ),
        selection=SelectionPolicy(
            prefer_country_match=draw(st.booleans()),
            geomatch=draw(st.booleans()),
            tier_spill_after_s=draw(st.sampled_from([0.0, 30.0, float("inf")])),
            skip_unhealthy=draw(st.booleans()),
            toll_free_weight=draw(st.sampled_from([0.0, 1.0])),
        ),
        rotation=RotationParams(max_share=draw(st.sampled_from([None, None, 0.6]))),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    under = draw(policies())
    numbers = [NumberId(f"n{i}") for i in range(8)]
    waits = Waits(
        draw(st.sampled_from([Blocker.IN_LINE, Blocker.TIER_BUSY, Blocker.STICKY_NUMBER_BUSY])),
        draw(st.sampled_from([None, NOW - 10.0, NOW - 1_000.0])),
        draw(st.integers(0, 3)),
        draw(st.booleans()),
    )
    excluded, capped = (draw(st.frozensets(st.sampled_from(numbers), max_size=2)) for _ in range(2))
    assignment = draw(
        st.none()
        | st.builds(
            Assignment,
            st.sampled_from(numbers),
            st.sampled_from([1, 1, 1, 2]),
            st.just(NOW - DAY),
            st.sampled_from([None, NOW + DAY, NOW - 1]),
            st.just("attempt 1"),
        )
    )
    return Case(
        PoolIndex(picture_of(CAMPAIGN, draw(members()), under), under),
        AttemptFacts(
            draw(PLACES), draw(st.sampled_from([frozenset(), frozenset({"telnyx"})])), excluded, waits, capped
        ),
        assignment,
        draw(st.frozensets(st.sampled_from(CONNECTIONS))),
        draw(st.integers(0, 2**32)),
    )


def may_be_drawn(case: Case, member: Member) -> bool:
    """Written from SPEC 3.1 and 3.5 anew: eligible, not excluded, of some weight."""
    instructed = member.provider in {"twilio", *case.attempt.answers}
    country = not member.allowed_countries or case.attempt.contact.country in member.allowed_countries
    weighty = factor_of(member, case.index.policy.selection) > 0
    return member.static_skip is None and country and instructed and weighty and not is_excluded(case, member)


def is_excluded(case: Case, member: Member) -> bool:
    """Refused by the carrier for this attempt, or at its daily cap since the pool was looked at."""
    return member.number in case.attempt.excluded | case.attempt.capped


def in_tier(case: Case, tier: Tier) -> list[Member]:
    """The tier's members that may be drawn, after `skip_unhealthy`."""
    hours = case.index.policy.selection.near_time_zone_hours
    found = [
        member
        for member in case.index.picture.members
        if may_be_drawn(case, member) and belongs(tier, member.geography, case.attempt.contact, quarter_of(NOW), hours)
    ]
    if case.index.policy.selection.skip_unhealthy:
        return [member for member in found if not member.resting] or found
    return found


@given(case=cases())
def test_a_skipped_number_is_never_chosen(case: Case) -> None:
    choice = case.pick()
    if not isinstance(choice, Choice):
        return
    member = choice.member
    assert member.static_skip in (None, SkipReason.SPAM_FLAGGED)
    if member.static_skip is SkipReason.SPAM_FLAGGED:
        assert choice.tier is Tier.STICKY
        assert case.index.policy.sticky.when_flagged is WhenFlagged.KEEP
        assert member.skip_if_kept is None
    assert not member.allowed_countries or case.attempt.contact.country in member.allowed_countries
    assert member.provider in {"twilio", *case.attempt.answers}
    assert not is_excluded(case, member)


@given(case=cases())
def test_a_number_without_room_is_never_chosen(case: Case) -> None:
    choice = case.pick()
    assert not isinstance(choice, Choice) or choice.member.connection not in case.busy


@given(case=cases())
def test_a_choice_has_the_best_tier_that_has_room(case: Case) -> None:
    choice = case.pick()
    if not isinstance(choice, Choice) or choice.tier is Tier.STICKY:
        return
    tiers = tiers_of(case.index.policy.selection)
    if choice.tier is Tier.PRIMARY:
        assert not any(in_tier(case, tier) for tier in tiers)
        assert choice.member.number == case.index.policy.primary
        return
    better = tiers[: tiers.index(choice.tier)]
    assert all(member.connection in case.busy for tier in better for member in in_tier(case, tier))
    assert choice.member in in_tier(case, choice.tier)


@given(case=cases())
def test_a_better_tier_is_passed_only_after_its_time(case: Case) -> None:
    choice = case.pick()
    if not isinstance(choice, Choice) or "passed" not in choice.record:
        return
    waits, after = case.attempt.waits, case.index.policy.selection.tier_spill_after_s
    passed = choice.record["passed"]
    assert isinstance(passed, list)
    since = waits.blocked_since
    one_more = waits.blocker is Blocker.TIER_BUSY and since is not None and since + after <= NOW
    assert after == 0 or len(passed) <= waits.spilled + one_more


@given(case=cases())
def test_sticky_beats_weights_and_skip_unhealthy(case: Case) -> None:
    """If the contact's number holds, may call and has room, it is chosen, whatever its weight and health."""
    assignment, under = case.assignment, case.index.policy
    member = case.index.member(assignment.number) if assignment else None
    if assignment is None or member is None or not under.sticky.enabled or assignment.epoch != under.sticky_epoch:
        return
    expired = assignment.expires_at is not None and assignment.expires_at <= NOW
    weightless = replace(member, base_weight=1.0, number_type=NumberType.LONG_CODE)
    if expired or assignment.bound_at < member.added_at or not may_be_drawn(case, weightless):
        return
    choice = case.pick()
    if member.connection not in case.busy:
        assert isinstance(choice, Choice)
        assert (choice.member, choice.tier) == (member, Tier.STICKY)
    elif isinstance(choice, Choice):
        assert choice.member is not member


@given(case=cases())
def test_who_is_blocked_knows_why_and_until_when(case: Case) -> None:
    """Nothing that may be drawn and has room in an open tier is left lying, and no wait is a hot loop."""
    result = case.pick()
    if not isinstance(result, Blocked):
        return
    assert result.look_at is None or result.look_at > NOW
    assert result.blocked_since <= NOW
    assert set(result.lines) <= case.index.connections
    assert all(connection in case.busy for connection in result.lines)
    if result.blocker in (Blocker.NO_ELIGIBLE_NUMBER, Blocker.NUMBERS_AT_DAILY_CAP):
        assert not any(in_tier(case, tier) for tier in tiers_of(case.index.policy.selection))
        assert result.lines == ()
        assert result.look_at is not None
    else:
        assert result.lines
    if result.blocker is Blocker.CONNECTIONS_AT_CAPACITY:
        drawable = [m for tier in tiers_of(case.index.policy.selection) for m in in_tier(case, tier)]
        assert all(member.connection in case.busy for member in drawable)
        assert {member.connection for member in drawable} <= set(result.lines)


@given(case=cases())
def test_waiting_ends(case: Case) -> None:
    """With one connection always free, looking again as told ends in a choice or in `no_eligible_number`."""
    busy = case.busy - {"u"}
    attempt, now, seen = case.attempt, NOW, 0
    while True:
        result = choose(case.index, attempt, case.assignment, lines(*busy), now, Random(case.seed))
        if isinstance(result, Choice) or result.look_at is None or not result.lines:
            return
        assert result.look_at > now
        now, seen = result.look_at, seen + 1
        waits = Waits(result.blocker, result.blocked_since, result.spilled, result.sticky_waited)
        attempt = replace(attempt, waits=waits)
        assert seen <= 5


@given(case=cases(), others=members())
def test_the_same_record_makes_the_same_choice_after_everything_has_changed(case: Case, others: list[Member]) -> None:
    choice = case.pick()
    if not isinstance(choice, Choice):
        return
    body = json.loads(json.dumps(picture_body(case.index.picture, case.index.policy)))
    record = json.loads(json.dumps(choice.record))
    changed = policy(epoch=9, selection=SelectionPolicy(geomatch=True, toll_free_weight=0))
    PoolIndex(picture_of(CAMPAIGN, others, changed), changed)  # the live pool moves on; the record does not look at it
    picture, under = read_picture(body)
    assert picture == case.index.picture
    assert replay(record, picture, under) == choice.member.number


@given(case=cases())
def test_the_same_situation_makes_the_same_choice(case: Case) -> None:
    again = Case(PoolIndex(case.index.picture, case.index.policy), case.attempt, case.assignment, case.busy, case.seed)
    assert case.pick() == again.pick()


@given(case=cases(), contacts=st.lists(PLACES, max_size=6))
def test_what_an_index_keeps_of_earlier_contacts_changes_nothing(case: Case, contacts: list[Geography]) -> None:
    used = PoolIndex(case.index.picture, case.index.policy)
    for n, contact in enumerate(contacts):
        attempt = replace(case.attempt, contact=contact)
        choose(used, attempt, None, frozenset(), NOW + 900 * n, Random(n))
    expected = case.pick()
    assert replace(case, index=used).pick() == expected
