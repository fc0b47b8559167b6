"""What producers ask for, as the rules see it: complete and checked (SPEC 8); and the states of an attempt (SPEC 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from outdial.rules.ids import E164, AttemptKey, CampaignId, TenantId


class AttemptState(StrEnum):
    """Where an attempt stands. Progress within `placed` is a rank of its own (`call_progress.py`)."""

    WAITING = "waiting"
    PLACING = "placing"
    """The intent is committed; the carrier may be asked at any moment."""
    UNCONFIRMED = "unconfirmed"
    """The carrier may or may not have the call; slots are kept."""
    PLACED = "placed"
    ENDED = "ended"
    """Has an outcome; later evidence corrects the outcome, never the state."""


_W, _G, _U, _P, _E = AttemptState
MAY_BECOME: Final[Mapping[AttemptState, frozenset[AttemptState]]] = {
    _W: frozenset({_G, _E}),
    _G: frozenset({_P, _U, _E, _W}),  # back to waiting only if it is proven that the carrier took nothing
    _U: frozenset(
        {_P, _E, _W}
    ),  # the same proof: the worker that was thought dead tells that it never asked the carrier
    _P: frozenset({_E}),
    _E: frozenset(),
}
"""Every transition there is. A repetition (same state) is never one."""


@dataclass(frozen=True, slots=True)
class AttemptRequest:
    """One job: call this contact once for this campaign. Times in Unix seconds; None = the campaign's default."""

    key: AttemptKey
    campaign: CampaignId
    to: E164
    body_hash: bytes
    """Over the known fields, so that a different body under a known id is noticed."""
    raw: Mapping[str, Any] = field(repr=False, hash=False)
    """The known fields as they came: stored with the attempt, given back in events."""
    attempt_no: int | None = None
    not_before: float | None = None
    not_after: float | None = None
    priority: int = 5

    @property
    def urgency(self) -> int:
        """0 first: priority 9 is the most urgent."""
        return 9 - self.priority


@dataclass(frozen=True, slots=True)
class CancelRequest:
    """Do not call, or hang up if not yet answered."""

    key: AttemptKey


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What a reputation service says of a number: a score from 0 (clean) to 1 (flagged). `number`: its name or E.164."""

    number: str
    score: float
    source: str
    why: str = ""
    tenant: TenantId | None = None
    """Under whose routing key the report came."""


Request = AttemptRequest | CancelRequest | HealthReport
