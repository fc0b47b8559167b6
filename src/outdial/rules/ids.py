"""The names of things: plain strings and UUIDs, told apart by type so that they cannot be swapped."""

from __future__ import annotations

from typing import NamedTuple, NewType
from uuid import UUID

TenantId = NewType("TenantId", str)
CampaignId = NewType("CampaignId", str)
ConnectionId = NewType("ConnectionId", str)
NumberId = NewType("NumberId", str)
"""A number's surrogate name in the catalogue (`us-1`), never its E.164 digits: safe in logs, metrics and events."""
AttemptId = NewType("AttemptId", UUID)
"""Made by the producer; unique within its tenant only, so every key is (tenant, attempt)."""
Placement = NewType("Placement", UUID)
"""One committed intent to dial. 122 random bits: it is also the unguessable token in the carrier's callback address."""
E164 = NewType("E164", str)


class AttemptKey(NamedTuple):
    """What identifies an attempt everywhere: statements, callbacks, events."""

    tenant: TenantId
    attempt_id: AttemptId
