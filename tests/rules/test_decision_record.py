"""The decision record and the picture it refers to: small, complete, without phone numbers, and replayable (SPEC 3.7)."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from outdial.rules.blocker import Blocker
from outdial.rules.decision import read_attempt, read_busy, seen_sticky
from outdial.rules.picture_body import picture_body, picture_hash, picture_of, read_picture
from outdial.rules.policy import CampaignPolicy, RotationParams, SelectionPolicy, StickyPolicy
from outdial.rules.pool import Member, SkipReason
from outdial.rules.replay import replay
from outdial.rules.selection import Choice
from outdial.rules.sticky import Saw, SeenSticky
from outdial.rules.waits import Waits
from tests.rules.pools import CAMPAIGN, DAY, LONDON, NEW_YORK, NOW, PARIS, bound, call, number, pick, policy, pool

MEMBERS = [
    number("us-1", NEW_YORK, through="twilio-us", rotation=2.59),
    number("us-2", NEW_YORK, through="telnyx-us", rotation=1 / 3),
    number("gb-1", LONDON, through="twilio-gb", only={"GB"}, skip=SkipReason.SPAM_FLAGGED),
]


def choice_of(*members: Member, under: CampaignPolicy | None = None, **how: object) -> Choice:
    choice = pick(pool(*members, under=under), **how)  # type: ignore[arg-type]  # forwarded as they are
    assert isinstance(choice, Choice)
    return choice


def test_a_plain_draw() -> None:
    index = pool(*MEMBERS)
    choice = pick(index, seed=3)
    assert isinstance(choice, Choice)
    u, p = choice.record.pop("u"), choice.record.pop("p")
    assert isinstance(u, float)
    assert isinstance(p, float)
    assert 0 <= u < 1
    assert choice.record == {
        "v": 1,
        "picture": index.picture.hash,
        "policy": "v1",
        "at": NOW,
        "contact": ["US", "212", ["America/New_York"]],
        "tier": "country",
        "number": choice.member.number,
        "of": 2,
    }


def test_all_that_a_pick_may_depend_on() -> None:
    waits = Waits(Blocker.TIER_BUSY, NOW - 31, spilled=0, sticky_waited=True)
    members = [*MEMBERS, number("fr-1", PARIS, through="line-fr"), number("x", provider="telnyx", through="line-x")]
    choice = choice_of(
        *members,
        attempt=call(NEW_YORK, without=["us-1", "gone"], waits=waits),
        assignment=bound("us-2"),
        busy=["telnyx-us", "twilio-us", "of-another-pool"],
    )
    assert choice.member.number == "fr-1"
    assert choice.record["sticky"] == {
        "number": "us-2",
        "saw": "busy",
        "epoch": 1,
        "bound_at": NOW - DAY,
        "expires_at": NOW + 7 * DAY,
    }
    assert choice.record["busy"] == ["telnyx-us", "twilio-us"]
    assert choice.record["excluded"] == ["us-1"]
    assert choice.record["without"] == ["telnyx"]
    assert choice.record["passed"] == ["country"]
    assert choice.record["waits"] == ["tier_busy", NOW - 31, 0, True]


@pytest.mark.parametrize("count", [2, 10, 1_000])
def test_about_500_bytes_whatever_the_size_of_the_pool(count: int) -> None:
    members = [number(f"number-{i:04}", LONDON, through=f"connection-{i % 4}") for i in range(count)]
    choice = choice_of(
        *members,
        attempt=call(LONDON, without=["number-0000"], waits=Waits(Blocker.TIER_BUSY, NOW - 1)),
        assignment=bound("number-0000"),
        busy=["connection-0"],
    )
    assert len(json.dumps(choice.record)) < 600


def test_many_names_are_written_as_bits_and_read_back_as_they_were() -> None:
    """1,000 numbers on 300 connections, most without room, 200 numbers out for this attempt: still about a kilobyte."""
    members = [number(f"number-{i:04}", LONDON, through=f"connection-{i % 300:03}") for i in range(1_000)]
    index = pool(*members)
    busy = {f"connection-{i:03}" for i in range(300) if i % 7}
    out = {f"number-{i:04}" for i in range(0, 1_000, 5)}
    choice = pick(index, call(LONDON, without=out), bound("number-0000"), busy=busy)
    assert isinstance(choice, Choice)
    record = json.loads(json.dumps(choice.record))
    assert len(json.dumps(record)) < 1_000
    assert read_attempt(record, index).excluded == out
    assert read_busy(record, index) == busy
    assert replay(record, index.picture, index.policy) == choice.member.number


@pytest.mark.parametrize("count", [0, 1, 8, 9, 40])
def test_names_are_read_back_however_many_there_are(count: int) -> None:
    members = [number(f"number-{i:02}", LONDON, through=f"connection-{i:02}") for i in range(41)]
    index, busy = pool(*members), {f"connection-{i:02}" for i in range(count)}
    choice = pick(index, call(LONDON), busy=busy)
    assert isinstance(choice, Choice)
    assert read_busy(json.loads(json.dumps(choice.record)), index) == busy


def test_numbers_excluded_that_are_out_anyway_do_not_swell_the_record() -> None:
    capped = [number(f"number-{i:04}", skip=SkipReason.DAILY_CAP) for i in range(500)]
    choice = choice_of(*MEMBERS, *capped, attempt=call(without=[member.number for member in capped]))
    assert "excluded" not in choice.record


def test_no_phone_number_is_in_it() -> None:
    written = json.dumps(choice_of(*MEMBERS, assignment=bound("us-1")).record)
    assert "+" not in written
    assert "2025550100" not in written


SEEN: list[tuple[str, str | None, list[str], SeenSticky]] = [
    ("no assignment", None, [], SeenSticky()),
    ("used", "us-1", [], SeenSticky(Saw.USED, MEMBERS[0].number, NOW - DAY)),
    ("unusable", "gb-1", [], SeenSticky(Saw.UNUSABLE, MEMBERS[2].number, NOW - DAY)),
]


@pytest.mark.parametrize(("number_", "busy", "seen"), [case[1:] for case in SEEN], ids=[case[0] for case in SEEN])
def test_binding_reads_from_the_record_what_the_pick_saw(
    number_: str | None, busy: list[str], seen: SeenSticky
) -> None:
    choice = choice_of(*MEMBERS, assignment=bound(number_) if number_ else None, busy=busy)
    assert seen_sticky(json.loads(json.dumps(choice.record))) == seen


# --- The picture ---------------------------------------------------------------------------------------------------


def test_equal_pools_under_equal_policies_have_one_hash() -> None:
    assert picture_of(CAMPAIGN, MEMBERS, policy()) == picture_of(CAMPAIGN, list(MEMBERS), policy())


CHANGES = [
    replace(MEMBERS[0], rotation_weight=2.590000001),
    replace(MEMBERS[0], base_weight=2.0),
    replace(MEMBERS[0], geography=LONDON),
    replace(MEMBERS[0], static_skip=SkipReason.FAILING),
    replace(MEMBERS[0], skip_if_kept=SkipReason.FAILING),
    replace(MEMBERS[0], resting=True),
    replace(MEMBERS[0], allowed_countries=frozenset({"US"})),
    replace(MEMBERS[0], added_at=NOW),
]


@pytest.mark.parametrize("changed", CHANGES)
def test_every_change_of_a_member_makes_another_picture(changed: Member) -> None:
    before = picture_of(CAMPAIGN, MEMBERS, policy())
    assert picture_of(CAMPAIGN, [changed, *MEMBERS[1:]], policy()).hash != before.hash


POLICIES = [
    policy(primary="us-1"),
    policy(epoch=2),
    policy(sticky=StickyPolicy(max_wait_s=1)),
    policy(selection=SelectionPolicy(geomatch=True)),
    policy(selection=SelectionPolicy(tier_spill_after_s=math.inf)),
    policy(rotation=RotationParams(floor=0.1)),
    policy(rotation=RotationParams(max_share=0.8)),
]


@pytest.mark.parametrize("changed", POLICIES)
def test_every_change_of_the_policy_that_a_pick_depends_on_makes_another_picture(changed: CampaignPolicy) -> None:
    assert picture_of(CAMPAIGN, MEMBERS, changed).hash != picture_of(CAMPAIGN, MEMBERS, policy()).hash


@pytest.mark.parametrize("under", [policy(), *POLICIES])
def test_a_picture_comes_back_from_storage_as_it_was(under: CampaignPolicy) -> None:
    picture = picture_of(CAMPAIGN, MEMBERS, under)
    stored = json.loads(json.dumps(picture_body(picture, under), sort_keys=True, allow_nan=False))
    read, read_under = read_picture(stored)
    assert read == picture
    assert picture_hash(stored) == picture.hash
    assert (read_under.primary, read_under.sticky_epoch) == (under.primary, under.sticky_epoch)
    assert (read_under.sticky, read_under.selection) == (under.sticky, under.selection)
    assert (read_under.rotation.floor, read_under.rotation.max_share) == (
        under.rotation.floor,
        under.rotation.max_share,
    )


def test_whole_numbers_and_floats_of_a_policy_are_the_same_picture() -> None:
    one, other = policy(sticky=StickyPolicy(ttl_s=0)), policy(sticky=StickyPolicy(ttl_s=0.0))
    assert picture_of(CAMPAIGN, MEMBERS, one).hash == picture_of(CAMPAIGN, MEMBERS, other).hash


def test_a_body_of_another_version_is_read_with_defaults_for_what_it_lacks() -> None:
    body = json.loads(json.dumps(picture_body(picture_of(CAMPAIGN, MEMBERS, policy()), policy())))
    del body["policy"]["selection"]["near_time_zone_hours"]
    body["policy"]["selection"]["of_a_later_version"] = 1
    assert read_picture(body)[1].selection == SelectionPolicy()


def test_replaying_against_another_picture_is_refused() -> None:
    record = choice_of(*MEMBERS).record
    other = picture_of(CAMPAIGN, MEMBERS[:1], policy())
    with pytest.raises(ValueError, match="was made from picture"):
        replay(record, other, policy())


def test_replaying_sticky_primary_and_drawn_picks() -> None:
    for members, assignment in (
        (MEMBERS, bound("us-2")),
        ([number("primary", base=0)], None),
        (MEMBERS, None),
    ):
        choice = choice_of(*members, assignment=assignment)
        assert replay(choice.record, picture_of(CAMPAIGN, members, policy()), policy()) == choice.member.number
