"""The published schemas: they are those of the models, they hold for what is built, and they refuse what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from outdial.cli import schema as schema_command
from outdial.dispatch.announce import Announcer
from outdial.ports.messages import OutgoingEvent
from outdial.rabbitmq.schemas import DOCUMENTS, asyncapi, events, jobs
from outdial.rules.events import attempt_event, campaign_event, number_event, sticky_event, sticky_order_event
from outdial.rules.ids import AttemptId, AttemptKey, CampaignId, NumberId, TenantId
from outdial.telemetry.metrics import Metrics
from tests.messages.deliveries import ATTEMPT_ID, message
from tests.messages.test_decoding import BAD_FIELDS, FULL

FOLDER = Path(__file__).parents[2] / "docs" / "reference" / "schemas"
KEY = AttemptKey(TenantId("acme"), AttemptId(UUID(ATTEMPT_ID)))
SPRING = CampaignId("spring")


def validator(document: dict[str, Any], name: str | None = None) -> jsonschema.Draft202012Validator:
    """Of the whole document, or of one of its definitions."""
    chosen = document if name is None else {"$defs": document["$defs"], "$ref": f"#/$defs/{name}"}
    return jsonschema.Draft202012Validator(chosen, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_files_are_those_of_the_models(name: str) -> None:
    file, make = DOCUMENTS[name]
    assert json.loads((FOLDER / file).read_text()) == make(), (
        f"run: outdial schema {name} > docs/reference/schemas/{file}"
    )


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_command_prints_them(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    import argparse

    parser = argparse.ArgumentParser()
    schema_command.register(parser)
    assert schema_command.run(parser.parse_args([name])) == 0
    assert json.loads(capsys.readouterr().out) == DOCUMENTS[name][1]()


@pytest.mark.parametrize("make", [jobs, events])
def test_they_are_valid_schemas(make: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(make())


@pytest.mark.parametrize("body", [FULL, message(), message(unknown=1)], ids=["full", "minimal", "newer"])
def test_good_messages_are_valid(body: dict[str, object]) -> None:
    validator(jobs(), "AttemptRequested").validate(body)


SEEN_BY_A_SCHEMA = [
    name
    for name, (_, reason, _) in BAD_FIELDS.items()
    if reason in {"missing_field", "invalid_field"}
    and not name.startswith(
        ("Twilio", "Unix seconds as", "the 30th", "a time no", "metadata over", "an id in", "a date")
    )
    and name not in {"a time without zone", "an id that is none", "a tenant with a line end"}
]


@pytest.mark.parametrize("name", SEEN_BY_A_SCHEMA)
def test_bad_messages_are_invalid(name: str) -> None:
    assert not validator(jobs(), "AttemptRequested").is_valid(BAD_FIELDS[name][0])


def built_events() -> list[OutgoingEvent]:
    """What the code builds, one of each kind that needs no call."""
    collected: list[OutgoingEvent] = []
    announcer = Announcer(collected, Metrics())
    for outcome, reason in (("expired", "not_after"), ("rejected_request", "unknown_tenant"), ("canceled", "asked")):
        announcer.attempt_ended(KEY, SPRING, FULL, outcome, reason, 1795255200.25)
    call = {
        "number": "us-1", "from": "+12025550101", "connection": "acme-us", "tier": "sticky", "carrier_call_id": "CA1", "answered_by": "human",
        "provider_status": "completed", "provider_code": None, "intent_at": "2026-11-21T10:00:00.000Z",
    }  # fmt: skip
    made = [
        *(campaign_event(KEY.tenant, SPRING, kind, 1.0) for kind in ("no_eligible_number", "numbers_at_daily_cap")),
        attempt_event(KEY, SPRING, "accepted", 1.0, FULL, {}),
        attempt_event(KEY, SPRING, "placed", 1.0, FULL, call),
        attempt_event(KEY, SPRING, "answered", 1.0, FULL, call),
        attempt_event(KEY, SPRING, "ended", 1.0, FULL, {"outcome": "answered_human", "reached": True, **call}),
        attempt_event(
            KEY, SPRING, "corrected", 1.0, FULL, {"outcome": "busy", "was": "ambiguous", "reached": False, **call}, 1
        ),
        *(
            number_event(KEY.tenant, SPRING, NumberId("us-1"), kind, 1.0, {"from": "+12025550101"})
            for kind in ("flagged", "carrier_rejected", "failing", "recovered")
        ),
        *(
            number_event(KEY.tenant, None, NumberId("us-1"), kind, 1.0, {"from": "+12025550101", "why": "x"})
            for kind in ("unflagged", "cleared", "deactivated", "released", "activated")
        ),
        sticky_order_event(KEY.tenant, SPRING, "bound", 1.0, {"to": "+12025550143", "number": "us-1", "by": "ann"}),
        sticky_order_event(KEY.tenant, SPRING, "cleared", 1.0, {"to": None, "count": 12, "by": "ann"}),
        *(
            sticky_event(KEY, SPRING, kind, 1.0, {"to": "+12025550143", "number": "us-1", "previous": None})
            for kind in ("bound", "moved")
        ),
    ]
    return [*collected, *(OutgoingEvent(*one) for one in made)]


@pytest.mark.parametrize("event", built_events(), ids=lambda event: event.routing_key)
def test_what_is_built_is_valid(event: OutgoingEvent) -> None:
    body = json.loads(event.body)
    validator(events()).validate(body)
    (name,) = [
        m["name"] for m in asyncapi()["components"]["messages"].values() if body["type"] in m["title"].split(" | ")
    ]
    validator(events(), name).validate(body)
    assert not validator(events()).is_valid(body | {"type": "call_attempt.other.v1"})


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()
    references = set(_references(document))
    assert len(references) > 20
    for reference in references:
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in _references(value)]
    return [found for value in part for found in _references(value)] if isinstance(part, list) else []
