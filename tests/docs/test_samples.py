"""Golden samples: they hold by the published schemas, the daemon reads them, and what it builds still says the same."""

from __future__ import annotations

import json
from typing import Any, get_args
from uuid import UUID

import jsonschema
import pytest

from outdial.ports.messages import Delivery
from outdial.rabbitmq.event_models import EVENTS
from outdial.rabbitmq.messages import KINDS, VERSION, decode
from outdial.rabbitmq.schemas import events, jobs
from outdial.rules.attempt import AttemptRequest, CancelRequest, HealthReport
from tests.docs import samples

JOBS = [f"{kind}.{VERSION}" for kind in KINDS]
EVENT_TYPES = [kind for model in EVENTS for kind in get_args(model.model_fields["type"].annotation)]


def validate(document: dict[str, Any], sample: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(document, format_checker=jsonschema.FormatChecker()).validate(sample)


def test_there_is_one_of_each_type() -> None:
    assert {file.stem for file in samples.FOLDER.glob("*.json")} == {*JOBS, *EVENT_TYPES}


@pytest.mark.parametrize("kind", JOBS)
def test_a_message_is_valid_and_the_daemon_reads_all_of_it(kind: str) -> None:
    sample = samples.golden(kind)
    validate(jobs(), sample)
    message_id = sample.get("attempt_id")
    request, unknown = decode(
        Delivery("q", "acme", json.dumps(sample).encode(), message_id, kind, {}, redelivered=False)
    )
    assert not unknown
    match request:
        case AttemptRequest(raw=raw, key=key):
            assert dict(raw) == sample
            assert key == ("acme", UUID(sample["attempt_id"]))
        case CancelRequest(key=key):
            assert {"tenant_id": key.tenant, "attempt_id": str(key.attempt_id)} == sample
        case HealthReport(number=number, score=score, source=source, why=why):
            assert {"number": number, "score": score, "source": source, "why": why} == sample


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_event_is_valid_and_what_is_built_today_says_all_of_it(kind: str) -> None:
    """New fields may have come; none that was there may have gone or changed."""
    sample = samples.golden(kind)
    validate(events(), sample)
    today = samples.today()[kind]
    validate(events(), today)
    assert {name: today[name] for name in sample if name != "data"} == {n: v for n, v in sample.items() if n != "data"}
    assert {name: today["data"][name] for name in sample["data"]} == sample["data"]
