"""The admin port: who is asking, is the request well formed, may they, how often; then the resource; then JSON.

Every change is made by an `operator/` function that writes its own row of the audit log, with the token's name as who.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog
from aiohttp import web
from multidict import MultiMapping
from pydantic import ValidationError

from outdial.admin.console import add_console
from outdial.admin.openapi import openapi
from outdial.admin.pace import Pace
from outdial.admin.problems import Problem, problem_of, problem_of_validation
from outdial.admin.resources import ROUTES
from outdial.admin.routes import ROOT, Answer, Asked, Input, Route, Setting
from outdial.admin.stream import MOST_OF_ONE, Stream, TooManyOfOne, TooManyViewers
from outdial.admin.tokens import Caller, Role, Tokens
from outdial.errors import OutdialError
from outdial.operator.overview import Overview, overview
from outdial.operator.plain import as_data
from outdial.operator.snapshot import KeptCatalogue, keeping

log = structlog.get_logger(__name__)

LARGEST_BODY: Final = 2 * 1024 * 1024
"""Bytes: a list of some ten thousand numbers to suppress."""
ANSWER_WITHIN_S: Final = 30.0
STALLED_S: Final = 30.0
"""A viewer of the stream that takes nothing for so long is let go."""
CAMPAIGN_S: Final = 0.05
MOST_MORE_S: Final = 10.0
"""The overview is told so much more seldom for each campaign, and at most for all."""
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer, problems among them; the console's files have more of their own."""


class AdminServer:
    """The handlers of the admin port. `pace`: how often one token may ask."""

    def __init__(self, setting: Setting, tokens: Tokens, pace: Pace, routes: tuple[Route, ...] = ROUTES) -> None:
        self._setting, self._tokens, self._pace, self._routes = setting, tokens, pace, routes
        self._kept = KeptCatalogue()
        self._stream = Stream(self._look, _still, more_s=more_s)

    def application(self) -> web.Application:
        """To be run with `access_log=None`: paths and queries may hold contacts' numbers."""
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_answer_problems])
        for route in self._routes:
            app.router.add_route(route.method, ROOT + route.matched, self._handler(route))
        app.router.add_get(f"{ROOT}/openapi.json", self._describe)
        app.router.add_get(f"{ROOT}/stream", self._watch)
        add_console(app.router)
        app.on_response_prepare.append(_guard)
        app.on_shutdown.append(self._stop)
        return app

    async def _stop(self, _app: web.Application) -> None:
        self._stream.close()

    async def _look(self) -> Overview:
        with keeping(self._kept):
            return await overview(self._setting.pool(), spam_threshold=self._setting.spam_threshold)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        who = self.admit(request, Role.VIEWER).name
        read_query_of(None, request.query)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        try:
            async for message in self._stream.watch(who):
                if self._caller(request) is None:
                    break  # the token was taken away since
                if not answer.prepared:
                    await answer.prepare(request)
                async with asyncio.timeout(STALLED_S):
                    await answer.write(message)
        except TooManyOfOne:
            what = f"{who} watches {MOST_OF_ONE} streams already; close one, or give each program its own token"
            raise Problem(429, "too_many_streams", what, headers=(("Retry-After", "10"),)) from None
        except TooManyViewers:
            raise Problem(503, "too_many_viewers", "too many watch just now; try again later") from None
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # what it did not take is not kept for it
        except ConnectionResetError:
            pass  # the viewer went
        return answer

    async def _describe(self, _request: web.Request) -> web.Response:
        return web.json_response(openapi(self._routes))

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            caller = self.admit(request, route.role)
            query = read_query_of(route.query, request.query)
            async with asyncio.timeout(ANSWER_WITHIN_S):
                body = await read_body(route, request)
                asked = Asked(self._setting, caller, dict(request.match_info), query, body, request.headers)
                with keeping(self._kept):
                    answer = await route.handle(asked)
            return respond(answer if isinstance(answer, Answer) else Answer(answer), caller)

        return handle

    def admit(self, request: web.Request, role: Role) -> Caller:
        """Whose request it is. Raises the problem when nobody's, not allowed, or too often."""
        caller = self._caller(request)
        if caller is None:
            sent = request.headers.get("Authorization", "").partition(" ")[2]
            what = "this token is not known" if sent else "a bearer token is needed"
            raise Problem(401, "unauthorized", what, headers=(("WWW-Authenticate", 'Bearer realm="outdial"'),))
        wait_s = self._pace.take(caller.name)
        if wait_s > 0:
            after = (("Retry-After", str(max(1, round(wait_s)))),)
            raise Problem(429, "too_many_requests", f"{caller.name} asks too often", headers=after)
        if caller.role < role:
            raise Problem(403, "forbidden", f"{caller.name} may look but not change: this takes the role operator")
        return caller

    def _caller(self, request: web.Request) -> Caller | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return self._tokens.caller(token.strip()) if kind.lower() == "bearer" else None


def _still(picture: dict[str, Any]) -> object:
    """The overview without the clock and the heartbeats."""
    return {**picture, "at": None, "replicas": [(one["worker"], one["is_late"]) for one in picture["replicas"]]}


def more_s(picture: dict[str, Any]) -> float:
    """How much more seldom the overview is told for its size: what it takes from dialling stays the same."""
    return min(CAMPAIGN_S * len(picture["campaigns"]), MOST_MORE_S)


def read_query_of(model: type[Input] | None, query: MultiMapping[str]) -> Any:
    """The query as the model; a name that stands several times becomes a list."""
    values = {name: query.getall(name) for name in query}
    if model is None:
        if values:
            fields = tuple((name, "is not known here", "leave it out") for name in values)
            raise Problem(422, "bad_input", "this takes no query", fields)
        return None
    lists = {name for name, one in model.model_fields.items() if "tuple" in str(one.annotation)}
    plain = {name: found if name in lists or len(found) > 1 else found[0] for name, found in values.items()}
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise problem_of_validation(error, "query") from None


async def read_body(route: Route, request: web.Request) -> Any:
    """The JSON body as the route's model."""
    if route.body is None:
        return None
    text = await request.read()
    try:
        return route.body.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise problem_of_validation(error, "body") from None


def respond(answer: Answer, caller: Caller) -> web.Response:
    """As JSON, with contacts' full numbers only for those who may see them."""
    if answer.value is None:
        return web.Response(status=204, headers=answer.headers)
    body = json.dumps(as_data(answer.value, full=caller.sees_contacts), separators=(",", ":"))
    return web.Response(text=body, status=answer.status, headers=answer.headers, content_type="application/json")


async def _guard(_request: web.Request, answer: web.StreamResponse) -> None:
    answer.headers["Server"] = "outdial"  # and not the versions of what it is made with
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)


@web.middleware
async def _answer_problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except OutdialError as error:
        return problem_of(error).response()
    except web.HTTPException as error:
        return _http_problem(error).response()
    except TimeoutError:
        return Problem(503, "too_slow", "no answer in time; try again", headers=(("Retry-After", "5"),)).response()
    except Exception as error:  # whatever it is, the caller gets an answer and the log a line
        log.exception("admin.failed", error_type=type(error).__name__)
        return Problem(500, "error", "this failed; the log of the replica says more").response()


def _http_problem(error: web.HTTPException) -> Problem:
    known: Mapping[int, tuple[str, str]] = {
        404: ("not_found", f"there is nothing at this path ({ROOT}/openapi.json lists all)"),
        405: ("method_not_allowed", "this path does not take this method"),
        413: ("too_large", f"a body has at most {LARGEST_BODY:,} bytes"),
    }
    code, detail = known.get(error.status, ("error", error.reason))
    allow = (("Allow", error.headers["Allow"]),) if "Allow" in error.headers else ()
    return Problem(error.status, code, detail, headers=allow)
