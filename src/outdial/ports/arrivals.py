"""What intake hands to the store: requests taken in or refused at the door, and messages that nobody understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from outdial.ports.messages import OutgoingEvent
from outdial.rules.blocker import Blocker
from outdial.rules.ids import E164, AttemptKey, CampaignId


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
    message_type: str | None
    body: bytes
    headers: Mapping[str, Any]
    reason: str
    field: str
    received_at: float
