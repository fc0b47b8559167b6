"""What producers send becomes a request, or a dead letter with a reason and a field path; nothing else."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.ports.messages import BadMessage, Delivery, WhyBad
from outdial.rabbitmq.messages import decode
from outdial.rules.attempt import AttemptRequest, CancelRequest, HealthReport
from tests.messages.deliveries import ATTEMPT_ID, CANCEL, HEALTH, REQUESTED, delivery, message

FULL = message(
    contact_id="c-1",
    attempt_no=2,
    not_before="2026-11-21T10:00:00Z",
    not_after="2026-11-21T12:30:00.5+01:00",
    priority=9,
    ring_timeout_s=5,
    max_duration_s=7200,
    machine_detection="detect",
    record=False,
    answer={"twilio": {"url": "https://example.com/a?b=1"}, "telnyx": {"anything": [1, {"deep": True}]}},
    metadata={"crm": "4711", "": "empty names are names"},
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def requested(body: object, **how: object) -> AttemptRequest:
    """The request in it."""
    made, _ = decode(delivery(body, **how))  # type: ignore[arg-type]  # the same keywords
    assert isinstance(made, AttemptRequest)
    return made


def why_bad(one: Delivery) -> tuple[str, str]:
    """(reason, field path) of a bad message."""
    with pytest.raises(BadMessage) as caught:
        decode(one)
    assert caught.value.reason in set(WhyBad)
    return caught.value.reason, caught.value.field


def test_every_field_arrives() -> None:
    made = requested(FULL, message_id=ATTEMPT_ID.upper())
    assert made.key == ("acme", UUID(ATTEMPT_ID))
    assert (made.campaign, made.to, made.attempt_no, made.priority, made.urgency) == ("spring", "+12025550143", 2, 9, 0)
    assert (made.not_before, made.not_after) == (1795255200.0, 1795260600.5)
    assert dict(made.raw) == FULL


def test_what_is_left_out_or_null_is_left_to_the_campaign() -> None:
    made = requested(message(priority=None, not_after=None, contact_id=None))
    assert (made.priority, made.not_before, made.not_after, made.attempt_no) == (5, None, None, None)
    assert set(made.raw) == {"attempt_id", "tenant_id", "campaign_id", "to"}


def test_a_message_without_a_type_is_a_request() -> None:
    assert requested(message(), kind=None).to == "+12025550143"


def test_unknown_fields_are_named_and_ignored() -> None:
    made, unknown = decode(delivery(message(zebra=1, apple={"x": 1})))
    assert list(unknown) == ["apple", "zebra"]
    assert isinstance(made, AttemptRequest)
    assert "zebra" not in made.raw


def test_cancel_and_health_report() -> None:
    made, unknown = decode(delivery({"attempt_id": ATTEMPT_ID, "tenant_id": "acme", "why": "x"}, kind=CANCEL))
    assert (made, list(unknown)) == (CancelRequest(requested(message()).key), ["why"])
    made, _ = decode(delivery({"number": "us-1", "score": 0.9, "source": "rep"}, kind=HEALTH))
    assert made == HealthReport("us-1", 0.9, "rep", "", "acme")  # type: ignore[arg-type]  # a name


@pytest.mark.parametrize(
    ("headers", "body", "kept"),
    [
        ({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01"),
        ({"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}, FULL["traceparent"], FULL["traceparent"]),
        ({"traceparent": "+12025550143"}, None, None),
        ({"traceparent": b"\xff"}, None, None),
        ({}, "not a trace", None),
    ],
    ids=["header", "the body's comes first", "no trace at all", "bytes", "nonsense in the body"],
)
def test_the_trace_context_is_passed_on(headers: dict[str, object], body: object, kept: object) -> None:
    assert requested(message(traceparent=body), headers=headers).raw.get("traceparent") == kept


BAD_BODIES = {
    "empty": (b"", "not_json", ""),
    "not JSON": (b"hello", "not_json", ""),
    "cut off": (b'{"attempt_id": ', "not_json", ""),
    "not UTF-8": (b'{"to": "\xff"}', "not_json", ""),
    "UTF-16": (json.dumps(message()).encode("utf-16"), "not_json", ""),
    "NaN": (b'{"answer": NaN}', "not_json", ""),
    "infinite": (b'{"answer": {"telnyx": {"x": 1e999}}}', "not_json", ""),
    "a number of 5,000 digits": (b'{"to": ' + b"9" * 5000 + b"}", "not_json", ""),
    "far too deep": (b"[" * 30_000 + b"]" * 30_000, "not_json", ""),
    "a list": (b"[]", "not_an_object", ""),
    "a text": (b'"x"', "not_an_object", ""),
    "null": (b"null", "not_an_object", ""),
    "too large": (json.dumps(message(contact_id="x" * 65_536)).encode(), "too_large", ""),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_bodies_that_are_no_message(name: str) -> None:
    body, reason, path = BAD_BODIES[name]
    assert why_bad(delivery(body)) == (reason, path)


def nested(levels: int) -> dict[str, object]:
    """Objects within each other."""
    made: dict[str, object] = {}
    for _ in range(levels - 1):
        made = {"a": made}
    return made


BAD_FIELDS: dict[str, tuple[dict[str, object], str, str]] = {
    "no attempt_id": (message(attempt_id=...), "missing_field", "attempt_id"),
    "no tenant": (message(tenant_id=...), "missing_field", "tenant_id"),
    "no campaign": (message(campaign_id=...), "missing_field", "campaign_id"),
    "no contact": (message(to=...), "missing_field", "to"),
    "null contact": (message(to=None), "invalid_field", "to"),
    "a number as contact": (message(to=12025550143), "invalid_field", "to"),
    "an endless contact": (message(to="+" + "1" * 32), "invalid_field", "to"),
    "an id that is none": (message(attempt_id="42"), "invalid_field", "attempt_id"),
    "an id as number": (message(attempt_id=42), "invalid_field", "attempt_id"),
    "an id in braces": (message(attempt_id="{" + ATTEMPT_ID + "}"), "invalid_field", "attempt_id"),
    "a tenant with a dot": (message(tenant_id="a.b"), "invalid_field", "tenant_id"),
    "a tenant with a line end": (message(tenant_id="acme\n"), "invalid_field", "tenant_id"),
    "another tenant": (message(tenant_id="bolt"), "tenant_mismatch", "tenant_id"),
    "a time without zone": (message(not_before="2026-11-21T10:00:00"), "invalid_field", "not_before"),
    "a date": (message(not_before="2026-11-21"), "invalid_field", "not_before"),
    "Unix seconds": (message(not_after=1795255200), "invalid_field", "not_after"),
    "Unix seconds as text": (message(not_after="1795255200"), "invalid_field", "not_after"),
    "the 30th of February": (message(not_after="2026-02-30T10:00:00Z"), "invalid_field", "not_after"),
    "a time no calendar holds": (message(not_after="9999-12-31T23:59:59-14:00"), "invalid_field", "not_after"),
    "priority 10": (message(priority=10), "invalid_field", "priority"),
    "priority as text": (message(priority="5"), "invalid_field", "priority"),
    "priority true": (message(priority=True), "invalid_field", "priority"),
    "priority 5.0": (message(priority=5.5), "invalid_field", "priority"),
    "ring 4 s": (message(ring_timeout_s=4), "invalid_field", "ring_timeout_s"),
    "ring 121 s": (message(ring_timeout_s=121), "invalid_field", "ring_timeout_s"),
    "29 s of call": (message(max_duration_s=29), "invalid_field", "max_duration_s"),
    "7,201 s of call": (message(max_duration_s=7201), "invalid_field", "max_duration_s"),
    "attempt 0": (message(attempt_no=0), "invalid_field", "attempt_no"),
    "unknown detection": (message(machine_detection="maybe"), "invalid_field", "machine_detection"),
    "record as text": (message(record="yes"), "invalid_field", "record"),
    "metadata of numbers": (message(metadata={"a": 1}), "invalid_field", "metadata.a"),
    "metadata as list": (message(metadata=["a"]), "invalid_field", "metadata"),
    "metadata over 4 KiB": (message(metadata={"a": "é" * 2048}), "invalid_field", "metadata"),
    "answer as text": (message(answer="https://x"), "invalid_field", "answer"),
    "answer of a provider as text": (message(answer={"twilio": "https://x"}), "invalid_field", "answer.twilio"),
    "Twilio url and twiml": (
        message(answer={"twilio": {"url": "https://x", "twiml": "<R/>"}}),
        "invalid_field",
        "answer",
    ),
    "Twilio without either": (message(answer={"twilio": {}}), "invalid_field", "answer"),
    "Twilio application SID": (message(answer={"twilio": {"application_sid": "AP1"}}), "invalid_field", "answer"),
    "Twilio url as object": (message(answer={"twilio": {"url": {"a": 1}}}), "invalid_field", "answer"),
    "Twilio url of another kind": (message(answer={"twilio": {"url": "file:///etc"}}), "invalid_field", "answer"),
    "Twilio twiml too long": (message(answer={"twilio": {"twiml": "x" * 4001}}), "invalid_field", "answer"),
    "NUL in a known field": (message(contact_id="a\0"), "unstorable_text", "contact_id"),
    "NUL in an unknown field": (message(zebra=["x", {"y": "\0"}]), "unstorable_text", "zebra.1.y"),
    "NUL in a name": (message(metadata={"a\0": "x"}), "unstorable_text", "metadata"),
    "half a character": (message(metadata={"a": "\ud800"}), "unstorable_text", "metadata.a"),
    "too deep": (message(answer={"telnyx": nested(15)}), "too_deep", "answer.telnyx" + ".a" * 14),
}


@pytest.mark.parametrize("name", BAD_FIELDS)
def test_fields_that_are_wrong(name: str) -> None:
    body, reason, path = BAD_FIELDS[name]
    assert why_bad(delivery(body)) == (reason, path)


@pytest.mark.parametrize(
    "body",
    [
        message(contact_id="backslash \\u0000 written out"),
        message(contact_id="\U0001f600 as a pair"),
        message(answer={"telnyx": nested(14)}),
        message(answer={"telnyx": {"list": [{} for _ in range(100)]}}),
        message(metadata={"a": "é" * 2047}),
        message(contact_id=""),
        message(answer={"twilio": {"twiml": "x" * 4000}}),
        message(not_before="2199-12-31T23:59:59-14:00"),
    ],
    ids=[
        "escaped backslash",
        "surrogate pair",
        "just not too deep",
        "wide",
        "full metadata",
        "empty",
        "full twiml",
        "far",
    ],
)
def test_what_only_looks_wrong_is_taken(body: dict[str, object]) -> None:
    assert requested(body).to == "+12025550143"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("call_attempt.requested.v2", "unknown_version"),
        ("call_attempt.requested.v", "unknown_version"),
        ("call_attempt.requested", "unknown_type"),
        ("call_attempt.started.v1", "unknown_type"),
        ("x" * 300, "unknown_type"),
    ],
)
def test_types_and_versions(kind: str, reason: str) -> None:
    assert why_bad(delivery(message(), kind=kind)) == (reason, "type")


@pytest.mark.parametrize("kind", [REQUESTED, CANCEL])
def test_tenant_and_message_id_must_agree(kind: str) -> None:
    assert why_bad(delivery(message(), kind=kind, key="bolt")) == ("tenant_mismatch", "tenant_id")
    assert why_bad(delivery(message(), kind=kind, message_id="other")) == ("wrong_message_id", "message_id")


def test_what_the_broker_gave_up_is_a_dead_letter_whatever_it_says() -> None:
    assert why_bad(delivery(message(), dead_because="delivery_limit")) == ("delivery_limit", "")


def test_no_error_shows_a_phone_number() -> None:
    for body, _, _ in BAD_FIELDS.values():
        with pytest.raises(BadMessage) as caught:
            decode(delivery(body))
        assert "2025550143" not in str(caught.value)


# --- The body's hash -----------------------------------------------------------------------------------------------


def test_the_same_content_has_the_same_hash() -> None:
    turned = dict(reversed(list(FULL.items()))) | {"unknown": 1, "traceparent": None}
    spaced = json.dumps(turned, indent=2).encode()
    assert requested(spaced).body_hash == requested(FULL).body_hash


@pytest.mark.parametrize(
    "change", [{"to": "+12025550144"}, {"priority": 8}, {"metadata": {"crm": "4712"}}, {"campaign_id": "autumn"}]
)
def test_other_content_has_another_hash(change: dict[str, object]) -> None:
    assert requested(FULL | change).body_hash != requested(FULL).body_hash


# --- Anything at all -----------------------------------------------------------------------------------------------

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def verdict(one: Delivery) -> str:
    """Fine, or the reason why not; anything but a `BadMessage` gets through."""
    try:
        decode(one)
    except BadMessage as error:
        return error.reason
    return "fine"


@given(st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode()))
def test_no_body_ever_raises_anything_else(body: bytes) -> None:
    assert {verdict(delivery(body, kind=kind)) for kind in (REQUESTED, CANCEL, HEALTH)} <= {"fine", *WhyBad}


@given(st.sampled_from(sorted(FULL)), _json)
def test_no_value_of_a_field_ever_raises_anything_else(name: str, value: object) -> None:
    assert verdict(delivery(FULL | {name: value})) in {"fine", *WhyBad}
