"""The request of an attempt as the rules see it: complete, checked, with every default filled in (SPEC 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from outdial.rules.ids import E164, AttemptKey, CampaignId


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
    """What a reputation service says of a number: a score from 0 (clean) to 1 (flagged)."""

    number: str
    score: float
    source: str
    why: str = ""


Request = AttemptRequest | CancelRequest | HealthReport
