"""Evidence that comes after a call was settled corrects outcome, statistics, assignment and health, once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from outdial.dispatch.place import identity_of
from outdial.ports.store import Intent
from outdial.rules.call_fate import HasNews, IsNowhere, IsOverdue, MayExist
from outdial.rules.call_progress import AnsweredBy, CallNews, Progress
from outdial.rules.ids import Placement
from outdial.rules.outcome import Outcome
from outdial.rules.policy import RotationParams
from outdial.rules.rotation import MemberStats
from tests.support.turns import CONTACT, HandReplica, hand_replica, hand_replicas


async def _lost(one: HandReplica, contact: str = CONTACT) -> Intent:
    """A call whose create request went wrong, and that the carrier twice said it does not know."""
    intent = await one.dial(contact)
    await one.turn((identity_of(intent), MayExist("timeout", 300.0)))
    for _ in range(2):
        one.clock.jump(300)
        await one.turn((identity_of(intent), IsNowhere(True, one.clock.now() + 60)))
    return intent


async def _outcome(one: HandReplica, intent: Intent) -> Mapping[str, Any]:
    row = await one.pool.fetchrow("select * from outcomes where placement = $1", intent.placement)
    assert row is not None
    return dict(row)


async def _stats(one: HandReplica) -> list[tuple[str, int, int]]:
    return [tuple(row) for row in await one.pool.fetch("select number, attempts, answered from member_stats")]


async def test_a_call_given_up_as_ambiguous_that_had_reached_its_contact(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await _lost(one)
        before = await _outcome(one, intent)
        assert (before["outcome"], before["corrections"]) == ("ambiguous", 0)
        assert (await _stats(one), await one.sticky()) == ([], None)
        assert one.told("call_attempt.ended")[0]["reached"] is False

        one.clock.jump(3_600)
        await one.turn((identity_of(intent), one.final(Outcome.ANSWERED_UNKNOWN)))
        after = await _outcome(one, intent)
        assert (after["outcome"], after["corrections"]) == ("answered_unknown", 1)
        assert after["ended_at"] == before["ended_at"]
        assert await _stats(one) == [(intent.number, 1, 1)]
        (told,) = one.told("call_attempt.corrected")
        assert (told["was"], told["outcome"], told["reached"]) == ("ambiguous", "answered_unknown", True)
        row = await one.sticky()
        assert row is not None
        assert (row["number"], row["bound_by"]) == (intent.number, f"attempt {intent.attempt.key.attempt_id}")
        assert (await one.call(attempt_no=2)).decision["tier"] == "sticky"


async def test_repeated_evidence_corrects_once_whoever_hears_it(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        intent = await _lost(one)
        for replica in (one, other, one):
            await replica.turn((identity_of(intent), replica.final(Outcome.NO_ANSWER)))
        assert await _stats(one) == [(intent.number, 1, 0)]
        assert len(one.told("call_attempt.corrected")) + len(other.told("call_attempt.corrected")) == 1
        assert (await _outcome(one, intent))["corrections"] == 1


async def test_the_statistics_are_those_of_a_call_that_was_never_lost(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await _lost(one)
        await one.turn((identity_of(intent), one.final(Outcome.ANSWERED_UNKNOWN)))
        row = await one.pool.fetchrow("select y, e, yf, ef from member_stats")
        plain = MemberStats().observe(True, intent.h, one.clock.now(), RotationParams())
        assert row is not None
        assert tuple(row) == pytest.approx((plain.y, plain.e, plain.yf, plain.ef))


async def test_the_first_winner_stays_when_a_lost_call_turns_up_late(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n")
        lost = await _lost(one)
        await one.apply("[campaigns.spring]\npool = ['a', 'b', 'c']\n[numbers.a]\npaused = true\n")
        winner = await one.call(attempt_no=2)
        await one.apply("[numbers.a]\npaused = false\n")
        await one.turn((identity_of(lost), one.final(Outcome.ANSWERED_UNKNOWN)))
        row = await one.sticky()
        assert row is not None
        assert (row["number"], lost.number) == (winner.number, "a")
        assert len(one.told("sticky.bound")) == 1


async def test_a_lost_call_that_was_blocked_as_spam_tells_of_its_number(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n")
        for n in range(2):
            await one.call(f"+1312555020{n}", Outcome.SPAM_BLOCKED)
        lost = await _lost(one, "+13125550203")
        assert one.told("number.flagged") == []
        await one.turn((identity_of(lost), one.final(Outcome.SPAM_BLOCKED)))
        (flagged,) = one.told("number.flagged")
        assert flagged["number"] == "a"


async def test_the_final_word_after_the_hard_deadline_corrects_unknown(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await one.dial()
        await one.accept(intent)
        await one.turn((identity_of(intent), IsOverdue(one.clock.now())))
        assert (await _outcome(one, intent))["outcome"] == "unknown"
        await one.turn((identity_of(intent), one.final(Outcome.BUSY)))
        assert (await _outcome(one, intent))["outcome"] == "busy"
        assert [data["was"] for data in one.told("call_attempt.corrected")] == ["unknown"]


async def test_a_machine_result_after_its_grace_annotates_and_changes_nothing_else(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await one.call(machine_detection="detect")
        one.clock.jump(11)
        await one.turn((identity_of(intent), one.final(Outcome.ANSWERED_UNKNOWN)))
        late = CallNews(Progress.MACHINE_RESULT, at=one.clock.now(), answered_by=AnsweredBy.MACHINE)
        stats = await _stats(one)
        await one.turn((identity_of(intent), HasNews(late, one.clock.now())))
        row = await _outcome(one, intent)
        assert (row["outcome"], row["answered_by"], row["corrections"]) == ("answered_unknown", "machine", 0)
        assert (await _stats(one), one.told("call_attempt.corrected")) == (stats, [])


async def test_an_outcome_that_was_certain_is_never_corrected(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await one.call(outcome=Outcome.NO_ANSWER)
        await one.turn((identity_of(intent), one.final(Outcome.ANSWERED_UNKNOWN)))
        assert (await _outcome(one, intent))["outcome"] == "no_answer"
        assert await one.sticky() is None


async def test_news_of_a_call_that_nobody_knows_changes_nothing(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        intent = await one.dial()
        stranger = replace(identity_of(intent), placement=Placement(uuid.uuid4()))
        result = await one.turn((stranger, one.final(Outcome.ANSWERED_UNKNOWN)))
        assert (result.known, result.events) == (set(), [])


async def test_events_tell_the_number_by_name_and_digits(database_url: str) -> None:
    async with hand_replica(database_url) as one:
        await one.apply("[campaigns.spring]\npool = ['a']\n")
        lost = await _lost(one)
        await one.turn((identity_of(lost), one.final(Outcome.ANSWERED_UNKNOWN)))
        for kind in ("call_attempt.ended", "call_attempt.corrected", "sticky.bound"):
            (told,) = one.told(kind)
            assert (told["number"], told["from"]) == ("a", "+12025550101"), kind
        for n in range(3):
            await one.call(f"+1312555020{n}", Outcome.SPAM_BLOCKED)
        (told,) = one.told("number.flagged")
        assert (told["number"], told["from"], told["campaign_id"]) == ("a", "+12025550101", "spring")
        metrics = one.setting.metrics.exposition().decode()
        assert "outdial_corrections_total 1.0" in metrics
        assert 'outdial_sticky_total{event="bound"} 1.0' in metrics
