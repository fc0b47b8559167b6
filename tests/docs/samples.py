"""Golden samples of every message and event, one file each: what producers and consumers were once promised.

`python -m tests.docs.samples` writes those that are missing; a sample that is there is never written again, because
whoever tested against it relies on it. A new major version gets a folder of its own beside `v1`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from outdial.rules.events import attempt_event, campaign_event, number_event, sticky_event, sticky_order_event
from outdial.rules.ids import AttemptId, AttemptKey, CampaignId, NumberId, TenantId
from tests.support.pages import REFERENCE

FOLDER = REFERENCE / "samples" / "v1"
TENANT, SPRING, US_1 = TenantId("acme"), CampaignId("spring"), NumberId("us-1")
KEY = AttemptKey(TENANT, AttemptId(UUID("29dbad3a-9d9a-58ff-a49a-f1fd3fe4c2a1")))
AT = 1795255200.25
"""2026-11-21T10:00:00.250Z."""
REQUEST: Mapping[str, Any] = {
    "to": "+12025550143",
    "contact_id": "customer-4711",
    "attempt_no": 2,
    "metadata": {"order": "A-17"},
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
_CALL = {
    "number": "us-1",
    "from": "+12025550101",
    "connection": "acme-us",
    "tier": "sticky",
    "carrier_call_id": "CA0123456789abcdef0123456789abcdef",
    "answered_by": None,
    "provider_status": None,
    "provider_code": None,
    "intent_at": "2026-11-21T09:59:40.000Z",
    "accepted_at": "2026-11-21T09:59:40.210Z",
}
_ANSWERED = {
    **_CALL,
    "provider_status": "in-progress",
    "ringing_at": "2026-11-21T09:59:42.000Z",
    "answered_at": "2026-11-21T09:59:50.000Z",
}
_OVER = {**_ANSWERED, "answered_by": "human", "provider_status": "completed", "ended_at": "2026-11-21T10:00:00.000Z"}
_BUSY = {**_CALL, "provider_status": "busy", "provider_code": "486", "ended_at": "2026-11-21T10:00:00.000Z"}
_REPORT = {"from": "+12025550101", "score": 0.9, "source": "reputation.example", "why": "labelled on two handsets"}
_ORDER = {"from": "+12025550101", "source": "ann", "why": "the label is gone"}


def built() -> Iterator[tuple[str, str, str]]:
    """What today's code builds of these facts: (event id, routing key, body)."""
    yield attempt_event(KEY, SPRING, "accepted", AT, REQUEST, {})
    yield attempt_event(KEY, SPRING, "placed", AT, REQUEST, _CALL)
    yield attempt_event(KEY, SPRING, "answered", AT, REQUEST, _ANSWERED)
    yield attempt_event(KEY, SPRING, "ended", AT, REQUEST, {"outcome": "answered_human", "reached": True, **_OVER})
    rejected = {"outcome": "rejected", "reason": "suppressed", "reached": False}
    yield attempt_event(KEY, SPRING, "rejected", AT, REQUEST, rejected)
    yield attempt_event(
        KEY, SPRING, "expired", AT, REQUEST, {"outcome": "expired", "reason": "not_after", "reached": False}
    )
    corrected = {"outcome": "busy", "was": "ambiguous", "reached": False, **_BUSY}
    yield attempt_event(KEY, SPRING, "corrected", AT, REQUEST, corrected)
    for kind in ("flagged", "unflagged", "cleared", "deactivated", "released", "activated"):
        yield number_event(TENANT, None, US_1, kind, AT, _REPORT if kind == "flagged" else _ORDER)
    for kind in ("carrier_rejected", "failing", "recovered"):
        yield number_event(TENANT, SPRING, US_1, kind, AT, {"from": "+12025550101"})
    bound = {"to": "+12025550143", "number": "us-1", "from": "+12025550101"}
    yield sticky_event(KEY, SPRING, "bound", AT, bound)
    yield sticky_event(KEY, SPRING, "moved", AT, {**bound, "previous": "us-2"})
    yield sticky_order_event(TENANT, SPRING, "cleared", AT, {"to": None, "count": 12, "by": "ann", "why": "new start"})
    for kind in ("no_eligible_number", "numbers_at_daily_cap"):
        yield campaign_event(TENANT, SPRING, kind, AT)


def jobs() -> Mapping[str, dict[str, Any]]:
    """Messages in, by their AMQP `type`."""
    attempt = {"attempt_id": str(KEY.attempt_id), "tenant_id": TENANT}
    return {
        "call_attempt.requested.v1": {
            **attempt,
            "campaign_id": SPRING,
            **{name: value for name, value in REQUEST.items() if name != "traceparent"},
            "not_before": "2026-11-21T09:30:00Z",
            "not_after": "2026-11-21T18:00:00-05:00",
            "priority": 7,
            "ring_timeout_s": 25,
            "max_duration_s": 900,
            "machine_detection": "detect",
            "record": False,
            "answer": {"twilio": {"url": "https://voice.example.com/twiml?order=A-17"}},
            "traceparent": REQUEST["traceparent"],
        },
        "call_attempt.cancel.v1": attempt,
        "number.health_reported.v1": {
            "number": "+12025550101",
            "score": 0.9,
            "source": "reputation.example",
            "why": "labelled on two handsets",
        },
    }


def today() -> Mapping[str, dict[str, Any]]:
    """Type -> sample, as today's code has them."""
    events = (json.loads(body) for _, _, body in built())
    return {**jobs(), **{event["type"]: event for event in events}}


def golden(kind: str) -> dict[str, Any]:
    """The sample as it was once written."""
    sample: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())
    return sample


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind, sample in today().items():
        file = FOLDER / f"{kind}.json"
        if not file.exists():
            file.write_text(json.dumps(sample, indent=2, ensure_ascii=False) + "\n")
