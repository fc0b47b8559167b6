"""What the story and the store hand to each other: frozen values, one per row or decision. Times in Unix seconds."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from outdial.ports.messages import OutgoingEvent
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import CallFacts
from outdial.rules.capacity import Limit, LimitKey, Slots
from outdial.rules.ids import E164, AttemptKey, CampaignId, NumberId, Placement, TenantId
from outdial.rules.number_health import NumberHealth
from outdial.rules.rotation import BaselineSums, MemberStats
from outdial.rules.sticky import Assignment
from outdial.rules.waits import NOT_WAITED, Waited, Waits

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


@dataclass(frozen=True, slots=True)
class Locks:
    """The limits that a turn may change: `keys` in any case, the others only if an attempt of their campaign is claimed.
    Whoever locks what it cannot change holds up other replicas."""

    keys: Collection[LimitKey] = ()
    with_campaign: Mapping[CampaignId, Collection[LimitKey]] = field(default_factory=dict)

    def of(self, campaigns: Collection[CampaignId]) -> set[LimitKey]:
        """What is to be locked if attempts of these were claimed."""
        return {*self.keys, *(key for campaign in campaigns for key in self.with_campaign.get(campaign, ()))}


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
    waited: Waited = NOT_WAITED
    canceled: bool = False

    @property
    def waits(self) -> Waits:
        """What bounds its waiting."""
        return Waits(self.blocker, self.blocked_since, self.spilled, self.sticky_waited, self.waited)


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
    waited: Waited = NOT_WAITED


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
    from_number: E164 | None = None
    """The E.164 of `number`; None = the number is gone from the catalogue."""


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


@dataclass(frozen=True, slots=True)
class DueCheck:
    """A call that somebody must ask the carrier about, handed to one replica at a time."""

    identity: CallIdentity
    facts: CallFacts
    intent_at: float
    deadline: float
    from_number: E164
    cancel_requested: bool
    calls_of_others: frozenset[str] = frozenset()
    """Carrier call ids of other attempts to this contact: a search by numbers and time finds them, too."""
