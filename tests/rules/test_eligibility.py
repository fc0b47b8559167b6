"""Hard skips: which numbers may call at all, and which reason is named when several hold (SPEC 3.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outdial.rules.eligibility import NumberFacts, skip_but_for_spam, skip_reason, static_skip
from outdial.rules.number_health import NumberHealth
from outdial.rules.policy import SelectionPolicy
from outdial.rules.pool import SkipReason
from tests.rules.pools import NOW, number

POLICY = SelectionPolicy()
SPAM = NumberFacts(reported_spam_score=0.9)
REJECTED = NumberFacts(health=NumberHealth(carrier_rejected_at=NOW - 1e6))
FAILING = NumberFacts(health=NumberHealth(failures=5, failing_since=NOW - 60, probe_after=NOW + 540))
CAPPED = NumberFacts(calls_24h=80, max_calls_24h=80)

FACTS = [
    ("a healthy number", NumberFacts(), None),
    ("switched off or released", NumberFacts(active=False), SkipReason.INACTIVE),
    ("number paused", NumberFacts(number_paused=True), SkipReason.PAUSED),
    ("membership paused", NumberFacts(member_paused=True), SkipReason.PAUSED),
    ("score just under the threshold", NumberFacts(reported_spam_score=0.7499), None),
    ("score at the threshold", NumberFacts(reported_spam_score=0.75), SkipReason.SPAM_FLAGGED),
    ("own score high", NumberFacts(health=NumberHealth(own_score=0.8, own_score_at=NOW)), SkipReason.SPAM_FLAGGED),
    (
        "own score decayed",
        NumberFacts(health=NumberHealth(own_score=0.75, own_score_at=NOW - 30 * 86_400)),
        None,
    ),
    ("refused by its carrier long ago", REJECTED, SkipReason.CARRIER_REJECTED),
    ("failing", FAILING, SkipReason.FAILING),
    (
        "failing, and its probe is due",
        NumberFacts(health=NumberHealth(failures=5, failing_since=NOW - 600, probe_after=NOW)),
        None,
    ),
    ("one call below its cap", replace(CAPPED, calls_24h=79), None),
    ("at its cap", CAPPED, SkipReason.DAILY_CAP),
    ("no cap", NumberFacts(calls_24h=100_000, max_calls_24h=0), None),
]


@pytest.mark.parametrize(("facts", "reason"), [case[1:] for case in FACTS], ids=[case[0] for case in FACTS])
def test_what_keeps_a_number_out_whoever_is_called(facts: NumberFacts, reason: SkipReason | None) -> None:
    assert static_skip(facts, NOW, POLICY) is reason


def test_the_operator_sets_the_spam_threshold() -> None:
    assert static_skip(NumberFacts(reported_spam_score=0.5), NOW, SelectionPolicy(spam_threshold=0.5)) is not None
    assert static_skip(SPAM, NOW, SelectionPolicy(spam_threshold=0.95)) is None


def test_the_first_reason_in_the_order_is_named() -> None:
    """Each fact is taken away in turn; what remains must show in the order of SPEC 3.1."""
    bad = NumberFacts(
        active=False,
        number_paused=True,
        reported_spam_score=1.0,
        health=NumberHealth(carrier_rejected_at=NOW, failing_since=NOW, probe_after=NOW + 600),
        calls_24h=9,
        max_calls_24h=9,
    )
    healed_in_turn = [
        bad,
        bad := replace(bad, active=True),
        bad := replace(bad, number_paused=False),
        bad := replace(bad, reported_spam_score=0.0),
        bad := replace(bad, health=replace(bad.health, carrier_rejected_at=None)),
        bad := replace(bad, health=NumberHealth()),
        replace(bad, calls_24h=8),
    ]
    seen = []
    for facts in healed_in_turn:
        kept = skip_but_for_spam(facts, NOW)
        member = number("us-1", only={"GB"}, skip=static_skip(facts, NOW, POLICY), skip_if_kept=kept)
        seen.append(skip_reason(member, "GB", has_instruction=False))
    assert seen == [
        SkipReason.INACTIVE,
        SkipReason.PAUSED,
        SkipReason.SPAM_FLAGGED,
        SkipReason.CARRIER_REJECTED,
        SkipReason.FAILING,
        SkipReason.DAILY_CAP,
        SkipReason.NO_ANSWER_INSTRUCTION,
    ]


@pytest.mark.parametrize("static", [SkipReason.INACTIVE, SkipReason.PAUSED])
def test_inactive_and_paused_are_named_before_the_country(static: SkipReason) -> None:
    assert skip_reason(number("us-1", only={"GB"}, skip=static), "US") is static


@pytest.mark.parametrize(
    "static", [SkipReason.SPAM_FLAGGED, SkipReason.CARRIER_REJECTED, SkipReason.FAILING, SkipReason.DAILY_CAP, None]
)
def test_the_country_is_named_before_everything_else(static: SkipReason | None) -> None:
    assert skip_reason(number("us-1", only={"GB"}, skip=static), "US") is SkipReason.COUNTRY_NOT_ALLOWED


COUNTRIES: list[tuple[str, set[str], str | None, bool]] = [
    ("no list means everywhere", set(), "JP", True),
    ("no list, country unknown", set(), None, True),
    ("on the list", {"US", "CA"}, "CA", True),
    ("not on the list", {"US", "CA"}, "GB", False),
    ("a list, country unknown", {"US"}, None, False),
]


@pytest.mark.parametrize(
    ("allowed", "country", "may"), [case[1:] for case in COUNTRIES], ids=[case[0] for case in COUNTRIES]
)
def test_allowed_countries(allowed: set[str], country: str | None, may: bool) -> None:
    reason = skip_reason(number("us-1", only=allowed), country)
    assert reason is (None if may else SkipReason.COUNTRY_NOT_ALLOWED)


@pytest.mark.parametrize("besides", [None, SkipReason.CARRIER_REJECTED, SkipReason.FAILING, SkipReason.DAILY_CAP])
def test_keeping_a_flagged_number_forgives_the_flag_and_nothing_else(besides: SkipReason | None) -> None:
    flagged = number("us-1", skip=SkipReason.SPAM_FLAGGED, skip_if_kept=besides)
    assert skip_reason(flagged, "US") is SkipReason.SPAM_FLAGGED
    assert skip_reason(flagged, "US", keep_flagged=True) is besides
    without = skip_reason(flagged, "US", has_instruction=False, keep_flagged=True)
    assert without is (besides or SkipReason.NO_ANSWER_INSTRUCTION)
    paused = number("us-1", skip=SkipReason.PAUSED)
    assert skip_reason(paused, "US", keep_flagged=True) is SkipReason.PAUSED
