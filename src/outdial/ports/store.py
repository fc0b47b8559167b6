"""The store: what the story reads and writes, in whole transactions.

`TurnTransaction` is the hot path. Its reads lock in the one order (claimed rows skip what is locked, then limits by
kind and id, then calls by key), its one write applies what the rules decided. Nothing is decided in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from outdial.ports.messages import OutgoingEvent
from outdial.rules.attempt import HealthReport
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import CallFacts
from outdial.rules.capacity import Limit, LimitKey, Slots
from outdial.rules.ids import E164, AttemptKey, CampaignId, NumberId, Placement, TenantId
from outdial.rules.number_health import NumberHealth
from outdial.rules.outcome import Outcome
from outdial.rules.rotation import BaselineSums, MemberStats
from outdial.rules.sticky import Assignment

ANY_LINE = ""
"""The line of attempts that any connection of their pool may serve; the other lines bear a connection's name."""


class Line(NamedTuple):
    """A line of a campaign's runnable attempts."""

    campaign: CampaignId
    line: str


class LineAsk(NamedTuple):
    """How many attempts a turn wants from a line."""

    campaign: CampaignId
    line: str
    at_most: int


# --- Intake --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """A request as it is taken in. `ended`: (outcome, reason) of one that is refused at the door, else None."""

    key: AttemptKey
    campaign: CampaignId
    contact: E164
    request: Mapping[str, Any]
    body_hash: bytes
    received_at: float
    urgency: int
    attempt_no: int | None
    due_at: float
    not_after: float
    blocker: Blocker
    look_at: float
    ended: tuple[str, str] | None = None
    event: OutgoingEvent | None = None

    @property
    def sleeps(self) -> bool:
        """Whether it is not runnable yet."""
        return self.blocker is not Blocker.IN_LINE


class TakenIn(StrEnum):
    """What became of a new attempt."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    CONFLICTING = "conflicting"
    """Known id, different body: the first one stands."""
    CANCELED = "canceled"
    """Stored, but its cancel came first: a turn ends it."""


# --- Plan ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WaitingAttempt:
    """A row of the waiting room with its request, locked by the turn that claimed it. Times in Unix seconds."""

    key: AttemptKey
    campaign: CampaignId
    contact: E164
    line: str | None
    urgency: int
    due_at: float
    not_after: float
    blocker: Blocker
    blocked_since: float | None
    spilled: int
    sticky_waited: bool
    excluded: frozenset[NumberId]
    picks: int
    attempt_no: int | None
    received_at: float
    request: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What a fresh look under the lock says about the claimed attempts and their contacts."""

    assignments: Mapping[tuple[CampaignId, E164], Assignment]
    in_call: frozenset[tuple[TenantId, E164]]
    suppressed: frozenset[tuple[TenantId, E164]]
    canceled: frozenset[AttemptKey]
    called_before: frozenset[AttemptKey]


@dataclass(frozen=True, slots=True)
class Intent:
    """A committed intent to dial: the call's row, and what placing needs of it. Times in Unix seconds."""

    placement: Placement
    attempt: WaitingAttempt
    slots: Slots
    number: NumberId
    from_number: E164
    intent_at: float
    place_at: float
    deadline: float
    next_check_at: float
    counted: bool
    h: float
    r: float
    baseline_class: str
    sticky_epoch: int
    decision: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Parked:
    """An attempt that goes on waiting: where, why, and when it is looked at again (never later than `not_after`)."""

    key: AttemptKey
    line: str | None
    blocker: Blocker
    look_at: float
    next_eligible_at: float | None
    blocked_since: float | None
    spilled: int
    sticky_waited: bool


# --- Settle --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """What never changes about a call, enough to lock it in order."""

    key: AttemptKey
    placement: Placement
    contact: E164
    slots: Slots
    number: NumberId


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call's row, locked, with the request of its attempt."""

    identity: CallIdentity
    facts: CallFacts
    intent_at: float
    place_at: float
    deadline: float
    counted: bool
    h: float
    r: float
    baseline_class: str
    sticky_epoch: int
    cancel_requested: bool
    decision: Mapping[str, Any] = field(repr=False, hash=False)
    carry: Mapping[str, Any] = field(repr=False, hash=False)
    request: Mapping[str, Any] = field(repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class EndedAttempt:
    """A row of `outcomes`. `call` None = it ended without ever having one; then `waiting` says what it was."""

    key: AttemptKey
    campaign: CampaignId
    contact: E164
    outcome: str
    reason: str
    ended_at: float
    received_at: float
    call: OpenCall | None = None
    facts: CallFacts | None = None


@dataclass(frozen=True, slots=True)
class PastCall:
    """A settled call that late news may annotate or correct."""

    call: OpenCall
    outcome: str
    ended_at: float
    corrections: int


class BaselineKey(NamedTuple):
    """One baseline of a pool: contact country ('' = unknown) and first attempt or retry."""

    campaign: CampaignId
    country: str
    klass: str


class MemberKey(NamedTuple):
    """A number's membership in a campaign's pool."""

    campaign: CampaignId
    number: NumberId


@dataclass(frozen=True, slots=True)
class Statistics:
    """The rows that settling folds into; a missing key = nothing seen yet."""

    members: Mapping[MemberKey, MemberStats]
    baselines: Mapping[BaselineKey, BaselineSums]
    health: Mapping[NumberId, NumberHealth]
    assignments: Mapping[tuple[CampaignId, E164], Assignment]
    memberships: Mapping[MemberKey, float]
    """Member -> when it was added, Unix seconds: only these may be bound to."""
    spam_contacts: Mapping[NumberId, frozenset[E164]]
    """Contacts that blocked the number as spam within the last 24 h."""
    others_worked: Mapping[NumberId, float]
    """When a carrier last connected a call from another number of the same connection."""


@dataclass(slots=True)
class TurnChanges:
    """All that one turn writes. Filled by settle and plan, applied in one go; empty parts cost no statement."""

    limits: Mapping[LimitKey, Limit] = field(default_factory=dict)
    updated_calls: list[tuple[CallIdentity, CallFacts]] = field(default_factory=list)
    ended: list[EndedAttempt] = field(default_factory=list)
    given_back: list[tuple[OpenCall, Parked, frozenset[NumberId], int]] = field(default_factory=list)
    """The call, where its attempt waits now, the numbers excluded for it, its picks so far."""
    intents: list[Intent] = field(default_factory=list)
    parked: list[tuple[CampaignId, Parked]] = field(default_factory=list)
    ended_waiting: list[AttemptKey] = field(default_factory=list)
    """Attempts that leave the waiting room without a call; their rows are in `ended`."""
    pictures: dict[str, tuple[CampaignId, Mapping[str, Any]]] = field(default_factory=dict)
    members: dict[MemberKey, MemberStats] = field(default_factory=dict)
    baselines: dict[BaselineKey, BaselineSums] = field(default_factory=dict)
    health: dict[NumberId, NumberHealth] = field(default_factory=dict)
    spam_signals: list[tuple[NumberId, E164]] = field(default_factory=list)
    assignments: dict[tuple[CampaignId, E164], Assignment] = field(default_factory=dict)
    corrected: list[tuple[PastCall, CallFacts, str]] = field(default_factory=list)
    eligibility_changed: bool = False
    """A number's health changed so that it joins or leaves the draw: every replica must see it before its next pick."""
    events: list[OutgoingEvent] = field(default_factory=list)


class TurnTransaction(Protocol):
    """One open transaction of a turn, used from top to bottom."""

    async def claim(self, asks: Sequence[LineAsk], now: float) -> Sequence[WaitingAttempt]:
        """Lock up to `at_most` attempts of each line, most urgent first, skipping what another turn holds."""

    async def claim_due(self, now: float, at_most: int) -> Sequence[WaitingAttempt]:
        """Lock attempts whose time to be looked at has come: sleepers to wake, and those past `not_after`."""

    async def claim_canceled(self, keys: Sequence[AttemptKey], now: float) -> Sequence[WaitingAttempt]:
        """Lock those of the attempts that are waiting; of the others, calls not yet answered are marked for hanging
        up, and ids that nobody knows are remembered."""

    async def lock(self, keys: Sequence[LimitKey]) -> Mapping[LimitKey, Limit]:
        """Lock limits rows in lock order and return them; a key without a row is left out."""

    async def open_calls(self, identities: Sequence[CallIdentity]) -> Mapping[Placement, OpenCall]:
        """Lock those calls that are still open, by key."""

    async def catalogue_version(self) -> int:
        """The catalogue's version under the lock: picks from an older snapshot must not be made."""

    async def contact_facts(self, attempts: Sequence[WaitingAttempt], now: float) -> ContactFacts:
        """A fresh look, after the lock, at everything that forbids or steers dialling these contacts."""

    async def volumes(self, numbers: Sequence[NumberId], now: float) -> Mapping[NumberId, int]:
        """Dials of these numbers within 24 h, exact under their tenant's lock (for numbers with a daily cap)."""

    async def statistics(
        self, calls: Sequence[tuple[OpenCall, Outcome]], countries: Mapping[Placement, str], now: float
    ) -> Statistics:
        """The rows that settling these calls folds into. `countries`: the contact's country per call."""

    async def past_calls(self, placements: Sequence[Placement]) -> Mapping[Placement, PastCall]:
        """Settled calls by their token, for late news."""

    async def write(self, changes: TurnChanges, now: float) -> Sequence[CampaignId]:
        """Apply everything; returns campaigns of attempts that this woke. Raises `Permanent` (and the turn is undone)
        if a row that was locked is not there any more."""


# --- The store -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DueCheck:
    """A call that somebody must ask the carrier about, handed to one replica at a time."""

    identity: CallIdentity
    facts: CallFacts
    intent_at: float
    deadline: float
    from_number: E164
    cancel_requested: bool


@dataclass(frozen=True, slots=True)
class Doors:
    """What the database says at the door of one request."""

    tenant_known: bool
    campaign_known: bool
    suppressed: bool


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that could not be understood, kept whole."""

    queue: str
    routing_key: str
    message_id: str | None
    body: bytes
    headers: Mapping[str, Any]
    reason: str
    field: str
    received_at: float


class Store(Protocol):
    """PostgreSQL, as the story sees it."""

    def turn(self) -> AbstractAsyncContextManager[TurnTransaction]:
        """Open a turn's transaction; committed when the block ends well, undone otherwise."""

    async def take_in(self, attempts: Sequence[NewAttempt]) -> Sequence[TakenIn]:
        """Store new attempts in one transaction, in the order given. Known ids change nothing."""

    async def lines(self) -> Sequence[Line]:
        """All lines with runnable attempts."""

    async def limits(self) -> Mapping[LimitKey, Limit]:
        """All limits as they stand, unlocked: hints for claiming."""

    async def identify(self, placements: Sequence[Placement]) -> Mapping[Placement, CallIdentity]:
        """Calls by their token, open or past."""

    async def remove_events(self, event_ids: Sequence[str]) -> None:
        """Take confirmed events out of the outbox."""

    async def leftover_events(self, now: float, again_at: float, at_most: int) -> Sequence[OutgoingEvent]:
        """Claim events that nobody confirmed for a while: their replica died or the broker was away."""

    async def due_checks(self, now: float, ask_again_at: float, at_most: int) -> Sequence[DueCheck]:
        """Claim calls whose check is due; `ask_again_at` is when they are due again if nothing is learnt."""

    async def doors(self, asks: Sequence[tuple[TenantId, CampaignId, E164]]) -> Sequence[Doors]:
        """What the database (not a snapshot) knows of tenants, campaigns and contacts, in the order asked."""

    async def keep_dead_letters(self, letters: Sequence[DeadLetter]) -> None:
        """Store messages that could not be understood."""

    async def report_health(self, reports: Sequence[HealthReport], now: float) -> int:
        """Store what reputation services say of numbers; returns how many concern numbers that nobody owns."""

    async def heartbeat(self, now: float) -> None:
        """This replica is alive."""
