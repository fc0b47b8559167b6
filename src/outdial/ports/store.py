"""The store: what the story reads and writes, in whole transactions.

`TurnTransaction` is the hot path. Its reads lock in the one order (claimed rows skip what is locked, then limits by
kind and id, then calls by key), its one write applies what the rules decided. Nothing is decided in the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from outdial.ports.arrivals import DeadLetter, Doors, NewAttempt, TakenIn
from outdial.ports.messages import OutgoingEvent
from outdial.ports.records import (
    ANY_LINE,
    BaselineKey,
    CallIdentity,
    ContactFacts,
    DueCheck,
    EndedAttempt,
    Intent,
    Line,
    LineAsk,
    Locks,
    MemberKey,
    OpenCall,
    Parked,
    PastCall,
    Statistics,
    TurnChanges,
    WaitingAttempt,
)
from outdial.rules.attempt import HealthReport
from outdial.rules.capacity import Limit, LimitKey
from outdial.rules.ids import E164, AttemptKey, CampaignId, NumberId, Placement, TenantId
from outdial.rules.outcome import Outcome

__all__ = [
    "ANY_LINE",
    "BaselineKey",
    "CallIdentity",
    "ContactFacts",
    "DeadLetter",
    "Doors",
    "DueCheck",
    "EndedAttempt",
    "Intent",
    "Line",
    "LineAsk",
    "Locks",
    "MemberKey",
    "NewAttempt",
    "OpenCall",
    "Parked",
    "PastCall",
    "Statistics",
    "Store",
    "TakenIn",
    "TurnChanges",
    "TurnTransaction",
    "WaitingAttempt",
]

Claimed = tuple[Sequence[WaitingAttempt], Mapping[LimitKey, Limit]]
"""Attempts and limits that a turn has locked."""


class TurnTransaction(Protocol):
    """One open transaction of a turn, used from top to bottom."""

    async def claim_and_lock(self, asks: Sequence[LineAsk], locks: Locks) -> Claimed:
        """Lock up to `at_most` attempts of each line, most urgent first, skipping what another turn holds; then limits rows
        in lock order. A key without a row is left out."""

    async def lines_left(self, claimed: Mapping[Line, int]) -> Set[Line]:
        """Those of the lines where more waits than was claimed of them, whoever holds it just now."""

    async def claim_due(self, now: float, at_most: int) -> Sequence[WaitingAttempt]:
        """Lock attempts whose time to be looked at has come: sleepers to wake, and those past `not_after`."""

    async def claim_canceled(self, keys: Sequence[AttemptKey]) -> Sequence[WaitingAttempt]:
        """Lock those of the attempts that are waiting, before anything else is locked: this may wait for a turn."""

    async def cancel(self, keys: Sequence[AttemptKey], now: float) -> None:
        """Cancel attempts that were not waiting, under the lock of their tenants: calls not yet answered are to be hung
        up, what waits again meanwhile is to be ended, ids that nobody knows are remembered."""

    async def look(
        self,
        identities: Sequence[CallIdentity],
        countries: Mapping[Placement, str],
        attempts: Sequence[WaitingAttempt],
        claimed: Mapping[Line, int],
        now: float,
    ) -> None:
        """After the locks: read in one go what `catalogue_version`, `open_calls`, `statistics`, `contact_facts` and
        `lines_left` will be asked about these calls, claimed attempts and lines. They answer without it too, a round
        trip each."""

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


class Store(Protocol):
    """PostgreSQL, as the story sees it."""

    def turn(self) -> AbstractAsyncContextManager[TurnTransaction]:
        """Open a turn's transaction; committed when the block ends well, undone otherwise."""

    async def take_in(self, attempts: Sequence[NewAttempt]) -> Sequence[TakenIn]:
        """Store new attempts in one transaction, in the order given. Known ids change nothing."""

    async def lines(self) -> Sequence[Line]:
        """All lines with runnable attempts."""

    async def anything_due(self, now: float) -> bool:
        """Whether the time of any waiting attempt to be looked at has come: whether `claim_due` is worth its turn."""

    async def relook(self, campaigns: Sequence[CampaignId]) -> int:
        """Move attempts that wait in connections' lines to their campaigns' any-lines, where they are looked at anew;
        what a turn holds is left out. Returns how many. In small bites, so that nobody waits for long."""

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

    async def report_health(
        self, reports: Sequence[HealthReport], now: float, spam_threshold: float
    ) -> tuple[int, Sequence[OutgoingEvent]]:
        """Store what reputation services say of numbers. Returns how many reports concern no number of their tenant,
        and the events (in the outbox already) about numbers that left or re-entered the draws by it."""

    async def heartbeat(self, now: float) -> None:
        """This replica is alive."""
