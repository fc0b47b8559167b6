"""Deliveries as producers would make them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from outdial.ports.messages import Delivery

ATTEMPT_ID = "6f0c7d0e-6b1d-4c55-9d3e-0d7c1d6f2a11"
REQUESTED, CANCEL = "call_attempt.requested.v1", "call_attempt.cancel.v1"
HEALTH = "number.health_reported.v1"


def message(**changes: object) -> dict[str, object]:
    """A minimal request with changes; a value of `...` takes the field out."""
    made = {"attempt_id": ATTEMPT_ID, "tenant_id": "acme", "campaign_id": "spring", "to": "+12025550143", **changes}
    return {name: value for name, value in made.items() if value is not ...}


def delivery(
    body: object,
    *,
    kind: str | None = REQUESTED,
    key: str = "acme",
    message_id: str | None = None,
    headers: Mapping[str, object] | None = None,
    dead_because: str | None = None,
) -> Delivery:
    """One delivery; a body that is not bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(
        "outdial.attempts.0", key, raw, message_id, kind, headers or {}, redelivered=False, dead_because=dead_because
    )
