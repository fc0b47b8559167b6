"""What is told of a request that cannot be done: a problem document (RFC 9457) that names the field and the cure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from outdial.catalogue.apply import CatalogueMoved
from outdial.catalogue.problems import BadCatalogue
from outdial.errors import BadInput, DatabaseRefused, NotFound, OutdialError, Retryable
from outdial.operator.things import SomebodyElseChanged
from outdial.redaction import mask_text

CONTENT_TYPE: Final = "application/problem+json"


@dataclass(eq=False)
class Problem(Exception):
    """Raised by a resource, or made of an error. `fields`: (field, what is wrong with it, the cure)."""

    status: int
    code: str
    detail: str
    fields: tuple[tuple[str, str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def response(self) -> web.Response:
        """The answer; nothing of the request's values is in it but what was wrong."""
        body: dict[str, Any] = {
            "type": f"urn:outdial:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.fields:
            body["errors"] = [{"field": field, "problem": what, "cure": cure} for field, what, cure in self.fields]
        return web.Response(
            body=json.dumps(body).encode(), status=self.status, headers=dict(self.headers), content_type=CONTENT_TYPE
        )


def problem_of(error: OutdialError) -> Problem:
    """How an error of the operator functions reads over HTTP."""
    match error:
        case BadInput():
            field = (error.field, mask_text(error.problem), error.cure)
            return Problem(422, error.code, mask_text(str(error)), (field,))
        case BadCatalogue():
            fields = tuple((one.where, f"{one.value} {one.what}".strip(), one.cure) for one in error.problems)
            return Problem(422, error.code, "it contradicts the catalogue or itself; nothing was changed", fields)
        case CatalogueMoved() | SomebodyElseChanged():
            return Problem(412, error.code, mask_text(str(error)))
        case NotFound():
            return Problem(404, error.code, mask_text(str(error)))
        case Retryable():
            after = (("Retry-After", str(max(1, round(error.delay_s or 1)))),)
            return Problem(503, error.code, "just now it cannot be asked; try again", headers=after)
        case DatabaseRefused(blames_data=True):
            return Problem(422, error.code, "the database refuses a value of this request")
        case _:
            return Problem(500, error.code, "this failed; the log of the replica says more")


def problem_of_validation(error: ValidationError, place: str) -> Problem:
    """How a query or a body that does not fit its model reads. `place`: `query` or `body`."""
    fields = tuple(_fields(error.errors(include_url=False, include_input=False), place))
    return Problem(422, "bad_input", f"the {place} is not as it should be", fields)


def _fields(errors: Iterable[Any], place: str) -> Iterable[tuple[str, str, str]]:
    for one in errors:
        name = ".".join(str(part) for part in one["loc"]) or place
        cure = "leave it out" if one["type"] == "extra_forbidden" else ""
        yield name, mask_text(str(one["msg"])), cure
