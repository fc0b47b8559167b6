"""A provider's own description of its API as the judge of what we send (openapi-core; the files lie in tests/data)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from tests.providers.scripted_server import Request

DESCRIPTIONS = Path(__file__).parents[2] / "data" / "openapi"


@cache
def _description(name: str) -> OpenAPI:
    return OpenAPI.from_dict(json.loads((DESCRIPTIONS / name).read_text()))


@cache
def _server(name: str) -> str:
    return str(json.loads((DESCRIPTIONS / name).read_text())["servers"][0]["url"])


def validate(name: str, request: Request) -> None:
    """Raises when the description does not allow this request: address, authorization, query or body."""
    address = urlsplit(request.target)
    host = urlsplit(_server(name))
    _description(name).validate_request(
        MockRequest(
            f"{host.scheme}://{host.netloc}",
            request.method.lower(),
            address.path,
            args=dict(parse_qsl(address.query)),
            headers={key: value for key, value in request.headers.items() if key != "content-length"},
            data=request.body,
            content_type=request.headers.get("content-type", "application/json"),
        )
    )
