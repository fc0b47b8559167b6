"""The OpenAPI 3.1 description, made of the route table and of the very types that the resources answer with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import is_dataclass
from typing import Any, Final, Literal

from pydantic import TypeAdapter

from outdial.admin.problems import CONTENT_TYPE
from outdial.admin.routes import PATTERNS, ROOT, Route
from outdial.admin.tokens import Role
from outdial.operator.plain import is_time

_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "problem", "cure"],
                "properties": {name: {"type": "string"} for name in ("field", "problem", "cure")},
            },
        },
    },
}
_SAYS: Final = {
    401: "No token, or an unknown one",
    403: "The token's role does not allow it",
    404: "Not there",
    409: "It contradicts how things stand",
    412: "Somebody else changed it in the meantime",
    422: "A field is not as it should be",
    428: "If-Match is needed",
    429: "Asked too often",
    500: "It failed",
    503: "Just now it cannot be asked",
}


def openapi(routes: Iterable[Route]) -> dict[str, Any]:
    """The whole description."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(ROOT + route.path, {})[route.method.lower()] = _operation(route, schemas)
    paths[f"{ROOT}/stream"] = {"get": _stream()}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "outdial admin API",
            "version": "1",
            "description": "What operators see and steer. Times are RFC 3339; contacts' full numbers (fields named "
            "`contact`) are only there for tokens that may see them.",
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.path.strip("/").split("/")[0]],
        "x-role": route.role.name.lower(),
        "parameters": [*_path(route), *_query(route, schemas)],
        "responses": {str(status): _response(status, route, schemas) for status in _statuses(route)},
    }
    if route.body is not None:
        content = {"application/json": {"schema": _schema(route.body, schemas)}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _stream() -> dict[str, Any]:
    """Not of the table: its answer has no end."""
    told = {"description": "`event: overview` with an Overview as data, each time that it differs; `event: trouble`"}
    good = {**told, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    problems = {str(status): _problem(status) for status in (401, 422, 429, 500, 503)}
    return {
        "operationId": "get_stream",
        "summary": "How things stand, told as it changes (server-sent events)",
        "tags": ["overview"],
        "x-role": "viewer",
        "parameters": [],
        "responses": {"200": good, **problems},
    }


def _statuses(route: Route) -> list[int]:
    good = {200 if route.answer is not None else 204}
    good = {one for one in route.statuses if one < 300} or good
    bad = {401, 422, 429, 500, 503, *(one for one in route.statuses if one >= 300)}
    if route.placeholders or route.query is not None or route.body is not None:
        bad.add(404)
    if route.role > Role.VIEWER:
        bad.add(403)
    return sorted(good | bad)


def _response(status: int, route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    if status == 204:
        return {"description": "Done"}
    if status < 300:
        assert route.answer is not None
        return {"description": "Done", "content": {"application/json": {"schema": _schema(route.answer, schemas)}}}
    return _problem(status)


def _problem(status: int) -> dict[str, Any]:
    return {"description": _SAYS[status], "content": {CONTENT_TYPE: {"schema": _reference("Problem")}}}


def _path(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1, **_pattern(name)}}
        for name in route.placeholders
    ]


def _pattern(name: str) -> dict[str, str]:
    return {"pattern": f"^{PATTERNS[name]}$"} if name in PATTERNS else {}


def _query(route: Route, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = TypeAdapter(route.query).json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.get("$defs", {}))
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": one.get("description", ""),
            "schema": {key: value for key, value in one.items() if key not in {"title", "description"}},
        }
        for name, one in schema["properties"].items()
    ]


def _schema(model: type, schemas: dict[str, Any]) -> dict[str, Any]:
    """A reference to the type's schema, which is kept among `schemas` with all that it is made of."""
    mode: Literal["serialization", "validation"] = "serialization" if is_dataclass(model) else "validation"
    schema = TypeAdapter(model).json_schema(mode=mode, ref_template="#/components/schemas/{model}")
    parts = {**schema.pop("$defs", {}), model.__name__: schema}
    if set(schema) == {"$ref"}:
        del parts[model.__name__]
    for name, part in parts.items():
        described = _as_answered(part) if is_dataclass(model) else part
        if schemas.setdefault(name, described) != described:
            raise TypeError(f"two different things are called {name}")
    return _reference(model.__name__)


def _as_answered(schema: dict[str, Any]) -> dict[str, Any]:
    """As `as_data` writes it: times as text, no infinities, `contact` only for those who may see it."""
    properties = {name: _property(name, one) for name, one in schema.get("properties", {}).items()}
    if not properties:
        return schema
    return {**schema, "properties": properties, "required": [name for name in properties if name != "contact"]}


def _property(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    kinds = schema.get("anyOf", [schema])
    if not any(kind.get("type") == "number" for kind in kinds):
        return schema
    number = {"type": "string", "format": "date-time"} if is_time(name) else {"type": "number"}
    return {**{key: value for key, value in schema.items() if key == "title"}, "anyOf": [number, {"type": "null"}]}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
