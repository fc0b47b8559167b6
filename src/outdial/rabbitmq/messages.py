"""Messages in (SPEC 8), read strictly enough to be safe and tolerantly enough to age well.

Unknown fields are ignored and counted, so that a newer producer does not end in an older replica's dead letters; all
else that is wrong is a `BadMessage` with a reason and a field path. Within a major version fields are only added.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
)

from outdial.ports.messages import BadMessage, Delivery, WhyBad
from outdial.rabbitmq.json_body import read_object
from outdial.rules.attempt import AttemptRequest, CancelRequest, HealthReport, Request
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, TenantId

MAX_METADATA_BYTES: Final = 4_096
MAX_TWIML: Final = 4_000
"""Characters; Twilio refuses more."""
VERSION: Final = "v1"

_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_TIME = re.compile(r"2[01]\d\d-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def _uuid_text(value: object) -> object:
    if not (isinstance(value, str) and _UUID.fullmatch(value)):
        raise ValueError("must be a UUID like 6f0c7d0e-6b1d-4c55-9d3e-0d7c1d6f2a11")
    return value


def _time_text(value: object) -> object:
    if value is not None and not (isinstance(value, str) and _TIME.fullmatch(value)):
        raise ValueError("must be an RFC 3339 time with zone, like 2026-11-21T09:30:00Z, in the years 2000 to 2199")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Text = Annotated[str, StringConstraints(max_length=256)]
AttemptUuid = Annotated[UUID, BeforeValidator(_uuid_text)]
Time = Annotated[AwareDatetime, BeforeValidator(_time_text)]
Value = Annotated[str, StringConstraints(max_length=MAX_METADATA_BYTES)]


class Message(BaseModel):
    """What all messages in have in common. `kind`: the AMQP `type` without its major version."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
    kind: ClassVar[str]


class AttemptRequested(Message):
    """Call this contact once for this campaign. A known `attempt_id` changes nothing."""

    kind: ClassVar[str] = "call_attempt.requested"

    attempt_id: AttemptUuid = Field(description="Made by the producer; the idempotency key within the tenant.")
    tenant_id: Name = Field(description="Must equal the routing key.")
    campaign_id: Name
    to: Annotated[str, StringConstraints(min_length=2, max_length=32)] = Field(
        description="The contact in E.164.", examples=["+12025550143"]
    )
    contact_id: Text | None = Field(None, description="The producer's own name for the contact; given back in events.")
    attempt_no: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = Field(
        None, description="Which try at this contact it is; from the second on it counts as a retry."
    )
    not_before: Time | None = Field(None, description="Not to be dialled earlier.")
    not_after: Time | None = Field(
        None, description="Expires then. Default: when it was received + the campaign's attempt_ttl (24 h)."
    )
    priority: Annotated[int, Field(strict=True, ge=0, le=9)] | None = Field(
        None, description="9 = most urgent within its campaign. Default 5."
    )
    ring_timeout_s: Annotated[int, Field(strict=True, ge=5, le=120)] | None = Field(
        None, description="How long it may ring, seconds. Default: the campaign's (30)."
    )
    max_duration_s: Annotated[int, Field(strict=True, ge=30, le=7_200)] | None = Field(
        None, description="How long the call may last, seconds. Default: the campaign's (1,800)."
    )
    machine_detection: Literal["off", "detect"] | None = Field(None, description="Default: the campaign's.")
    record: Annotated[bool, Field(strict=True)] | None = Field(None, description="Default: the campaign's.")
    answer: dict[Name, dict[str, Any]] | None = Field(
        None,
        description="Provider -> what it does on answer. Twilio: either url or twiml. Default: the campaign's.",
        examples=[{"twilio": {"url": "https://example.com/answer"}}],
    )
    metadata: dict[Text, Value] | None = Field(
        None, description="Given back in events. Names and values together at most 4 KiB."
    )
    traceparent: Text | None = Field(None, description="W3C trace context; also taken from the AMQP header.")

    @field_validator("metadata")
    @classmethod
    def _small(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        if value and sum(len(k.encode()) + len(v.encode()) for k, v in value.items()) > MAX_METADATA_BYTES:
            raise ValueError(f"is larger than {MAX_METADATA_BYTES} bytes")
        return value

    @field_validator("answer")
    @classmethod
    def _instructions(cls, value: dict[str, dict[str, Any]] | None) -> dict[str, dict[str, Any]] | None:
        if value and "twilio" in value:
            _check_twilio(value["twilio"])
        return value


def _check_twilio(instruction: Mapping[str, Any]) -> None:
    """An application SID would switch our status callbacks off, so only these two are there. Raises `ValueError`."""
    if set(instruction) not in ({"url"}, {"twiml"}):
        raise ValueError("twilio: give either url or twiml, and nothing else")
    ((name, text),) = instruction.items()
    if not isinstance(text, str) or not text:
        raise ValueError(f"twilio.{name}: must be a text")
    if name == "url" and not text.startswith(("https://", "http://")):
        raise ValueError("twilio.url: must begin with https:// or http://")
    if name == "twiml" and len(text) > MAX_TWIML:
        raise ValueError(f"twilio.twiml: is longer than {MAX_TWIML} characters")


class AttemptCancel(Message):
    """Do not call; hang up if not yet answered. An unknown id is remembered for 7 days."""

    kind: ClassVar[str] = "call_attempt.cancel"

    attempt_id: AttemptUuid
    tenant_id: Name = Field(description="Must equal the routing key.")


class NumberHealthReported(Message):
    """What a reputation service says of a number."""

    kind: ClassVar[str] = "number.health_reported"

    number: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="Its name in the catalogue or its E.164."
    )
    score: Annotated[float, Field(strict=True, ge=0, le=1)] = Field(description="0 = clean, 1 = flagged as spam.")
    source: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    why: Text = ""


KINDS: Final[Mapping[str, type[Message]]] = {
    model.kind: model for model in (AttemptRequested, AttemptCancel, NumberHealthReported)
}
_FIELDS: Final = {kind: frozenset(model.model_fields) for kind, model in KINDS.items()}
_NOT_CONTENT: Final = frozenset({"attempt_id", "tenant_id", "traceparent"})
"""What does not make a body different: the key itself, and the trace of a repetition."""


def decode(delivery: Delivery) -> tuple[Request, Sequence[str]]:
    """Read one delivery: the request, and the names of unknown fields. Raises `BadMessage`."""
    if delivery.dead_because is not None:
        raise BadMessage(
            delivery.dead_because, "", "the broker gave it up", "look at the log of that time, then replay"
        )
    kind = _kind_of(delivery)
    body = read_object(delivery.body)
    try:
        message = KINDS[kind].model_validate(body)
    except ValidationError as error:
        raise _bad_field(error) from None
    unknown = sorted(body.keys() - _FIELDS[kind])
    match message:
        case AttemptRequested():
            return _requested(message, body, delivery), unknown
        case AttemptCancel():
            return CancelRequest(_key(message.tenant_id, message.attempt_id, delivery)), unknown
        case NumberHealthReported(number=number, score=score, source=source, why=why):
            return HealthReport(number, score, source, why, TenantId(delivery.routing_key)), unknown
    raise AssertionError(kind)


def _bad_field(error: ValidationError) -> BadMessage:
    """The first thing that is wrong, by its path; never its value, which may be a phone number."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = ".".join(str(part)[:64] for part in first["loc"] if part != "[key]")
    reason = WhyBad.MISSING_FIELD if first["type"] == "missing" else WhyBad.INVALID_FIELD
    return BadMessage(reason, path, first["msg"].removeprefix("Value error, "))


def _kind_of(delivery: Delivery) -> str:
    """The type without its major version. A message without a type is a request, as plain producers send it."""
    if not delivery.type:
        return AttemptRequested.kind
    kind, _, version = delivery.type.rpartition(".")
    if kind not in KINDS:
        known = ", ".join(f"{name}.{VERSION}" for name in KINDS)
        raise BadMessage(WhyBad.UNKNOWN_TYPE, "type", f"{delivery.type[:64]!r} is not known", f"one of {known}")
    if version != VERSION:
        raise BadMessage(WhyBad.UNKNOWN_VERSION, "type", f"{version[:16]!r} is not known", f"send {kind}.{VERSION}")
    return kind


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def _requested(message: AttemptRequested, body: dict[str, Any], delivery: Delivery) -> AttemptRequest:
    key = _key(message.tenant_id, message.attempt_id, delivery)
    known = {name: body[name] for name in AttemptRequested.model_fields if body.get(name) is not None}
    content = {name: value for name, value in known.items() if name not in _NOT_CONTENT}
    canonical = _CANONICAL.encode(content)
    _trace(known, delivery)
    return AttemptRequest(
        key=key,
        campaign=CampaignId(message.campaign_id),
        to=E164(message.to),
        body_hash=hashlib.blake2b(canonical.encode(), digest_size=16).digest(),
        raw=known,
        attempt_no=message.attempt_no,
        not_before=message.not_before.timestamp() if message.not_before else None,
        not_after=message.not_after.timestamp() if message.not_after else None,
        priority=5 if message.priority is None else message.priority,
    )


def _key(tenant: str, attempt_id: UUID, delivery: Delivery) -> AttemptKey:
    if tenant != delivery.routing_key:
        raise BadMessage(
            WhyBad.TENANT_MISMATCH, "tenant_id", f"{tenant!r} is not the routing key", "publish under the tenant's id"
        )
    if delivery.message_id and delivery.message_id.lower() != str(attempt_id):
        raise BadMessage(WhyBad.WRONG_MESSAGE_ID, "message_id", "differs from attempt_id", "set it to the attempt_id")
    return AttemptKey(TenantId(tenant), AttemptId(attempt_id))


def _trace(known: dict[str, Any], delivery: Delivery) -> None:
    """The body's trace context, else the header's; one that is none is dropped: nobody's call hangs on it."""
    trace = known.pop("traceparent", None) or delivery.headers.get("traceparent")
    if isinstance(trace, str) and _TRACEPARENT.fullmatch(trace):
        known["traceparent"] = trace
