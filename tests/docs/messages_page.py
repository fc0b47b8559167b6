"""docs/reference/messages.md, from the models and the golden samples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from outdial.ports.messages import WhyBad
from outdial.rabbitmq.event_models import EVENTS, AttemptEnvelope, Envelope
from outdial.rabbitmq.json_body import MAX_BODY_BYTES
from outdial.rabbitmq.messages import KINDS, VERSION
from outdial.rules.attempt_queues import QueueNames
from outdial.rules.events import SEQUENCE
from tests.docs.samples import golden
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "messages.md"
_NAMES = QueueNames()

INTRODUCTION = f"""# Messages

What producers send and what they get back. This page is written from the models. For machines there are JSON Schema of
[messages in](schemas/jobs.schema.json) and [events out](schemas/events.schema.json) and [AsyncAPI](schemas/asyncapi.json) of
both; `outdial schema jobs|events|asyncapi` prints them. Golden samples, one file per type, lie in `samples/v1`; they stay as
they are. How to use all this: [integrate a producer](../how-to/integrate-a-producer.md).

Within a major version fields are only added. outdial ignores and counts fields it does not know; consumers must ignore them.

## In

| property | value |
| --- | --- |
| exchange | `{_NAMES.exchange}` (topic, durable); with `rabbitmq.prefix` set otherwise, that prefix |
| routing key | the tenant's id |
| `message_id` | the `attempt_id`, for attempts and cancels |
| `type` | one of the types below; without a type it is `call_attempt.requested.{VERSION}` |
| `delivery_mode` | 2 (persistent) |
| `mandatory` | true: a message that no queue takes comes back to you |
| body | UTF-8 JSON, one object, at most {MAX_BODY_BYTES:,} bytes |
| header `traceparent` | W3C trace context, given on in events; the field of the body goes first |

Publish with confirms: only a confirmed message is outdial's. Repeat what was not confirmed, with the same id.
"""
BAD = """### What cannot be understood

goes to the table of dead letters with a reason and the path of the field, and is never lost: `outdial dead list`. What is
well-formed but must not be dialled (unknown campaign, impossible number, forbidden destination, suppressed contact) ends as
`rejected`, with an event.

"""
OUT = f"""## Out

CloudEvents 1.0, structured JSON, on the topic exchange `{_NAMES.events}` with the routing key `tenant.campaign.type`, where the
type stands without its version: bind `acme.*.call_attempt.*` for all attempts of a tenant, `*.*.number.*` for all news about
numbers. Where no campaign caused a number's event, `_` stands for it.

Delivered at least once and in any order. `id` is the same when an event is published again; `sequence` orders the events of
one attempt: {", ".join(f"{kind} {number}" for kind, number in SEQUENCE.items())} (and on with each further correction). Keep
the highest seen for each attempt and ignore what is lower.

`accepted`, `placed` and `answered` are published if the campaign asks for them (`optional_events`); all others always.

### Envelope

"""


def render() -> str:
    """The whole page."""
    reasons = ", ".join(f"`{reason}`" for reason in WhyBad)
    return "\n".join(
        [
            INTRODUCTION,
            *(part for model in KINDS.values() for part in _type(model, [f"{model.kind}.{VERSION}"], model)),
            BAD.rstrip() + "\n",
            f"Reasons: {reasons}.\n",
            OUT.rstrip() + "\n",
            table(
                ("field", "type", "always", "meaning"), [*_rows(Envelope), ("`data`", "object", "yes", "See below.")]
            ),
            *(part for model in EVENTS for part in _event(model)),
        ]
    )


def _event(model: type[Envelope]) -> Iterator[str]:
    data = model.model_fields["data"].annotation
    assert isinstance(data, type)
    assert issubclass(data, BaseModel)
    yield from _type(model, list(get_args(model.model_fields["type"].annotation)), data)


def _type(model: type[BaseModel], kinds: list[str], fields: type[BaseModel]) -> Iterator[str]:
    """A heading, what it says, its fields, and the sample of its first type."""
    yield f"### {', '.join(f'`{kind}`' for kind in kinds)}\n"
    yield f"{' '.join((model.__doc__ or '').split())}\n"
    yield table(("field", "type", "always", "meaning"), _rows(fields))
    yield f"[Sample](samples/v1/{kinds[0]}.json):\n"
    yield f"```json\n{json.dumps(_shown(model, golden(kinds[0])), indent=2, ensure_ascii=False)}\n```\n"


def _shown(model: type[BaseModel], sample: Mapping[str, Any]) -> Any:
    """Of an event about an attempt only the data: the envelope is the same each time."""
    return sample["data"] if issubclass(model, AttemptEnvelope) else sample


def _rows(model: type[BaseModel]) -> Iterator[tuple[str, str, str, str]]:
    schema = model.model_json_schema()
    required = schema.get("required", [])
    for name, of in schema["properties"].items():
        field = next(field for key, field in model.model_fields.items() if name in (key, field.alias))
        always = "yes" if name in required else ""
        yield f"`{name}`", _kind(of, schema.get("$defs", {})), always, field.description or ""


def _kind(of: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The type in words, with bounds; what may be null says so."""
    if "anyOf" in of:
        return " or ".join(_kind(one, definitions) for one in of["anyOf"] if one.get("type") != "null")
    if "$ref" in of:
        return _kind(definitions[of["$ref"].rpartition("/")[2]], definitions)
    if "enum" in of:
        return "one of " + ", ".join(f"`{one}`" for one in of["enum"]) if len(of["enum"]) < 10 else "[outcome](outcomes.md)"  # fmt: skip
    if "const" in of:
        return f"`{json.dumps(of['const'])}`"
    kind = str(of.get("format", of.get("type", "any")))
    if "minimum" in of:
        return f"{kind}, {of['minimum']:,} to {of['maximum']:,}"
    return (
        f"text, {of.get('minLength', 0)} to {of['maxLength']}" if "maxLength" in of else kind.replace("string", "text")
    )


if __name__ == "__main__":
    PAGE.write_text(render())
