"""The health of pools and numbers on a database that was really dialled on, and hints on one that is in trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from outdial.errors import BadInput, NotFound
from outdial.operator.health import campaign_health, number_health
from outdial.operator.member_lines import MemberLine
from outdial.operator.number_status import NumberStatus
from outdial.rules.health_hints import HintCode
from outdial.rules.pool import SkipReason
from tests.support.dialled import FLAGGED, PAUSED, Dialled, applied, looker


@pytest.fixture
async def pool(dialled: Dialled) -> AsyncIterator[asyncpg.Pool]:
    opened = await looker(dialled)
    yield opened
    await opened.close()


async def test_the_figures_are_those_of_the_calls_that_were_made(pool: asyncpg.Pool) -> None:
    health = await campaign_health(pool, "spring")
    lines = {line.number: line for line in health.numbers}
    assert list(lines) == ["n1", "n2", "n3", "n4", "uk"]
    rows = await pool.fetch(
        "select number, count(*) as calls, max(intent_at) as last, "
        "count(*) filter (where counted and (outcome like 'answered%' or outcome = any ($1))) as drawn, "
        "count(*) filter (where counted and outcome like 'answered%') as answered from outcomes "
        "where number is not null group by number",
        ["no_answer", "rejected", "spam_blocked"],
    )
    assert {row["number"] for row in rows} <= {"n1", "n3"}
    for row in rows:
        line = lines[row["number"]]
        assert (line.lifetime.attempts, line.lifetime.answered) == (row["drawn"], row["answered"])
        assert line.last_day == line.lifetime
        assert (line.calls_24h, line.budget_24h) == (row["calls"], 80)
        assert line.last_used_at == row["last"]
        bound = await pool.fetchval("select count(*) from sticky where number = $1", row["number"])
        assert line.sticky_contacts == bound
    assert health.calls_24h == sum(row["calls"] for row in rows)
    assert health.before.attempts == 0


async def test_shares_are_those_of_the_next_draw_and_weights_are_shares_by_candidates(pool: asyncpg.Pool) -> None:
    health = await campaign_health(pool, "spring")
    drawn = [line for line in health.numbers if line.share is not None]
    assert {line.number for line in drawn} == {"n1", "n3", "uk"}
    assert sum(line.share or 0.0 for line in drawn) == pytest.approx(1.0)
    for line in drawn:
        assert line.weight == pytest.approx((line.share or 0.0) * 3)


async def test_numbers_that_are_out_say_why(pool: asyncpg.Pool) -> None:
    lines = {line.number: line for line in (await campaign_health(pool, "spring")).numbers}
    paused, flagged, primary = lines[PAUSED], lines[FLAGGED], lines["n1"]
    assert (paused.status, paused.out, paused.because) == (
        NumberStatus.PAUSED,
        SkipReason.PAUSED,
        "paused by an operator",
    )
    assert (flagged.status, flagged.out) == (NumberStatus.FLAGGED, SkipReason.SPAM_FLAGGED)
    assert flagged.because == "flagged as spam: 0.90 by lab (threshold 0.75)"
    assert flagged.share is None
    assert (primary.is_primary, primary.out) == (True, None)
    assert lines["uk"].status is NumberStatus.WARMING_UP


async def test_the_pools_baseline_is_told_by_country_and_kind(pool: asyncpg.Pool) -> None:
    (line,) = (await campaign_health(pool, "spring")).baselines
    assert (line.country, line.kind) == ("US", "first")
    assert 0.0 < line.rate < 1.0
    assert line.weight > 1.0


async def test_a_flagged_number_is_hinted_at_a_paused_one_is_not(pool: asyncpg.Pool) -> None:
    hints = (await campaign_health(pool, "spring")).hints
    assert [(hint.code, hint.number) for hint in hints if hint.code is HintCode.NUMBER_OUT] == [
        (HintCode.NUMBER_OUT, FLAGGED)
    ]


async def test_one_number_across_its_campaigns(pool: asyncpg.Pool) -> None:
    page = await number_health(pool, "+12025550101")
    assert (page.number, page.tenant, page.connection, page.provider) == ("n1", "acme", "line", "twilio")
    assert [line.campaign for line in page.campaigns] == ["night", "spring"]
    whole = {line.number: line for line in (await campaign_health(pool, "spring")).numbers}
    in_spring = page.campaigns[1]
    assert (in_spring.lifetime, in_spring.last_day) == (whole["n1"].lifetime, whole["n1"].last_day)
    assert (in_spring.sticky_contacts, in_spring.share) == (whole["n1"].sticky_contacts, whole["n1"].share)
    assert sum(hour.dials for hour in page.hours) == page.calls_24h > 0
    assert page.campaigns[0].lifetime.attempts == 0


async def test_a_numbers_spam_score_names_its_sources(pool: asyncpg.Pool) -> None:
    page = await number_health(pool, FLAGGED)
    assert (page.standing.spam_score, page.standing.own_score) == (0.9, 0.0)
    assert [(one.source, one.score, one.why) for one in page.standing.reports] == [("lab", 0.9, "seen")]
    assert page.standing.out is SkipReason.SPAM_FLAGGED


async def test_the_platforms_threshold_decides(pool: asyncpg.Pool) -> None:
    lines = (await campaign_health(pool, "spring", spam_threshold=0.95)).numbers
    assert next(line for line in lines if line.number == FLAGGED).out is None


async def test_names_that_do_not_exist(pool: asyncpg.Pool) -> None:
    with pytest.raises(NotFound, match="no campaign named 'sprng'"):
        await campaign_health(pool, "sprng")
    with pytest.raises(NotFound, match="no number 'n77'"):
        await number_health(pool, "n77")
    with pytest.raises(NotFound, match="no number …77"):
        await number_health(pool, "+12025550177")
    with pytest.raises(BadInput, match="number: "):
        await number_health(pool, "+12")


# --- In trouble ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def troubled(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A campaign of three numbers whose history the test writes."""
    async with applied(database_url) as opened:
        yield opened


async def remember(pool: asyncpg.Pool, number: str, attempts: int, answered: int, y: float, e: float) -> None:
    """The number's statistics as of now."""
    await pool.execute(
        "insert into member_stats (campaign, number, attempts, answered, y, e, yf, ef, at) "
        "values ('spring', $1, $2, $3, $4, $5, $6, $7, now())",
        number, attempts, answered, y, e, y / 10, e / 10,
    )  # fmt: skip


async def ended_today(pool: asyncpg.Pool, number: str, calls: int, answered: int) -> None:
    """So many finished calls of the last hour."""
    await pool.execute(
        "insert into outcomes (tenant, attempt_id, campaign, contact, outcome, ended_at, received_at, placement, "
        "connection, number, tier, intent_at, counted, decision) "
        "select 'acme', gen_random_uuid(), 'spring', '+1', case when i <= $3 then 'answered_human' else 'no_answer' end, "
        "now() - interval '1 hour', now(), gen_random_uuid(), 'line', $1, 'pool', now() - interval '1 hour', true, '{}' "
        "from generate_series(1, $2) i",
        number, calls, answered,
    )  # fmt: skip


async def line_of(pool: asyncpg.Pool, number: str) -> MemberLine:
    return next(line for line in (await campaign_health(pool, "spring")).numbers if line.number == number)


async def codes(pool: asyncpg.Pool) -> list[tuple[HintCode, str | None]]:
    return [(hint.code, hint.number) for hint in (await campaign_health(pool, "spring")).hints]


async def test_a_number_behind_its_pool_rests_and_is_the_candidate_for_replacement(troubled: asyncpg.Pool) -> None:
    for number, y in (("n1", 40.0), ("n2", 41.0), ("n3", 10.0)):
        await remember(troubled, number, 800, int(y) * 2, y, 40.0)
    assert (await line_of(troubled, "n3")).status is NumberStatus.RESTING
    assert await codes(troubled) == [(HintCode.NUMBER_FAR_BEHIND, "n3")]


async def test_all_numbers_degrading_together_points_at_the_audience(troubled: asyncpg.Pool) -> None:
    for number in ("n1", "n2", "n3"):
        await remember(troubled, number, 1_000, 150, 40.0, 40.0)
        await ended_today(troubled, number, 100, 3)
    health = await campaign_health(troubled, "spring")
    assert [hint.code for hint in health.hints] == [HintCode.POOL_DEGRADING]
    assert (health.last_day.attempts, health.last_day.answered) == (300, 9)
    assert (health.before.attempts, health.before.answered) == (2_700, 441)


async def test_a_single_eligible_number_and_volume_above_the_budget(troubled: asyncpg.Pool) -> None:
    await troubled.execute("update numbers set paused = number <> 'n1'")
    await troubled.execute(
        "insert into number_volume (number, hour, dials) values ('n1', date_trunc('hour', now()), 200)"
    )
    assert await codes(troubled) == [(HintCode.FEW_NUMBERS, None), (HintCode.VOLUME_ABOVE_BUDGET, None)]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ("update numbers set state = 'inactive'", NumberStatus.INACTIVE, "inactive"),
        ("update numbers set state = 'released'", NumberStatus.RELEASED, "given back"),
        ("update members set paused = true", NumberStatus.PAUSED, "paused in this pool"),
        (
            "insert into number_health (number, carrier_rejected_at) values ('n1', now())",
            NumberStatus.CARRIER_REJECTED,
            "refused this caller ID",
        ),
        (
            "insert into number_health (number, failures, failing_since, probe_after) values ('n1', 6, now(), '2099-01-01')",
            NumberStatus.FAILING,
            "6 failures in a row",
        ),
        (
            "insert into number_health (number, own_score, own_score_at) values ('n1', 0.75, now())",
            NumberStatus.FLAGGED,
            "0.75 by contacts that blocked its calls",
        ),
        (
            "insert into number_volume (number, hour, dials) values ('n1', date_trunc('hour', now()), 80)",
            NumberStatus.WARMING_UP,
            None,
        ),
    ],
)
async def test_every_status_comes_with_its_reason(
    troubled: asyncpg.Pool, change: str, status: NumberStatus, words: str | None
) -> None:
    await troubled.execute(change)
    line = await line_of(troubled, "n1")
    assert line.status is status
    assert (words is None and line.because is None) or (words or "") in (line.because or "")
    assert (await number_health(troubled, "n1")).campaigns == (line,)


async def test_a_daily_cap_and_a_budget_are_told_apart(troubled: asyncpg.Pool) -> None:
    await troubled.execute("update numbers set settings = '{\"max_calls_24h\": 50}' where number = 'n1'")
    await remember(troubled, "n2", 100, 15, 10.0, 10.0)
    for number in ("n1", "n2"):
        await troubled.execute(
            "insert into number_volume (number, hour, dials) values ($1, date_trunc('hour', now()), 80)", number
        )
    capped, tired = await line_of(troubled, "n1"), await line_of(troubled, "n2")
    assert (capped.status, capped.because) == (NumberStatus.DAILY_CAP, "80 calls in 24 h, its max_calls_24h is 50")
    assert (tired.status, tired.because) == (NumberStatus.OVER_BUDGET, None)


async def test_a_large_pool_is_told_page_by_page_and_judged_as_a_whole(pool: asyncpg.Pool) -> None:
    whole = await campaign_health(pool, "spring")
    first = await campaign_health(pool, "spring", limit=2)
    assert [one.number for one in first.numbers] == ["n1", "n2"]
    assert (first.pool_size, first.next_after) == (5, "n2")
    rest = await campaign_health(pool, "spring", limit=3, after="n2")
    assert [one.number for one in (*first.numbers, *rest.numbers)] == [one.number for one in whole.numbers]
    assert rest.next_after is None
    assert {first.last_day, rest.last_day} == {whole.last_day}
    assert first.hints == whole.hints
    flagged = await campaign_health(pool, "spring", find="FLAGGED")
    assert [one.number for one in flagged.numbers] == [FLAGGED]
    assert (flagged.pool_size, flagged.next_after) == (5, None)
