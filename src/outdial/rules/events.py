"""Events for producers and operators: CloudEvents 1.0, structured JSON, at least once.

An event's id is made from what it tells, so a repetition carries the same id; `sequence` orders one attempt's events,
arrival does not. Phone numbers are in the data only, never in ids, subjects or routing keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from uuid import UUID, uuid5

from outdial.rules.ids import AttemptKey, CampaignId, NumberId, TenantId

_SPACE: Final = UUID("6f0c7d0e-6b1d-5c55-9d3e-0d7c1d6f2a11")
"""Fixed for ever: event ids are derived within it."""
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
"""Made once: `json.dumps` makes one for each call that asks for anything else than the defaults."""
SEQUENCE: Final = {"accepted": 1, "placed": 2, "answered": 3, "ended": 4, "rejected": 4, "expired": 4, "corrected": 5}
"""By stage, so that no counter is needed; corrections count on from 5."""


def attempt_event(
    key: AttemptKey,
    campaign: CampaignId,
    kind: str,
    at: float,
    request: Mapping[str, Any],
    data: Mapping[str, Any],
    correction: int = 0,
) -> tuple[str, str, str]:
    """(event id, routing key, body) of `call_attempt.<kind>.v1`. `at`: Unix seconds; `correction`: its number, from 0."""
    sequence = SEQUENCE[kind] + correction
    body = {
        "attempt_id": str(key.attempt_id),
        "tenant_id": key.tenant,
        "campaign_id": campaign,
        "to": request.get("to"),
        **{name: request[name] for name in ("contact_id", "attempt_no", "metadata") if request.get(name) is not None},
        **data,
    }
    event_id = uuid5(_SPACE, f"{key.tenant}/{key.attempt_id}/{kind}/{sequence}")
    extras = {"sequence": sequence}
    if request.get("traceparent"):
        extras["traceparent"] = request["traceparent"]
    envelope = _envelope(event_id, key.tenant, f"call_attempt.{kind}.v1", str(key.attempt_id), at, extras, body)
    return str(event_id), f"{key.tenant}.{campaign}.call_attempt.{kind}", envelope


NO_CAMPAIGN: Final = "_"
"""Stands in the routing key of events about a number that no single campaign caused; no campaign can be named so."""


def number_event(
    tenant: TenantId, campaign: CampaignId | None, number: NumberId, kind: str, at: float, data: Mapping[str, Any]
) -> tuple[str, str, str]:
    """(event id, routing key, body) of `number.<kind>.v1`. `campaign`: where it was noticed, None = outside of any."""
    event_id = uuid5(_SPACE, f"{tenant}/{number}/{kind}/{at:.3f}")
    body = {"tenant_id": tenant, "campaign_id": campaign, "number": number, **data}
    return (
        str(event_id),
        f"{tenant}.{campaign or NO_CAMPAIGN}.number.{kind}",
        _envelope(event_id, tenant, f"number.{kind}.v1", number, at, {}, body),
    )


def sticky_event(
    key: AttemptKey, campaign: CampaignId, kind: str, at: float, data: Mapping[str, Any]
) -> tuple[str, str, str]:
    """(event id, routing key, body) of `sticky.<kind>.v1`, caused by one attempt."""
    event_id = uuid5(_SPACE, f"{key.tenant}/{key.attempt_id}/sticky/{kind}")
    body = {"tenant_id": key.tenant, "campaign_id": campaign, "attempt_id": str(key.attempt_id), **data}
    return (
        str(event_id),
        f"{key.tenant}.{campaign}.sticky.{kind}",
        _envelope(event_id, key.tenant, f"sticky.{kind}.v1", str(key.attempt_id), at, {}, body),
    )


def sticky_order_event(
    tenant: TenantId, campaign: CampaignId, kind: str, at: float, data: Mapping[str, Any]
) -> tuple[str, str, str]:
    """(event id, routing key, body) of `sticky.<kind>.v1`, ordered by an operator. Its subject is the campaign."""
    event_id = uuid5(_SPACE, f"{tenant}/{campaign}/{data.get('to') or ''}/sticky/{kind}/{at:.6f}")
    body = {"tenant_id": tenant, "campaign_id": campaign, **data}
    return (
        str(event_id),
        f"{tenant}.{campaign}.sticky.{kind}",
        _envelope(event_id, tenant, f"sticky.{kind}.v1", campaign, at, {}, body),
    )


CAMPAIGN_EVENT_EVERY_S: Final = 60.0
"""Within such a minute all attempts and replicas tell one event about a campaign: a stalled one has many attempts."""


def campaign_event(tenant: TenantId, campaign: CampaignId, kind: str, at: float) -> tuple[str, str, str]:
    """(event id, routing key, body) of `campaign.<kind>.v1`: what keeps attempts of that campaign from being dialled."""
    event_id = uuid5(_SPACE, f"{tenant}/{campaign}/{kind}/{int(at // CAMPAIGN_EVENT_EVERY_S)}")
    body = {"tenant_id": tenant, "campaign_id": campaign, "blocker": kind}
    return (
        str(event_id),
        f"{tenant}.{campaign}.campaign.{kind}",
        _envelope(event_id, tenant, f"campaign.{kind}.v1", campaign, at, {}, body),
    )


def timestamp(at: float) -> str:
    """RFC 3339 in UTC with milliseconds."""
    second, micros = divmod(round(at * 1_000_000), 1_000_000)
    return f"{_second(second)}.{micros // 1000:03d}Z"


@lru_cache(maxsize=256)
def _second(at: int) -> str:
    """A turn's events share theirs."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _envelope(
    event_id: UUID, tenant: str, kind: str, subject: str, at: float, extras: Mapping[str, Any], data: Mapping[str, Any]
) -> str:
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": f"/outdial/{tenant}",
        "type": kind,
        "subject": subject,
        "time": timestamp(at),
        "datacontenttype": "application/json",
        **extras,
        "data": data,
    }
    return _ENCODER.encode(envelope)
