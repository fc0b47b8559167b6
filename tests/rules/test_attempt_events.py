"""Events: the same telling has the same id, stages have fixed sequences, keys and headers hold no phone number."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from outdial.rules.events import SEQUENCE, attempt_event, number_event, sticky_event, sticky_order_event, timestamp
from outdial.rules.ids import AttemptId, AttemptKey, CampaignId, NumberId, TenantId

KEY = AttemptKey(TenantId("acme"), AttemptId(UUID("6f0c7d0e-6b1d-4c55-9d3e-0d7c1d6f2a11")))
SPRING = CampaignId("spring")
REQUEST = {
    "to": "+12025550143", "contact_id": "c-1", "attempt_no": 2, "metadata": {"crm": "4711"},
    "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "answer": {"twilio": {"url": "https://secret.example"}},
}  # fmt: skip
AT = 1795255200.25


def test_the_envelope() -> None:
    event_id, key, body = attempt_event(KEY, SPRING, "ended", AT, REQUEST, {"outcome": "busy", "reached": False})
    assert key == "acme.spring.call_attempt.ended"
    assert json.loads(body) == {
        "specversion": "1.0",
        "id": event_id,
        "source": "/outdial/acme",
        "type": "call_attempt.ended.v1",
        "subject": str(KEY.attempt_id),
        "time": "2026-11-21T10:00:00.250Z",
        "datacontenttype": "application/json",
        "sequence": 4,
        "traceparent": REQUEST["traceparent"],
        "data": {
            "attempt_id": str(KEY.attempt_id),
            "tenant_id": "acme",
            "campaign_id": "spring",
            "to": "+12025550143",
            "contact_id": "c-1",
            "attempt_no": 2,
            "metadata": {"crm": "4711"},
            "outcome": "busy",
            "reached": False,
        },
    }


def test_a_replay_makes_the_same_id_and_nothing_else_does() -> None:
    other_tenant = KEY._replace(tenant=TenantId("bolt"))
    other_attempt = KEY._replace(attempt_id=AttemptId(UUID(int=1)))
    first, *_ = attempt_event(KEY, SPRING, "ended", AT, REQUEST, {"outcome": "busy"})
    again, *_ = attempt_event(KEY, SPRING, "ended", AT + 60, REQUEST, {"outcome": "busy"})
    assert first == again
    ids = [
        first,
        *(attempt_event(k, SPRING, "ended", AT, REQUEST, {})[0] for k in (other_tenant, other_attempt)),
        *(attempt_event(KEY, SPRING, kind, AT, REQUEST, {})[0] for kind in SEQUENCE if kind != "ended"),
        *(attempt_event(KEY, SPRING, "corrected", AT, REQUEST, {}, correction=n)[0] for n in (1, 2)),
        *(sticky_event(KEY, SPRING, kind, AT, {})[0] for kind in ("bound", "moved")),
        *(number_event(KEY.tenant, SPRING, NumberId("us-1"), "flagged", at, {})[0] for at in (AT, AT + 1)),
    ]
    assert len(set(ids)) == len(ids)
    assert all(str(UUID(one)) == one for one in ids)


def test_an_id_is_the_same_for_ever() -> None:
    """Consumers remember ids: a new release must not tell everything anew."""
    assert attempt_event(KEY, SPRING, "ended", AT, REQUEST, {})[0] == "8aa8e5d0-699a-5575-8c8c-33958017506f"


@pytest.mark.parametrize(
    ("kind", "correction", "sequence"),
    [("accepted", 0, 1), ("placed", 0, 2), ("answered", 0, 3), ("ended", 0, 4), ("rejected", 0, 4), ("expired", 0, 4),
     ("corrected", 0, 5), ("corrected", 2, 7)],
)  # fmt: skip
def test_sequences_by_stage(kind: str, correction: int, sequence: int) -> None:
    _, key, body = attempt_event(KEY, SPRING, kind, AT, {"to": "+12025550143"}, {}, correction)
    assert json.loads(body)["sequence"] == sequence
    assert "traceparent" not in json.loads(body)
    assert key == f"acme.spring.call_attempt.{kind}"


def test_numbers_and_stickies() -> None:
    _, key, body = number_event(KEY.tenant, SPRING, NumberId("us-1"), "flagged", AT, {"from": "+12025550101"})
    assert key == "acme.spring.number.flagged"
    assert (json.loads(body)["subject"], json.loads(body)["data"]["campaign_id"]) == ("us-1", "spring")
    _, key, body = number_event(KEY.tenant, None, NumberId("us-1"), "released", AT, {})
    assert (key, json.loads(body)["data"]["campaign_id"]) == ("acme._.number.released", None)
    _, key, body = sticky_event(KEY, SPRING, "bound", AT, {"to": "+12025550143", "number": "us-1"})
    assert key == "acme.spring.sticky.bound"
    assert json.loads(body)["data"]["attempt_id"] == str(KEY.attempt_id)


def test_phone_numbers_stay_in_the_data() -> None:
    for event_id, key, body in (
        attempt_event(KEY, SPRING, "ended", AT, REQUEST, {}),
        sticky_event(KEY, SPRING, "bound", AT, {"to": "+12025550143"}),
        sticky_order_event(KEY.tenant, SPRING, "cleared", AT, {"to": "+12025550143"}),
        number_event(KEY.tenant, None, NumberId("us-1"), "flagged", AT, {"from": "+12025550143"}),
    ):
        envelope = json.loads(body)
        assert "2025550143" in json.dumps(envelope.pop("data"))
        assert "2025550143" not in event_id + key + json.dumps(envelope)


def test_times_have_milliseconds() -> None:
    assert [timestamp(at) for at in (0, 0.0004, 1795255200.9996)] == [
        "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", "2026-11-21T10:00:00.999Z",
    ]  # fmt: skip
