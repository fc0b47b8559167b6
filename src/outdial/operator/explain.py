"""Why an attempt was called from that number, or why it is not called: told from its decision record (SPEC 3.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from outdial.errors import BadInput, NotFound
from outdial.operator.attempts import AttemptLine, line_of
from outdial.operator.hints import HINTS
from outdial.operator.pick import SEEDS, Trial, trial
from outdial.operator.snapshot import SPAM_THRESHOLD, one_moment, read_snapshot
from outdial.operator.true_blockers import read_true_blockers
from outdial.postgres.reports import attempts as lists
from outdial.postgres.reports import explain as reports
from outdial.rules.blocker import Blocker
from outdial.rules.decision import read_assignment, read_attempt, read_busy
from outdial.rules.gates import Gates, look
from outdial.rules.ids import E164, CampaignId, NumberId
from outdial.rules.phone import geography
from outdial.rules.picture_body import read_picture
from outdial.rules.pool_index import PoolIndex
from outdial.rules.replay import replay
from outdial.rules.waits import AttemptFacts, Waited, Waits

if TYPE_CHECKING:
    import asyncpg


@dataclass(frozen=True, slots=True)
class WaitStory:
    """Why it waits. `hint`: what to do about it; `picks`: numbers the carrier refused so far, those are `excluded`;
    `trial`: what the next pick would come to just now, None when the campaign is gone."""

    blocker: str
    hint: str
    line: str | None
    blocked_since: float | None
    next_eligible_at: float | None
    due_at: float
    not_after: float
    excluded: tuple[str, ...]
    picks: int
    trial: Trial | None


@dataclass(frozen=True, slots=True)
class PickStory:
    """How its number was picked. `gates` None = the pool's picture is not kept any more.

    `counted`: the outcome says something about the number; `expected`: the pool's answer rate it is measured against.
    """

    at: float
    number: str
    tier: str
    policy: str
    picture: str
    counted: bool
    expected: float
    index: float
    baseline_class: str
    gates: Gates | None


@dataclass(frozen=True, slots=True)
class CallStory:
    """What the carrier was asked and said. `place_at`, `deadline_at`: only while it is under way."""

    placement: UUID
    connection: str
    carrier_call_id: str | None
    place_at: float | None
    deadline_at: float | None
    cancel_requested: bool
    answered_by: str | None
    provider_status: str | None
    provider_code: str | None


@dataclass(frozen=True, slots=True)
class StickyNow:
    """The contact's assignment as it stands today. `bound_by`: an attempt, or who set it."""

    number: str
    bound_at: float
    expires_at: float | None
    bound_by: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one attempt. `request`: what the producer asked for, but whom to call."""

    attempt: AttemptLine
    request: Mapping[str, Any]
    wait: WaitStory | None
    pick: PickStory | None
    call: CallStory | None
    sticky_now: StickyNow | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """A pick made again from its record alone."""

    attempt_id: UUID
    recorded: str
    replayed: str | None
    same: bool


async def explain(
    pool: asyncpg.Pool, attempt: str, *, tenant: str | None = None, spam_threshold: float = SPAM_THRESHOLD
) -> Explanation:
    """Tell all. `tenant`: needed only if several have an attempt of that id. Raises `BadInput` and `NotFound`."""
    attempt_id = _read_id(attempt)
    async with one_moment(pool) as connection:
        owner = await _owner(connection, attempt_id, tenant)
        request = await reports.request(connection, owner, attempt_id)
        (details,) = await lists.details(connection, owner, [attempt_id])
        line = line_of(details, await read_true_blockers(connection, owner, [details["campaign"]]))
        call = await reports.call(connection, owner, attempt_id)
        stands = await reports.contact_now(connection, owner, line.campaign, line.contact)
        own = stands.assignment
        return Explanation(
            attempt=line,
            request={name: value for name, value in (request or {}).items() if name != "to"},
            wait=await _wait(connection, line, request or {}, spam_threshold) if line.blocker else None,
            pick=await _pick(connection, call) if call is not None else None,
            call=_call(call) if call is not None else None,
            sticky_now=StickyNow(own.number, own.bound_at, own.expires_at, own.bound_by) if own else None,
        )


async def replay_pick(pool: asyncpg.Pool, attempt: str, *, tenant: str | None = None) -> Replayed:
    """Make its pick again from the record and the picture of the pool as it was. Raises `BadInput` and `NotFound`."""
    attempt_id = _read_id(attempt)
    async with one_moment(pool) as connection:
        owner = await _owner(connection, attempt_id, tenant)
        call = await reports.call(connection, owner, attempt_id)
        if call is None:
            raise NotFound(
                f"attempt {attempt_id} has no pick to replay: it was never called (outdial explain says why)"
            )
        body = await reports.picture(connection, call["decision"]["picture"])
    if body is None:
        raise NotFound(f"the picture of the pool that attempt {attempt_id} was picked from is not kept any more")
    number = replay(call["decision"], *read_picture(body))
    return Replayed(attempt_id, call["number"], number, number == call["number"])


def _read_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadInput("attempt", f"{text[:40]!r} is not an attempt id", "outdial attempts lists them") from None


async def _owner(connection: Any, attempt_id: UUID, tenant: str | None) -> str:
    owners = await reports.tenants_of(connection, attempt_id)
    if tenant is not None:
        owners = [owner for owner in owners if owner == tenant]
    if not owners:
        where = f" of tenant {tenant!r}" if tenant is not None else ""
        raise NotFound(f"there is no attempt {attempt_id}{where} (outdial attempts lists them; old ones are not kept)")
    if len(owners) > 1:
        raise BadInput("tenant", f"{', '.join(owners)} have an attempt of this id", "say which with --tenant")
    return owners[0]


async def _wait(connection: Any, line: AttemptLine, request: Mapping[str, Any], spam_threshold: float) -> WaitStory:
    row = await reports.wait(connection, line.tenant, line.attempt_id)
    assert row is not None
    assert line.blocker is not None
    snapshot = await read_snapshot(connection, spam_threshold=spam_threshold, of=[line.campaign])
    facts = AttemptFacts(
        contact=geography(E164(line.contact)),
        answers=frozenset(request.get("answer") or ()),
        excluded=frozenset(map(NumberId, row["excluded"])),
        waits=Waits(
            Blocker(row["blocker"]),
            row["blocked_since"],
            row["spilled"],
            row["sticky_waited"],
            Waited(row["sticky_wait_s"], row["tier_wait_s"]),
        ),
    )
    known = CampaignId(line.campaign) in snapshot.rows.campaigns
    seed = Random().randrange(SEEDS)
    return WaitStory(
        blocker=line.blocker,
        hint=HINTS[Blocker(line.blocker)],
        line=row["line"],
        blocked_since=line.blocked_since,
        next_eligible_at=line.next_eligible_at,
        due_at=row["due_at"],
        not_after=row["not_after"],
        excluded=tuple(row["excluded"]),
        picks=row["picks"],
        trial=await trial(connection, snapshot, line.campaign, E164(line.contact), facts, seed) if known else None,
    )


async def _pick(connection: Any, call: Mapping[str, Any]) -> PickStory:
    record = call["decision"]
    body = await reports.picture(connection, record["picture"])
    return PickStory(
        at=float(record["at"]),
        number=call["number"],
        tier=record["tier"],
        policy=record["policy"],
        picture=record["picture"],
        counted=call["counted"],
        expected=call["h"],
        index=call["r"],
        baseline_class=call["baseline_class"],
        gates=_gates(record, body) if body is not None else None,
    )


def _gates(record: Mapping[str, Any], body: Mapping[str, Any]) -> Gates:
    """The pick once more, on the pool as it was."""
    picture, policy = read_picture(body)
    pool = PoolIndex(picture, policy)
    attempt, assignment = read_attempt(record, pool), read_assignment(record)
    return look(pool, attempt, assignment, read_busy(record, pool), float(record["at"]), float(record.get("u", 0.0)))


def _call(row: Mapping[str, Any]) -> CallStory:
    return CallStory(
        placement=row["placement"],
        connection=row["connection"],
        carrier_call_id=row["carrier_call_id"],
        place_at=row["place_at"],
        deadline_at=row["deadline"],
        cancel_requested=row["cancel_requested"],
        answered_by=row["answered_by"],
        provider_status=row["provider_status"],
        provider_code=row["provider_code"],
    )
