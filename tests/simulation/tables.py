"""The model's tables, and what must hold of them after every commit, whoever wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from outdial.ports.messages import OutgoingEvent
from outdial.ports.records import BaselineKey, EndedAttempt, MemberKey, OpenCall, WaitingAttempt
from outdial.ports.store import NewAttempt
from outdial.rules.capacity import Limit, LimitKey
from outdial.rules.catalogue_rows import EMPTY_CATALOGUE, CatalogueRows
from outdial.rules.ids import E164, AttemptKey, CampaignId, NumberId, Placement, TenantId
from outdial.rules.number_health import NumberHealth
from outdial.rules.rotation import BaselineSums, MemberStats
from outdial.rules.sticky import Assignment
from tests.simulation.recorder import Recorder


@dataclass(slots=True)
class Seat:
    """A row of the waiting room."""

    attempt: WaitingAttempt
    look_at: float
    next_eligible_at: float | None


@dataclass(slots=True)
class CallRow:
    """A row of `calls`. `number_e164` is what a join with the numbers gives."""

    call: OpenCall
    worker: UUID


@dataclass(slots=True)
class OutcomeRow:
    """A row of `outcomes`."""

    ended: EndedAttempt
    outcome: str
    corrections: int = 0


@dataclass(slots=True)
class OutboxRow:
    """An event that is not yet confirmed."""

    event: OutgoingEvent
    retry_at: float


@dataclass(slots=True)
class Tables:
    """Committed state. The turn's and intake's transactions write through `store_model.py` and `turn_model.py` only."""

    book: Recorder
    catalogue: CatalogueRows = EMPTY_CATALOGUE
    attempts: dict[AttemptKey, NewAttempt] = field(default_factory=dict)
    waiting: dict[AttemptKey, Seat] = field(default_factory=dict)
    calls: dict[AttemptKey, CallRow] = field(default_factory=dict)
    outcomes: dict[AttemptKey, OutcomeRow] = field(default_factory=dict)
    keys: dict[Placement, AttemptKey] = field(default_factory=dict)
    """The attempt of every placement there ever was."""
    limits: dict[LimitKey, Limit] = field(default_factory=dict)
    cancellations: dict[AttemptKey, float] = field(default_factory=dict)
    suppressed: set[tuple[TenantId, E164]] = field(default_factory=set)
    sticky: dict[tuple[CampaignId, E164], Assignment] = field(default_factory=dict)
    members: dict[MemberKey, MemberStats] = field(default_factory=dict)
    baselines: dict[BaselineKey, BaselineSums] = field(default_factory=dict)
    health: dict[NumberId, NumberHealth] = field(default_factory=dict)
    spam_signals: dict[tuple[NumberId, E164], float] = field(default_factory=dict)
    spam_scores: dict[NumberId, float] = field(default_factory=dict)
    volumes: dict[tuple[NumberId, float], int] = field(default_factory=dict)
    outbox: dict[str, OutboxRow] = field(default_factory=dict)
    outbox_ever: set[str] = field(default_factory=set)
    dead_letters: int = 0
    numbers_out: set[NumberId] = field(default_factory=set)
    """Numbers that an operator took out, flagged or removed at some time of the run, or that carriers made trouble with."""
    slots: Counter[LimitKey] = field(default_factory=Counter)
    """Counted from the calls themselves: what `in_use` must be."""

    def open_call(self, call: OpenCall, worker: UUID) -> None:
        """Insert a call; counted."""
        self.calls[call.identity.key] = CallRow(call, worker)
        self.keys[call.identity.placement] = call.identity.key
        self.slots.update(call.identity.slots.limit_keys())

    def close_call(self, key: AttemptKey) -> None:
        """Delete a call; counted."""
        row = self.calls.pop(key, None)
        if row is not None:
            self.slots.subtract(row.call.identity.slots.limit_keys())

    def check(self, attempts: Iterable[AttemptKey], limits: Iterable[LimitKey], started: Iterable[LimitKey]) -> None:
        """After a commit that touched these; `started`: the limits of which slots were taken."""
        for key in attempts:
            places = [name for name in ("waiting", "calls", "outcomes") if key in getattr(self, name)]
            if key not in self.attempts or len(places) != 1:
                self.book.violate(f"attempt {key.attempt_id} lies in {places or 'no table'}")
        for limit_key in limits:
            limit = self.limits.get(limit_key)
            if limit is not None and limit.in_use != self.slots[limit_key]:
                counted = self.slots[limit_key]
                self.book.violate(f"{limit_key.kind} {limit_key.id}: in_use {limit.in_use}, calls {counted}")
        for limit_key in started:
            most = self.limits[limit_key].max_calls
            if most is not None and self.slots[limit_key] > most:
                self.book.violate(f"{limit_key.kind} {limit_key.id}: {self.slots[limit_key]} calls, limit {most}")

    def add_events(self, events: Iterable[OutgoingEvent], retry_at: float) -> None:
        """Insert into the outbox; a known id adds nothing."""
        for event in events:
            if event.event_id not in self.outbox:
                self.outbox[event.event_id] = OutboxRow(event, retry_at)
                self.outbox_ever.add(event.event_id)

    def bump(self) -> None:
        """A number's eligibility changed."""
        self.catalogue = replace(self.catalogue, version=self.catalogue.version + 1)

    def update_limits(self, limits: Mapping[LimitKey, Limit]) -> None:
        """The counters of locked rows; what an operator sets (limit, pause, rate) is not theirs to write."""
        for key, new in limits.items():
            if (row := self.limits.get(key)) is not None:
                self.limits[key] = replace(
                    new, max_calls=row.max_calls, paused=row.paused, calls_per_second=row.calls_per_second
                )

    def dials_since(self, since: float) -> dict[NumberId, int]:
        """Dials by number in hours after `since`."""
        first = since - since % 3_600
        dials: Counter[NumberId] = Counter()
        for (number, hour), count in self.volumes.items():
            if hour > first:
                dials[number] += count
        return dict(dials)
