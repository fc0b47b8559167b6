"""The wire: what producers send (SPEC 8), read strictly enough to be safe and tolerantly enough to age well.

Unknown fields are ignored and counted; everything else that is wrong is a `BadMessage` with a reason and a field path.
Messages never hold a broker's or a driver's type beyond this file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from outdial.ports.messages import BadMessage, Delivery
from outdial.rules.attempt import AttemptRequest, CancelRequest, HealthReport, Request
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, TenantId

MAX_BODY_BYTES = 65_536
MAX_METADATA_BYTES = 4_096
MAX_TWIML = 4_000
REQUESTED, CANCEL, HEALTH = "call_attempt.requested", "call_attempt.cancel", "number.health_reported"

Name = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Text = Annotated[str, StringConstraints(max_length=256)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="allow", strict=False, frozen=True)


class AttemptRequested(_Wire):
    """`call_attempt.requested.v1`: call this contact once for this campaign."""

    attempt_id: UUID = Field(description="Made by the producer; the idempotency key within the tenant.")
    tenant_id: Name = Field(description="Must equal the routing key.")
    campaign_id: Name
    to: Annotated[str, StringConstraints(min_length=2, max_length=32)] = Field(description="The contact, E.164.")
    contact_id: Text | None = None
    attempt_no: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = Field(default=None, description="Default: received + the campaign's attempt_ttl.")
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] = Field(default=5, description="9 = most urgent.")
    ring_timeout_s: Annotated[int, Field(strict=True, ge=5, le=120)] | None = None
    max_duration_s: Annotated[int, Field(strict=True, ge=30, le=7_200)] | None = None
    machine_detection: Literal["off", "detect"] | None = None
    record: Annotated[bool, Field(strict=True)] | None = None
    answer: dict[str, dict[str, Any]] | None = Field(default=None, description="Provider -> what it does on answer.")
    metadata: dict[Text, Annotated[str, StringConstraints(max_length=MAX_METADATA_BYTES)]] | None = None
    traceparent: Annotated[str, StringConstraints(max_length=128)] | None = None

    @field_validator("attempt_id", mode="before")
    @classmethod
    def _text_only(cls, value: object) -> object:
        if not isinstance(value, str | UUID):
            raise ValueError("must be a UUID as text")
        return value

    @field_validator("not_before", "not_after", mode="before")
    @classmethod
    def _rfc3339_only(cls, value: object) -> object:
        if value is not None and not isinstance(value, str | datetime):
            raise ValueError("must be an RFC 3339 time as text")
        return value

    @field_validator("metadata")
    @classmethod
    def _small(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value and sum(len(k.encode()) + len(v.encode()) for k, v in value.items()) > MAX_METADATA_BYTES:
            raise ValueError(f"is larger than {MAX_METADATA_BYTES} bytes")
        return value

    @field_validator("answer")
    @classmethod
    def _instructions(cls, value: dict[str, dict[str, Any]] | None) -> dict[str, dict[str, Any]] | None:
        twilio = (value or {}).get("twilio")
        if twilio is not None:
            given = [name for name in ("url", "twiml") if twilio.get(name)]
            if len(given) != 1 or set(twilio) - {"url", "twiml"}:
                raise ValueError(
                    "twilio: give exactly one of url or twiml (an application SID would switch off callbacks)"
                )
            if len(str(twilio.get("twiml", ""))) > MAX_TWIML:
                raise ValueError(f"twilio.twiml is longer than {MAX_TWIML} characters")
        return value


class AttemptCancel(_Wire):
    """`call_attempt.cancel.v1`: do not call; hang up if not yet answered."""

    attempt_id: UUID
    tenant_id: Name


class NumberHealthReported(_Wire):
    """`number.health_reported.v1`, from reputation services."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(description="Its name or its E.164.")
    score: Annotated[float, Field(ge=0, le=1)]
    source: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    why: Text = ""


_MODELS: dict[str, type[_Wire]] = {REQUESTED: AttemptRequested, CANCEL: AttemptCancel, HEALTH: NumberHealthReported}


def decode(delivery: Delivery) -> tuple[Request, Sequence[str]]:
    """Read one delivery. Raises `BadMessage`."""
    kind = _kind_of(delivery)
    if len(delivery.body) > MAX_BODY_BYTES:
        raise BadMessage("too_large", "", f"{len(delivery.body)} bytes", f"at most {MAX_BODY_BYTES}")
    body = _json(delivery.body)
    model = _MODELS[kind]
    try:
        message = model.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"])
        reason = "missing_field" if first["type"] == "missing" else "invalid_field"
        raise BadMessage(reason, path, first["msg"]) from None
    unknown = sorted(message.model_extra or ())
    match message:
        case AttemptRequested():
            return _requested(message, body, delivery), unknown
        case AttemptCancel():
            _same_tenant(message.tenant_id, delivery)
            return CancelRequest(AttemptKey(TenantId(message.tenant_id), AttemptId(message.attempt_id))), unknown
        case NumberHealthReported():
            return HealthReport(message.number, message.score, message.source, message.why), unknown
    raise AssertionError(kind)


def _kind_of(delivery: Delivery) -> str:
    """The type without its major version. A message without a type is a request, as plain producers send it."""
    if not delivery.type:
        return REQUESTED
    kind, _, version = delivery.type.rpartition(".")
    if kind not in _MODELS:
        raise BadMessage("unknown_type", "type", f"{delivery.type[:64]!r} is not known", f"one of {', '.join(_MODELS)}")
    if version != "v1":
        raise BadMessage("unknown_version", "type", f"{version[:16]!r} is not known", "v1")
    return kind


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadMessage("not_json", "", "the body is not JSON in UTF-8", "send one JSON object") from error
    if not isinstance(value, dict):
        raise BadMessage("not_an_object", "", f"the body is a {type(value).__name__}", "send one JSON object")
    path = _unstorable(value, "")
    if path is not None:
        raise BadMessage("unstorable_text", path, "holds \\u0000 or half a character", "leave it out")
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _unstorable(value: object, path: str) -> str | None:
    """The path of a string that PostgreSQL cannot store: NUL or a lone surrogate."""
    if isinstance(value, str):
        bad = "\x00" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value)
        return path if bad else None
    parts: list[tuple[str, object]] = []
    if isinstance(value, dict):
        parts = [(f"{path}.{k}".lstrip("."), v) for k, v in value.items()]
        for name in value:
            if (found := _unstorable(str(name), path or "key")) is not None:
                return found
    elif isinstance(value, list):
        parts = [(f"{path}.{n}".lstrip("."), v) for n, v in enumerate(value)]
    for where, part in parts:
        if (found := _unstorable(part, where)) is not None:
            return found
    return None


def _requested(message: AttemptRequested, body: dict[str, Any], delivery: Delivery) -> AttemptRequest:
    _same_tenant(message.tenant_id, delivery)
    if delivery.message_id and delivery.message_id != str(message.attempt_id):
        raise BadMessage("wrong_message_id", "message_id", "differs from attempt_id", "set it to the attempt_id")
    known = {name: body[name] for name in AttemptRequested.model_fields if body.get(name) is not None}
    if "traceparent" not in known and isinstance(delivery.headers.get("traceparent"), str):
        known["traceparent"] = delivery.headers["traceparent"][:128]
    hashed = {name: value for name, value in known.items() if name != "traceparent"}
    canonical = json.dumps(hashed, sort_keys=True, separators=(",", ":")).encode()
    return AttemptRequest(
        key=AttemptKey(TenantId(message.tenant_id), AttemptId(message.attempt_id)),
        campaign=CampaignId(message.campaign_id),
        to=E164(message.to),
        body_hash=hashlib.blake2b(canonical, digest_size=16).digest(),
        raw=known,
        attempt_no=message.attempt_no,
        not_before=message.not_before.timestamp() if message.not_before else None,
        not_after=message.not_after.timestamp() if message.not_after else None,
        priority=message.priority,
    )


def _same_tenant(tenant: str, delivery: Delivery) -> None:
    if tenant != delivery.routing_key:
        raise BadMessage(
            "tenant_mismatch", "tenant_id", f"{tenant!r} is not the routing key", "publish under the tenant's id"
        )
