"""From the catalogue to a member of the pool: countries by family, type and zone by the operator's word, all facts in."""

from __future__ import annotations

import pytest

from outdial.rules.catalogue_rows import ConnectionRow, MemberRow, NumberRow, NumberState
from outdial.rules.eligibility import skip_reason
from outdial.rules.ids import E164, ConnectionId, NumberId, TenantId
from outdial.rules.number_health import NumberHealth
from outdial.rules.phone import geography
from outdial.rules.pool import Member, NumberType, SkipReason
from outdial.rules.pool_weights import PoolWeights, make_member
from tests.rules.pools import CAMPAIGN, NOW, policy

US_1 = NumberId("us-1")
LINE = ConnectionRow(ConnectionId("line-1"), "twilio", 10)


def made(
    e164: str = "+12125550143", *, state: NumberState = NumberState.ACTIVE, paused: bool = False,
    weights: PoolWeights | None = None, **settings: object,
) -> Member:  # fmt: skip
    """A member as the next refresh of the pool makes it."""
    row = NumberRow(US_1, E164(e164), TenantId("acme"), LINE.connection, state, paused, settings)
    return make_member(row, MemberRow(CAMPAIGN, US_1), LINE, weights or PoolWeights(), policy(), NOW)


ALLOWED: list[tuple[str, list[str], str, bool]] = [
    ("no list: everywhere", [], "+442079460143", True),
    ("no list: a contact of no country too", [], "+80012345678", True),
    ("its own country", ["US"], "+13125550143", True),
    ("GB allows the islands: Jersey", ["GB"], "+447797712345", True),
    ("GB allows the islands: Guernsey", ["GB"], "+447781123456", True),
    ("GB allows the islands: Man", ["GB"], "+447624123456", True),
    ("Jersey on the list is the whole family", ["JE"], "+442079460143", True),
    ("Man on the list allows Guernsey", ["IM"], "+447781123456", True),
    ("US does not allow Canada", ["US"], "+14165550143", False),
    ("CA does not allow the US", ["CA"], "+12125550143", False),
    ("US does not allow Puerto Rico", ["US"], "+17875550143", False),
    ("a toll-free contact of +1 is American", ["US"], "+18005550199", True),
    ("... and not Canadian", ["CA"], "+18005550199", False),
    ("an unknown country is on no list", ["US", "GB"], "+80012345678", False),
    ("an area code that nobody has is on no list", ["US", "CA"], "+12385550143", False),
]


@pytest.mark.parametrize(
    ("allowed", "contact", "may"), [case[1:] for case in ALLOWED], ids=[case[0] for case in ALLOWED]
)
def test_allowed_countries_go_by_region_and_family(allowed: list[str], contact: str, may: bool) -> None:
    reason = skip_reason(made(allowed_countries=allowed), geography(E164(contact)).country)
    assert reason is (None if may else SkipReason.COUNTRY_NOT_ALLOWED)


FACTS: list[tuple[str, Member, SkipReason | None]] = [
    ("nothing known", made(), None),
    ("inactive", made(state=NumberState.INACTIVE), SkipReason.INACTIVE),
    ("released", made(state=NumberState.RELEASED), SkipReason.INACTIVE),
    ("paused", made(paused=True), SkipReason.PAUSED),
    ("flagged by a service", made(weights=PoolWeights(spam_scores={US_1: 0.75})), SkipReason.SPAM_FLAGGED),
    (
        "refused by its carrier",
        made(weights=PoolWeights(health={US_1: NumberHealth(carrier_rejected_at=NOW - 9e9)})),
        SkipReason.CARRIER_REJECTED,
    ),
    ("at its cap", made(weights=PoolWeights(dials_24h={US_1: 5}), max_calls_24h=5), SkipReason.DAILY_CAP),
    ("below its cap", made(weights=PoolWeights(dials_24h={US_1: 4}), max_calls_24h=5), None),
    ("a cap of 0 is none", made(weights=PoolWeights(dials_24h={US_1: 400}), max_calls_24h=0), None),
]


@pytest.mark.parametrize(("member", "skip"), [case[1:] for case in FACTS], ids=[case[0] for case in FACTS])
def test_what_is_known_of_a_number_keeps_it_out(member: Member, skip: SkipReason | None) -> None:
    assert member.static_skip is skip


def test_a_flagged_numbers_further_reason_is_kept_for_its_own_contacts() -> None:
    both = PoolWeights(spam_scores={US_1: 0.9}, dials_24h={US_1: 5})
    member = made(weights=both, max_calls_24h=5)
    assert (member.static_skip, member.skip_if_kept) == (SkipReason.SPAM_FLAGGED, SkipReason.DAILY_CAP)


def test_the_operator_knows_type_and_zone_better_than_the_digits() -> None:
    by_digits = made("+18005550199")
    assert (by_digits.number_type, by_digits.geography.zones) == (NumberType.TOLL_FREE, ())
    by_word = made("+18005550199", number_type="long_code", time_zone="America/Denver")
    assert (by_word.number_type, by_word.geography.zones) == (NumberType.LONG_CODE, ("America/Denver",))
    assert by_word.geography.country == "US"


def test_a_number_far_above_its_budget_or_far_behind_is_weighed_less_and_never_starved() -> None:
    fresh, tired = made(), made(weights=PoolWeights(dials_24h={US_1: 80}))
    assert fresh.rotation_weight == pytest.approx(1.1**10), "a number without attempts leads a little"
    assert 0.0 < tired.rotation_weight < 1e-4
