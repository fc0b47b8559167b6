"""The published documents: JSON Schema (2020-12) of messages and events, and AsyncAPI 3.1 of both. Made from the models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from outdial.rabbitmq.event_models import EVENTS, Envelope
from outdial.rabbitmq.json_body import MAX_BODY_BYTES
from outdial.rabbitmq.messages import KINDS, VERSION, Message
from outdial.rules.attempt_queues import QueueNames

Document = dict[str, Any]
_NAMES: Final = QueueNames()


def jobs() -> Document:
    """The schema of every message that outdial takes."""
    return _schema(
        "Messages to outdial",
        f"Published on the topic exchange {_NAMES.exchange}; routing key = tenant id. The AMQP `type` says which it is; "
        f"at most {MAX_BODY_BYTES:,} bytes; unknown fields are ignored and counted.",
        KINDS.values(),
    )


def events() -> Document:
    """The schema of every event that outdial publishes."""
    return _schema(
        "Events of outdial",
        f"CloudEvents 1.0 (structured JSON) on the topic exchange {_NAMES.events}; routing key tenant.campaign.type. "
        "At least once: the same event has the same id. Ignore fields that you do not know.",
        EVENTS,
    )


def asyncapi() -> Document:
    """Both, with exchanges, routing keys and AMQP properties."""
    _, made = models_json_schema(
        [(model, "validation") for model in (*KINDS.values(), *EVENTS)], ref_template="#/components/schemas/{model}"
    )
    into = {model.__name__: _message(_type_of(model), "application/json", model) for model in KINDS.values()}
    out = {model.__name__: _message(None, "application/cloudevents+json", model) for model in EVENTS}
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "outdial",
            "version": VERSION,
            "description": "Call attempts in, events out, over AMQP 0-9-1.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "attempts": _channel("{tenant_id}", _NAMES.exchange, {"tenant_id": "The tenant's id."}, into),
            "events": _channel(
                "{tenant_id}.{campaign_id}.{type}",
                _NAMES.events,
                {
                    "tenant_id": "The tenant's id.",
                    "campaign_id": "The campaign's id.",
                    "type": "The event's type without version, like call_attempt.ended: two words of the key.",
                },
                out,
            ),
        },
        "operations": {
            "takeAttempts": _operation("receive", "attempts", into, mandatory=True),
            "publishEvents": _operation("send", "events", out, mandatory=False),
        },
        "components": {"messages": {**into, **out}, "schemas": made["$defs"]},
    }


DOCUMENTS: Final[Mapping[str, tuple[str, Callable[[], Document]]]] = {
    "jobs": ("jobs.schema.json", jobs),
    "events": ("events.schema.json", events),
    "asyncapi": ("asyncapi.json", asyncapi),
}
"""Each document's name, its file below docs/reference/schemas, and how it is made."""


def _schema(title: str, description: str, models: Iterable[type[BaseModel]]) -> Document:
    models = list(models)
    _, made = models_json_schema([(model, "validation") for model in models])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "description": description,
        "anyOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in models],
        "$defs": made["$defs"],
    }


def _type_of(model: type[Message]) -> str:
    return f"{model.kind}.{VERSION}"


def _message(kind: str | None, content_type: str, model: type[Message] | type[Envelope]) -> Document:
    types = [kind] if kind else list(get_args(model.model_fields["type"].annotation))
    return {
        "name": model.__name__,
        "title": " | ".join(types),
        "summary": (model.__doc__ or "").split("\n")[0],
        "contentType": content_type,
        "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
        "bindings": {"amqp": {"contentEncoding": "utf-8", "messageType": types[0], "bindingVersion": "0.3.0"}},
    }


def _channel(address: str, exchange: str, parameters: Mapping[str, str], messages: Mapping[str, Document]) -> Document:
    return {
        "address": address,
        "parameters": {name: {"description": meaning} for name, meaning in parameters.items()},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False, "vhost": "/"},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operation(action: str, channel: str, messages: Mapping[str, Document], *, mandatory: bool) -> Document:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in messages],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": mandatory, "bindingVersion": "0.3.0"}},
    }
