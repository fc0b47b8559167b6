"""The promises (docs/explanation/delivery-guarantees.md), checked from what the carrier, the broker and the database
wrote down themselves. Used by the crash points, the fault suite and `make chaos` alike: one judge for all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from outdial.postgres import statements
from outdial.rules.ids import CampaignId, NumberId, TenantId
from outdial.rules.outcome import Outcome, answer_for_rate, is_reached
from outdial.rules.policy import CampaignPolicy

RECOVER = statements.load("recover")
ENDING_EVENTS = {f"call_attempt.{kind}.v1" for kind in ("ended", "rejected", "expired")}
CORRECTION = "call_attempt.corrected.v1"
POLICY = CampaignPolicy(CampaignId("spring"), TenantId("acme"), "", NumberId("n1"))
"""What the tests' one campaign goes by: the defaults."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Three witnesses and what they were asked to do. `published`: attempts whose publishing the broker confirmed."""

    published: Sequence[str]
    tally: Mapping[str, Any]
    calls: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    left_on_queues: Mapping[str, int] = field(default_factory=dict)


async def judge(evidence: Evidence, pool: asyncpg.Pool) -> list[str]:
    """What was broken, in words; empty = every promise was kept. To be asked when all is over."""
    outcomes = await pool.fetch("select * from outcomes")
    return [
        *_calls_at_the_carrier(evidence),
        *await _nothing_lost(evidence, pool),
        *_one_outcome_each(outcomes),
        *_outcomes_say_what_the_carrier_says(evidence, outcomes),
        *_events(evidence, outcomes),
        *await _slots(pool),
        *await _answer_rates(pool, outcomes),
        *await _stickies(pool, outcomes),
        *await _nothing_left(evidence, pool),
    ]


def _calls_at_the_carrier(evidence: Evidence) -> Iterable[str]:
    for violation in evidence.tally["violations"]:
        yield f"carrier: {violation['kind']}: {violation['detail']}"
    known = set(evidence.published)
    for attempt, calls in Counter(call["attempt"] for call in evidence.calls).items():
        if calls > 1:
            yield f"attempt {attempt} was called {calls} times"
        if attempt not in known:
            yield f"a call for attempt {attempt}, which nobody published"


async def _nothing_lost(evidence: Evidence, pool: asyncpg.Pool) -> list[str]:
    rows = await pool.fetch("select attempt_id, array_agg(state) as states from attempt_states group by attempt_id")
    places = {str(row["attempt_id"]): row["states"] for row in rows}
    stored = {str(row["attempt_id"]) for row in await pool.fetch("select attempt_id from attempts")}
    broken = [
        f"attempt {one} was confirmed by the broker and is lost" for one in evidence.published if one not in stored
    ]
    for one in stored:
        states = places.get(one, [])
        if states != ["ended"]:
            broken.append(f"attempt {one} is {' and '.join(states) or 'nowhere'}")
    return broken


def _one_outcome_each(outcomes: Sequence[Any]) -> Iterable[str]:
    for attempt, count in Counter(row["attempt_id"] for row in outcomes).items():
        if count > 1:
            yield f"attempt {attempt} has {count} outcomes"
    for placement, count in Counter(row["placement"] for row in outcomes if row["placement"] is not None).items():
        if count > 1:
            yield f"call {placement} ended {count} attempts"


def _outcomes_say_what_the_carrier_says(evidence: Evidence, outcomes: Sequence[Any]) -> Iterable[str]:
    by_attempt = {call["attempt"]: call for call in evidence.calls}
    for row in outcomes:
        call, outcome, attempt = by_attempt.get(str(row["attempt_id"])), row["outcome"], row["attempt_id"]
        answered = outcome.startswith("answered_")
        if call is None:
            if answered:
                yield f"attempt {attempt} is {outcome}, the carrier knows of no call"
        elif outcome in (Outcome.AMBIGUOUS, Outcome.UNKNOWN):
            yield f"attempt {attempt} is {outcome}, the carrier has its call"
        elif answered != (call["answered_at"] is not None):
            yield f"attempt {attempt} is {outcome}, the carrier says {call['ending']}"
        elif row["placement"] != UUID(call["token"]):
            yield f"attempt {attempt} ended by another call than its own"
        elif row["intent_at"] > call["accepted_at"] + 0.05:  # the two clocks are the same machine's
            yield f"attempt {attempt} was called before its intent was committed"


def _events(evidence: Evidence, outcomes: Sequence[Any]) -> Iterable[str]:
    told: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for event in evidence.events:
        if event["type"] in ENDING_EVENTS or event["type"] == CORRECTION:
            told[event["subject"]][event["id"]] = event
    for row in outcomes:
        about = told.pop(str(row["attempt_id"]), {}).values()
        endings = [event for event in about if event["type"] in ENDING_EVENTS]
        if len(endings) != 1:
            yield f"attempt {row['attempt_id']} ended with {len(endings)} distinct events"
        elif (last := max(about, key=lambda event: event["sequence"]))["data"]["outcome"] != row["outcome"]:
            yield f"attempt {row['attempt_id']} is {row['outcome']}, its last event says {last['data']['outcome']}"
    for attempt in told:
        yield f"an event tells the end of attempt {attempt}, which has not ended"


async def _slots(pool: asyncpg.Pool) -> list[str]:
    drift = await pool.fetch(RECOVER["recount"])
    broken = [f"{row['kind']} {row['id']}: {row['in_use']} slots counted, {row['calls']} calls" for row in drift]
    held = await pool.fetchval("select coalesce(sum(in_use), 0) from limits")
    return [*broken, *([f"{held} slots are held by nobody's call"] if held else [])]


async def _answer_rates(pool: asyncpg.Pool, outcomes: Sequence[Any]) -> list[str]:
    """The counters are the fold of the outcomes, whatever was replayed."""
    counted, answered = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in outcomes:
        said = answer_for_rate(Outcome(row["outcome"]), POLICY) if row["counted"] else None
        if said is not None:
            counted[row["campaign"], row["number"]] += 1
            answered[row["campaign"], row["number"]] += said
    kept = {(row["campaign"], row["number"]): row for row in await pool.fetch("select * from member_stats")}
    broken = []
    for key in counted.keys() | kept.keys():
        have = (kept[key]["attempts"], kept[key]["answered"]) if key in kept else (0, 0)
        if have != (counted[key], answered[key]):
            broken.append(f"{'/'.join(key)}: counters {have}, the outcomes say {(counted[key], answered[key])}")
    return broken


async def _stickies(pool: asyncpg.Pool, outcomes: Sequence[Any]) -> list[str]:
    """Bound by a call that reached the contact from that number, and by nothing else."""
    by_name = {f"attempt {row['attempt_id']}": row for row in outcomes}
    broken = []
    for row in await pool.fetch("select * from sticky"):
        by = by_name.get(row["bound_by"])
        if by is None or not is_reached(Outcome(by["outcome"]), POLICY):
            broken.append(f"a sticky assignment by {row['bound_by']}, which did not reach anybody")
        elif (by["contact"], by["number"], by["campaign"]) != (row["contact"], row["number"], row["campaign"]):
            broken.append(f"a sticky assignment that is not what {row['bound_by']} did")
    return broken


async def _nothing_left(evidence: Evidence, pool: asyncpg.Pool) -> list[str]:
    broken = [f"{count} messages left on {queue}" for queue, count in evidence.left_on_queues.items()]
    left = {what: await pool.fetchval(f"select count(*) from {what}") for what in ("outbox", "dead_letters")}
    broken += [f"{count} rows left in {what}" for what, count in left.items() if count]
    if count := await pool.fetchval("select coalesce(sum(attempts), 0) from waiting_counts"):
        broken.append(f"{count} attempts counted as waiting, none is")
    return broken
