"""Explaining, replaying and trying picks on a database that was really dialled on."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from outdial.errors import BadInput, NotFound
from outdial.operator.explain import explain, replay_pick
from outdial.operator.hints import HINTS
from outdial.operator.pick import try_pick
from outdial.operator.plain import as_data
from outdial.rules.blocker import Blocker
from outdial.rules.gates import Fate
from outdial.rules.pool import SkipReason, Tier
from outdial.rules.sticky import Saw
from tests.integration.test_way_of_an_attempt import faulty
from tests.support.dialled import FLAGGED, PAUSED, Dialled, applied, looker
from tests.support.replica import replica

NEW_CONTACT = "+13125550777"


@pytest.fixture
async def pool(dialled: Dialled) -> AsyncIterator[asyncpg.Pool]:
    opened = await looker(dialled)
    yield opened
    await opened.close()


# --- explain ---------------------------------------------------------------------------------------------------------


async def test_a_first_call_is_told_from_the_skips_to_the_outcome(pool: asyncpg.Pool, dialled: Dialled) -> None:
    story = await explain(pool, dialled.own)
    assert story.pick is not None
    assert story.call is not None
    assert story.wait is None
    gates = story.pick.gates
    assert gates is not None
    assert (gates.picked, gates.tier) == (story.attempt.number, Tier.COUNTRY)
    assert gates.sticky.saw is Saw.NOTHING
    fates = {str(member.number): (member.fate, member.skip) for member in gates.members}
    assert fates[PAUSED] == (Fate.SKIPPED, SkipReason.PAUSED)
    assert fates[FLAGGED] == (Fate.SKIPPED, SkipReason.SPAM_FLAGGED)
    assert fates["uk"] == (Fate.OTHER_TIER, None)
    assert fates[gates.picked or ""] == (Fate.PICKED, None)
    own = next(member for member in gates.members if member.fate is Fate.PICKED)
    assert own.draws_from is not None
    assert own.draws_to is not None
    assert gates.random_number is not None
    assert own.draws_from <= gates.random_number < own.draws_to
    assert story.call.carrier_call_id is not None
    assert (story.call.provider_status, story.attempt.outcome) == ("completed", "answered_unknown")
    assert story.sticky_now is not None
    assert story.sticky_now.number == story.attempt.number


async def test_a_call_from_the_contacts_own_number_says_so_with_the_lock(pool: asyncpg.Pool, dialled: Dialled) -> None:
    story = await explain(pool, dialled.own_again)
    assert story.pick is not None
    assert story.pick.gates is not None
    assert (story.pick.tier, story.pick.counted, story.pick.baseline_class) == ("sticky", False, "retry")
    assert story.attempt.lock_text == "Sticky – number locked to this contact after answered call"
    assert (story.pick.gates.sticky.saw, story.pick.gates.sticky.number) == (Saw.USED, story.attempt.number)
    assert (await explain(pool, dialled.own)).attempt.lock_text is None


async def test_a_waiting_one_is_told_with_hint_time_and_the_next_pick(pool: asyncpg.Pool, dialled: Dialled) -> None:
    story = await explain(pool, dialled.waits)
    assert story.wait is not None
    assert (story.pick, story.call) == (None, None)
    assert (story.wait.blocker, story.wait.hint) == ("not_due", HINTS[Blocker.NOT_DUE])
    assert story.wait.next_eligible_at == 4_070_908_800.0
    assert story.wait.trial is not None
    assert story.wait.trial.gates.picked in ("n1", "n3")
    at_night = await explain(pool, dialled.waits_at_night)
    assert at_night.wait is not None
    assert at_night.wait.trial is not None
    assert at_night.wait.trial.blocker == at_night.wait.blocker == "outside_calling_hours"


async def test_one_refused_at_the_door_has_no_pick(pool: asyncpg.Pool, dialled: Dialled) -> None:
    story = await explain(pool, dialled.refused)
    assert (story.pick, story.call, story.wait) == (None, None, None)
    assert story.attempt.reason == "destination_kind_not_allowed"


async def test_the_story_is_json_without_the_contact_unless_asked_for(pool: asyncpg.Pool, dialled: Dialled) -> None:
    for attempt in (dialled.own, dialled.own_again, dialled.waits):
        story = await explain(pool, attempt)
        assert story.attempt.contact not in json.dumps(as_data(story))
        assert story.attempt.contact in json.dumps(as_data(story, full=True))


async def test_ids_that_are_none_or_unknown_or_of_somebody_else(pool: asyncpg.Pool, dialled: Dialled) -> None:
    with pytest.raises(BadInput, match="'lead-7' is not an attempt id"):
        await explain(pool, "lead-7")
    with pytest.raises(NotFound, match="there is no attempt"):
        await explain(pool, str(uuid.uuid4()))
    with pytest.raises(NotFound, match="of tenant 'other'"):
        await explain(pool, dialled.own, tenant="other")
    with pytest.raises(NotFound, match="no pick to replay"):
        await replay_pick(pool, dialled.waits)


# --- replay ----------------------------------------------------------------------------------------------------------


async def test_every_pick_comes_out_the_same_from_its_record(pool: asyncpg.Pool, dialled: Dialled) -> None:
    for attempt in (*dialled.first, dialled.own_again):
        assert (await replay_pick(pool, attempt)).same


async def test_picks_replay_and_explain_themselves_after_pool_weights_and_policy_changed(database_url: str) -> None:
    async with replica(database_url, faulty(answer_rate=0.5)) as one:
        attempts = [await one.publish(f"+1312555{n:04d}") for n in range(6)]
        before = {attempt: (await one.ended(attempt))["number"] for attempt in attempts}
        told = {attempt: (await explain(one.pool, attempt)).pick for attempt in attempts}
        await one.apply(
            '[campaigns.spring]\npool = ["n2"]\nprimary = "n2"\n'
            "sticky = { enabled = false }\nselection = { prefer_country_match = false, long_code_weight = 0.5 }\n"
        )
        await one.pool.execute("update member_stats set y = y * 9, attempts = attempts + 100")
        for attempt, number in before.items():
            replayed = await replay_pick(one.pool, attempt)
            assert (replayed.same, replayed.replayed) == (True, number)
            assert (await explain(one.pool, attempt)).pick == told[attempt]


async def test_an_id_that_two_tenants_use_wants_the_tenant(database_url: str) -> None:
    async with replica(database_url, faulty()) as one:
        attempt = await one.publish()
        await one.ended(attempt)
        await one.publish(attempt_id=attempt, tenant="nobody")

        async def both() -> Any:
            return await one.pool.fetchval("select 1 from attempts having count(*) = 2")

        await one.until_found(both)
        with pytest.raises(BadInput, match="acme, nobody have an attempt of this id"):
            await explain(one.pool, attempt)
        assert (await explain(one.pool, attempt, tenant="nobody")).attempt.reason == "unknown_tenant"


async def test_a_call_under_way_is_told_while_it_rings(database_url: str) -> None:
    async with replica(database_url, faulty(ring_s=900.0)) as one:
        attempt = await one.publish()

        async def placed() -> Any:
            return await one.pool.fetchrow("select * from calls where state = 'placed'")

        await one.until_found(placed)
        story = await explain(one.pool, attempt)
        assert (story.attempt.state, story.attempt.outcome, story.attempt.tier) == ("placed", None, "country")
        assert story.call is not None
        assert story.call.deadline_at is not None
        busy = await try_pick(one.pool, "spring", story.attempt.contact)
        assert (busy.would, busy.blocker) == ("wait", "contact_in_call")


# --- pick ------------------------------------------------------------------------------------------------------------


async def everything(pool: asyncpg.Pool) -> str:
    """All of the database that a pick could touch."""
    tables = (
        "limits",
        "waiting",
        "calls",
        "outcomes",
        "sticky",
        "member_stats",
        "number_volume",
        "pool_pictures",
        "outbox",
    )
    rows = [await pool.fetch(f"select t::text from {table} t order by 1") for table in tables]
    return json.dumps([[row[0] for row in table] for table in rows])


async def test_a_dry_run_changes_nothing_and_the_same_seed_picks_the_same(pool: asyncpg.Pool) -> None:
    before = await everything(pool)
    one = await try_pick(pool, "spring", NEW_CONTACT, seed=7)
    again = await try_pick(pool, "spring", NEW_CONTACT, seed=7)
    assert one.assumed_answers == ("twilio",)
    assert (one.would, one.gates.picked) == ("call", again.gates.picked)
    assert one.gates.random_number == again.gates.random_number
    assert await everything(pool) == before


async def test_a_dry_run_knows_the_contacts_own_number(pool: asyncpg.Pool, dialled: Dialled) -> None:
    trial = await try_pick(pool, "spring", dialled.own_contact)
    bound = await pool.fetchval("select number from sticky where contact = $1", dialled.own_contact)
    assert (trial.gates.tier, trial.gates.picked) == (Tier.STICKY, bound)
    later = await try_pick(pool, "spring", dialled.own_contact, at=trial.at + 9 * 86_400)
    assert (later.gates.sticky.saw, later.gates.sticky.why) == (Saw.VOID, "expired")


async def test_a_dry_run_follows_the_contacts_country(pool: asyncpg.Pool) -> None:
    assert (await try_pick(pool, "spring", "+442079460999")).gates.picked == "uk"


async def test_what_stands_in_the_way_is_named(pool: asyncpg.Pool) -> None:
    closed = await try_pick(pool, "night", NEW_CONTACT)
    assert (closed.would, closed.blocker) == ("wait", "outside_calling_hours")
    assert closed.hindrances[0].until is not None
    opening = await try_pick(pool, "night", NEW_CONTACT, at=closed.hindrances[0].until + 60)
    assert opening.hindrances == ()
    unsaid = await try_pick(pool, "spring", NEW_CONTACT, answers=["telnyx"])
    assert (unsaid.blocker, unsaid.assumed_answers) == ("no_eligible_number", ())
    assert {member.skip for member in unsaid.gates.members} >= {SkipReason.NO_ANSWER_INSTRUCTION}
    satellite = await try_pick(pool, "spring", "+881612345678")
    assert (satellite.would, satellite.blocker) == ("refuse", "destination_kind_not_allowed")


@pytest.mark.parametrize(
    ("statement", "blocker", "would"),
    [
        ("update limits set paused = true where kind = 'tenant'", "tenant_paused", "wait"),
        ("update limits set paused = true where kind = 'campaign'", "campaign_paused", "wait"),
        ("update limits set max_calls = 0 where kind = 'tenant'", "tenant_at_capacity", "wait"),
        ("update limits set max_calls = 0 where kind = 'campaign'", "campaign_at_capacity", "wait"),
        ("update limits set paused = true where kind = 'connection'", "connections_at_capacity", "wait"),
        ("insert into suppressions (tenant, contact) values ('acme', '+13125550777')", "suppressed", "refuse"),
        ("update numbers set paused = true", "no_eligible_number", "wait"),
    ],
)
async def test_each_hindrance_is_seen_at_once(database_url: str, statement: str, blocker: str, would: str) -> None:
    async with applied(database_url) as pool:
        await pool.execute(statement)
        trial = await try_pick(pool, "spring", NEW_CONTACT)
        assert (trial.blocker, trial.would) == (blocker, would)


async def test_a_busy_connection_says_why(database_url: str) -> None:
    async with applied(database_url) as pool:
        await _say_why(pool)


async def _say_why(pool: asyncpg.Pool) -> None:
    for change, why in (
        ("max_calls = 0", "at_capacity"),
        ("max_calls = 8, paused = true", "paused"),
        ("paused = false, backoff_until = now() + interval '1 hour'", "carrier_backoff"),
        ("backoff_until = null, open_until = now() + interval '1 hour'", "circuit_open"),
        ("open_until = null, calls_per_second = 1, next_start_at = now() + interval '1 hour'", "pacing"),
        ("next_start_at = null", None),
    ):
        await pool.execute(f"update limits set {change} where kind = 'connection'")
        assert [room.why_busy for room in (await try_pick(pool, "spring", NEW_CONTACT)).room] == [why]


async def test_bad_questions_are_named(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFound, match="no campaign named 'sprng'"):
        await try_pick(pool, "sprng", NEW_CONTACT)
    with pytest.raises(BadInput, match="to: "):
        await try_pick(pool, "spring", "1312")
    with pytest.raises(BadInput, match="seed: -1"):
        await try_pick(pool, "spring", NEW_CONTACT, seed=-1)
