"""Statistics through real settling on several replicas at once are those of a plain fold over the order of settlement."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from random import Random

import asyncpg
import pytest

from outdial.dispatch.place import identity_of
from outdial.ports.store import Intent
from outdial.rules.ids import CampaignId, NumberId
from outdial.rules.outcome import Outcome, answer_for_rate
from outdial.rules.phone import geography
from outdial.rules.policy import CampaignPolicy, RotationParams
from outdial.rules.rotation import BaselineSums, MemberStats
from tests.support.clock import FakeClock
from tests.support.turns import SPRING, TENANT, HandReplica, hand_replicas

PARAMS, POLICY = RotationParams(), CampaignPolicy(SPRING, TENANT, "", NumberId("a"))
AUTUMN = CampaignId("autumn")
CONTACTS = [f"+1312555{n:04d}" for n in range(50)] + [f"+44207946{n:04d}" for n in range(20)]
OUTCOMES = [
    *[Outcome.ANSWERED_UNKNOWN] * 3, *[Outcome.NO_ANSWER] * 5, Outcome.ANSWERED_HUMAN, Outcome.REJECTED, Outcome.BUSY,
    Outcome.ANSWERED_MACHINE, Outcome.INVALID_NUMBER, Outcome.UNREACHABLE,
]  # fmt: skip
MORE = "[campaigns.autumn]\ntenant = 'acme'\nprimary = 'b'\npool = ['a', 'b']\ncalling_hours = 'always'\n"


class TickingClock(FakeClock):
    """No two looks at it tell the same time, so that the times of settling tell their order."""

    def now(self) -> float:
        self.jump(1e-4)
        return super().now()


async def _settle(one: HandReplica, batches: Sequence[Sequence[Intent]], rng: Random) -> None:
    for batch in batches:
        reports = [(identity_of(i), said) for i in batch for said in (one.accepted(i), one.final(rng.choice(OUTCOMES)))]
        await one.turn(*reports)


async def _round(replicas: list[HandReplica], rng: Random, attempt_no: int) -> None:
    """Every contact is called once, from one of two campaigns; the calls end on all replicas at the same time."""
    for contact in CONTACTS:
        await replicas[0].wait_in(contact, campaign=rng.choice([SPRING, AUTUMN]), attempt_no=attempt_no)
    intents = [i for turn in await asyncio.gather(*(one.turn() for one in replicas)) for i in turn.intents]
    assert len(intents) == len(CONTACTS)
    rng.shuffle(intents)
    replicas[0].clock.jump(1_800)
    batches = [intents[n : n + 6] for n in range(0, len(intents), 6)]
    await asyncio.gather(*(_settle(one, batches[n :: len(replicas)], rng) for n, one in enumerate(replicas)))


async def test_three_replicas_fold_as_one(database_url: str) -> None:
    async with hand_replicas(database_url, 3, clock=TickingClock(now=time.time() + 1)) as replicas:
        await replicas[0].apply(MORE)
        for attempt_no in (1, 2, 3):
            await _round(replicas, Random(attempt_no), attempt_no)
        pool = replicas[0].pool
        outcomes = await pool.fetch("select * from outcomes order by ended_at, attempt_id")
        members, baselines = _folded(outcomes)
        assert any(row["tier"] == "sticky" for row in outcomes)
        assert {row["baseline_class"] for row in outcomes} == {"first", "retry"}
        for row in await pool.fetch("select * from member_stats"):
            own = members.pop((row["campaign"], row["number"]))
            assert (row["attempts"], row["answered"]) == (own.attempts, own.answered)
            stored = (row["y"], row["e"], row["yf"], row["ef"])
            assert stored == pytest.approx((own.y, own.e, own.yf, own.ef), rel=1e-6)
        for row in await pool.fetch("select * from pool_baseline"):
            line = baselines.pop((row["campaign"], row["country"], row["class"]))
            assert (row["y"], row["x"]) == pytest.approx((line.y, line.x), rel=1e-6)
        assert (members, baselines) == ({}, {})
        await _volume_is_every_call(pool, outcomes)


def _folded(
    outcomes: Sequence[asyncpg.Record],
) -> tuple[dict[tuple[str, str], MemberStats], dict[tuple[str, str, str], BaselineSums]]:
    """The plain fold: one call after the other, in the order in which they were settled."""
    members: dict[tuple[str, str], MemberStats] = {}
    baselines: dict[tuple[str, str, str], BaselineSums] = {}
    for row in outcomes:
        answered, now = answer_for_rate(Outcome(row["outcome"]), POLICY), row["ended_at"]
        if answered is None or not row["counted"]:
            continue
        member = (row["campaign"], row["number"])
        line = (row["campaign"], geography(row["contact"]).country or "", row["baseline_class"])
        members[member] = members.get(member, MemberStats()).observe(answered, row["h"], now, PARAMS)
        baselines[line] = baselines.get(line, BaselineSums()).observe(answered, row["r"], now, PARAMS)
    return members, baselines


async def _volume_is_every_call(pool: asyncpg.Pool, outcomes: Sequence[asyncpg.Record]) -> None:
    """By number and hour, over all campaigns, sticky calls included."""
    hours = Counter((row["number"], row["intent_at"] // 3_600 * 3_600) for row in outcomes)
    rows = await pool.fetch("select number, hour, dials from number_volume")
    assert {(row["number"], row["hour"]): row["dials"] for row in rows} == dict(hours)
    assert len({hour for _, hour in hours}) >= 2


async def test_a_replica_weighs_by_what_another_settled_once_it_reads_anew(database_url: str) -> None:
    async with hand_replicas(database_url, 2) as (one, other):
        await other.turn()
        for n in range(60):
            await one.call(f"+1312555{n:04d}", Outcome.ANSWERED_UNKNOWN if n % 2 else Outcome.NO_ANSWER)
        before = _shares_of(other)
        assert len(set(before.values())) == 1, "as it was read at the start"
        await other.pools.refresh()
        assert len(set(_shares_of(other).values())) > 1


def _shares_of(one: HandReplica) -> dict[NumberId, float]:
    view = one.pools.view(SPRING)
    assert view is not None
    return {member.number: round(member.rotation_weight, 9) for member in view.index.picture.members}
