"""The OpenAPI description is valid, and every answer is as it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from outdial.admin.openapi import openapi
from outdial.admin.resources import ROUTES
from tests.admin.asking import SEEING, VIEWER, Api
from tests.support.dialled import Dialled


@pytest.fixture
async def described(api: Api) -> Any:
    return (await api.get("/openapi.json", None)).body


def test_the_page_in_the_reference_is_this_one() -> None:
    page = json.loads((Path(__file__).parents[2] / "docs/reference/schemas/admin.openapi.json").read_text())
    assert page == json.loads(json.dumps(openapi(ROUTES))), (
        "run: outdial schema admin > docs/reference/schemas/admin.openapi.json"
    )


async def test_it_is_valid_and_lists_every_route(described: Any) -> None:
    validate(described)
    listed = {(method.upper(), path) for path, one in described["paths"].items() for method in one}
    assert listed == {(route.method, "/api/v1" + route.path) for route in ROUTES} | {("GET", "/api/v1/stream")}
    names = [one["operationId"] for path in described["paths"].values() for one in path.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("token", [VIEWER, SEEING])
@pytest.mark.parametrize(
    ("path", "template", "query"),
    [
        ("/campaigns/spring/health", "/campaigns/{campaign}/health", {}),
        ("/overview", "/overview", {}),
        ("/campaigns/spring/capacity", "/campaigns/{campaign}/capacity", {}),
        ("/campaigns/spring/pick", "/campaigns/{campaign}/pick", {"to": "+13125550111"}),
        ("/attempts", "/attempts", {"campaign": "spring", "limit": "1000"}),
        ("/attempts/OWN/explain", "/attempts/{attempt}/explain", {}),
        ("/attempts/WAITS/explain", "/attempts/{attempt}/explain", {}),
        ("/attempts/OWN/replay", "/attempts/{attempt}/replay", {}),
        ("/numbers/n4/health", "/numbers/{number}/health", {}),
        ("/numbers/nobody/health", "/numbers/{number}/health", {}),
        *((f"/{kind}", f"/{kind}", {}) for kind in ("tenants", "connections", "numbers", "campaigns")),
        ("/campaigns/spring", "/campaigns/{campaign}", {}),
        ("/connections/line", "/connections/{connection}", {}),
    ],
)
async def test_answers_are_as_described(
    api: Api, dialled: Dialled, described: Any, token: str, path: str, template: str, query: dict[str, str]
) -> None:
    told = await api.get(path.replace("OWN", dialled.own_again).replace("WAITS", dialled.waits), token, **query)
    response = described["paths"]["/api/v1" + template]["get"]["responses"][str(told.status)]
    (content,) = response["content"].values()
    schema = {**content["schema"], "components": described["components"]}
    Draft202012Validator(schema).validate(told.body)
