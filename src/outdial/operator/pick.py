"""Which number would call a contact now: the next pick, tried with the code of the daemon and changing nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from outdial.errors import BadInput
from outdial.operator.hints import HINTS
from outdial.operator.snapshot import SPAM_THRESHOLD, Snapshot, one_moment, read_snapshot
from outdial.ports.catalogue import PoolView
from outdial.postgres.reports import explain as reports
from outdial.redaction import mask_number
from outdial.rules.blocker import Blocker
from outdial.rules.calling_hours import Closed, check
from outdial.rules.capacity import Ledger, Limit, LimitKey, LimitKind
from outdial.rules.circuit import CircuitState
from outdial.rules.destination import refuse_destination
from outdial.rules.gates import Gates, look
from outdial.rules.ids import E164
from outdial.rules.phone import geography, normalize
from outdial.rules.waits import AttemptFacts

if TYPE_CHECKING:
    import asyncpg

AHEAD_S = 0.25
"""How far ahead the daemon commits starts (dispatch.intent_ahead_ms)."""
SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Something before the choice of a number that forbids the call. `code`: a blocker, or why it would be refused."""

    code: str
    says: str
    until: float | None = None
    is_final: bool = False
    """It would not wait but end as rejected."""


@dataclass(frozen=True, slots=True)
class ConnectionNow:
    """A connection of the pool. `why_busy`: paused, carrier_backoff, circuit_open, at_capacity, pacing; None = has room."""

    connection: str
    in_use: int
    max_calls: int | None
    why_busy: str | None


@dataclass(frozen=True, slots=True)
class Trial:
    """The next pick for a contact. `would`: call, wait or refuse; `blocker`: the first thing in its way.

    `assumed_answers`: the campaign has no answer instruction at all, so the job is taken to bring one for each of these.
    """

    tenant: str
    campaign: str
    contact: str
    contact_masked: str
    at: float
    seed: int
    would: str
    blocker: str | None
    hindrances: tuple[Hindrance, ...]
    gates: Gates
    room: tuple[ConnectionNow, ...]
    assumed_answers: tuple[str, ...] = ()


async def try_pick(
    pool: asyncpg.Pool,
    campaign: str,
    to: str,
    *,
    seed: int | None = None,
    at: float | None = None,
    answers: Iterable[str] | None = None,
    spam_threshold: float = SPAM_THRESHOLD,
) -> Trial:
    """Try the next pick. `at`: as of then (Unix seconds); `answers`: providers that the job itself has an
    instruction for; None = what it must have for a campaign without any. Raises `NotFound` and `BadInput`.
    """
    contact = normalize(to, field="to")
    if seed is not None and not 0 <= seed < SEEDS:
        raise BadInput("seed", f"{seed} is not between 0 and {SEEDS - 1}", "leave it out for a new one")
    chosen_seed = seed if seed is not None else Random().randrange(SEEDS)
    async with one_moment(pool) as connection:
        snapshot = await read_snapshot(connection, spam_threshold=spam_threshold, at=at, of=[campaign])
        view = snapshot.view(campaign)
        assumed = view.index.providers if answers is None and not view.policy.answer else frozenset()
        facts = AttemptFacts(geography(contact), answers=assumed | frozenset(answers or ()))
        tried = await trial(connection, snapshot, campaign, contact, facts, chosen_seed)
    return replace(tried, assumed_answers=tuple(sorted(assumed)))


async def trial(
    connection: Any, snapshot: Snapshot, campaign: str, contact: E164, facts: AttemptFacts, seed: int
) -> Trial:
    """As `try_pick`, on what was read already. Raises `NotFound`."""
    view = snapshot.view(campaign)
    tenant = view.policy.tenant
    stands = await reports.contact_now(connection, tenant, campaign, contact)
    limits = await reports.limits(connection, _keys(view))
    ledger = Ledger(limits, snapshot.at, AHEAD_S)
    gates = look(view.index, facts, stands.assignment, ledger.busy_connections(), snapshot.at, Random(seed).random())
    hindrances = tuple(_hindrances(snapshot, view, contact, stands, limits))
    first = hindrances[0].code if hindrances else gates.blocker
    return Trial(
        tenant=tenant,
        campaign=campaign,
        contact=contact,
        contact_masked=mask_number(contact),
        at=snapshot.at,
        seed=seed,
        would="refuse" if any(one.is_final for one in hindrances) else "call" if first is None else "wait",
        blocker=first,
        hindrances=hindrances,
        gates=gates,
        room=tuple(_room(key.id, limit, snapshot.at) for key, limit in sorted(limits.items()) if _is_line(key)),
    )


def _keys(view: PoolView) -> list[LimitKey]:
    own = [LimitKey(LimitKind.TENANT, view.policy.tenant), LimitKey(LimitKind.CAMPAIGN, view.policy.campaign)]
    return own + [LimitKey(LimitKind.CONNECTION, connection) for connection in view.connections]


def _is_line(key: LimitKey) -> bool:
    return key.kind is LimitKind.CONNECTION


def _hindrances(
    snapshot: Snapshot,
    view: PoolView,
    contact: E164,
    stands: reports.ContactNow,
    limits: Mapping[LimitKey, Limit],
) -> Iterable[Hindrance]:
    """What intake and planning look at before they pick a number, final ones first."""
    place, policy = geography(contact), view.policy
    tenant = snapshot.pools.tenant(policy.tenant)
    refused = refuse_destination(contact, place, tenant.allowed_countries, tenant.allowed_kinds) if tenant else None
    if refused is not None:
        yield Hindrance(refused.value, "The tenant may not call there; see its allowed_destinations.", is_final=True)
    if stands.suppressed:
        yield Hindrance("suppressed", "The contact is on the tenant's do-not-call list.", is_final=True)
    for kind, name, paused, full in (
        (LimitKind.TENANT, policy.tenant, Blocker.TENANT_PAUSED, Blocker.TENANT_AT_CAPACITY),
        (LimitKind.CAMPAIGN, policy.campaign, Blocker.CAMPAIGN_PAUSED, Blocker.CAMPAIGN_AT_CAPACITY),
    ):
        limit = limits.get(LimitKey(kind, name), Limit(max_calls=0))
        if limit.left() < 1:
            yield _by(paused if limit.paused else full)
    if stands.in_call is not None:
        yield _by(Blocker.CONTACT_IN_CALL)
    hours = check(place.zones, policy.calling_hours, policy.fallback_time_zone, snapshot.at)
    if isinstance(hours, Closed):
        yield _by(Blocker.OUTSIDE_CALLING_HOURS, hours.next_opening)


def _by(blocker: Blocker, until: float | None = None) -> Hindrance:
    return Hindrance(blocker.value, HINTS[blocker], until)


def _room(connection: str, limit: Limit, now: float) -> ConnectionNow:
    return ConnectionNow(connection, limit.in_use, limit.max_calls, _why_busy(limit, now))


def _why_busy(limit: Limit, now: float) -> str | None:
    if limit.startable(now, AHEAD_S) >= 1:
        return None
    if limit.paused:
        return "paused"
    if limit.backoff_until is not None and now < limit.backoff_until:
        return Blocker.CARRIER_BACKOFF.value
    if limit.circuit.state(now) in (CircuitState.OPEN, CircuitState.PROBING):
        return "circuit_open"
    return "at_capacity" if limit.left() < 1 else Blocker.PACING.value
