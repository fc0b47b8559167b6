"""The operator's side of the simulated carrier, under /_carrier/: JSON in, JSON out.

GET tally · POST reset · GET accounts · GET, POST and DELETE faults · GET calls?account=&to=&open=1&at_most= · POST calls/{id} {"do": "advance"
or "hang_up"} · POST accounts/{name} {limit, calls_per_second, suspended, above_limit} · POST numbers/{number} {figures}
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from aiohttp import web

from outdial.carrier.behaviour import NAMES
from outdial.carrier.calls import Call
from outdial.carrier.faults import Fault, read_fault
from outdial.carrier.reading import ScenarioError, Table
from outdial.carrier.scenario import Account
from outdial.carrier.telnyx_webhooks import public_key_of

if TYPE_CHECKING:
    from outdial.carrier.server import SimulatedCarrier

PREFIX = "/_carrier/"
_CALLS_SHOWN = 1000
_ACCOUNT_KEYS = ("limit", "calls_per_second", "suspended", "above_limit")


class _NotThere(Exception):
    """No such resource."""


class Admin:
    """Answers requests for one carrier."""

    def __init__(self, carrier: SimulatedCarrier) -> None:
        self._carrier = carrier

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Any request below /_carrier/."""
        what, _, which = request.path.removeprefix(PREFIX).strip("/").partition("/")
        try:
            return web.json_response(await self._do(request, request.method, what, which))
        except ScenarioError as error:
            return web.json_response({"error": str(error)}, status=400)
        except _NotThere:
            return web.json_response({"error": f"no such resource: {request.method} {what}"}, status=404)

    async def _do(self, request: web.BaseRequest, method: str, what: str, which: str) -> object:
        match method, what:
            case "GET", "tally":
                return self._carrier.tally()
            case "POST", "reset":
                await self._carrier.reset()
                return {"reset": True}
            case (("GET" | "POST" | "DELETE"), "faults"):
                return await self._faults(request, method)
            case "GET", "calls":
                return self._calls(request)
            case "POST", "calls":
                return self._move(which, await _body(request))
            case "GET", "accounts":
                return {"accounts": {name: _account(each) for name, each in self._carrier.switchboard.accounts.items()}}
            case "POST", "accounts":
                return self._account(which, await _body(request))
            case "POST", "numbers":
                return self._number(which, await _body(request))
            case _:
                raise _NotThere

    async def _faults(self, request: web.BaseRequest, method: str) -> object:
        box = self._carrier.faults
        if method == "POST":
            rules = await _json(request)
            for rule in self._rules(rules if isinstance(rules, list) else [rules]):
                box.add(rule)
        elif method == "DELETE":
            box.clear()
        return {"faults": box.counts()}

    def _rules(self, rules: list[object]) -> list[Fault]:
        tables = Table({"faults": rules}).tables("faults")
        read = [read_fault(each) for each in tables]
        for table, fault in zip(tables, read, strict=True):
            if fault.account and fault.account not in self._carrier.switchboard.accounts:
                raise ScenarioError(table.at("account"), f"there is no account {fault.account!r}")
        return read

    def _calls(self, request: web.BaseRequest) -> object:
        query = request.query
        at_most = Table({"at_most": _whole(query.get("at_most"))}).whole("at_most", _CALLS_SHOWN)
        shown: list[dict[str, object]] = []
        for call in self._carrier.switchboard.calls(query.get("account"), query.get("to")):
            if query.get("open") != "1" or call.open:
                shown.append(_shown(call))
            if len(shown) == at_most:
                break
        return {"calls": shown}

    def _move(self, call_id: str, body: Table) -> object:
        do = body.only(["do"]).one_of("do", ("advance", "hang_up"), "advance")
        switchboard = self._carrier.switchboard
        call = next((each for each in switchboard.calls() if each.call_id == call_id), None)
        if call is None:
            raise _NotThere
        if call.open:
            (switchboard.advance if do == "advance" else switchboard.hang_up)(call)
        return _shown(call)

    def _account(self, name: str, body: Table) -> object:
        switchboard = self._carrier.switchboard
        old = switchboard.accounts.get(name)
        if old is None:
            raise _NotThere
        body.only(_ACCOUNT_KEYS)
        account = replace(
            old,
            limit=body.whole("limit", old.limit),
            calls_per_second=body.number("calls_per_second", old.calls_per_second, high=1e5),
            suspended=body.flag("suspended", default=old.suspended),
            above_limit=body.one_of("above_limit", ("accept", "refuse"), old.above_limit),
        )
        switchboard.change_account(account)
        return {key: getattr(account, key) for key in _ACCOUNT_KEYS}

    def _number(self, number: str, body: Table) -> object:
        self._carrier.switchboard.change_number(number, body.only(NAMES))
        return {"number": number, "changed": sorted(body.values)}


def _whole(text: str | None) -> object:
    return _CALLS_SHOWN if text is None else int(text) if text.isdecimal() else text


async def _json(request: web.BaseRequest) -> object:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise ScenarioError("body", f"is not JSON: {error}") from error


async def _body(request: web.BaseRequest) -> Table:
    value = await _json(request)
    if not isinstance(value, dict):
        raise ScenarioError("body", "is not a JSON object")
    return Table(value)


def _account(account: Account) -> dict[str, object]:
    """All that a client needs to log in and to verify callbacks. Simulated: it protects nothing."""
    return {
        "provider": account.provider,
        "account_id": account.account_id,
        "auth_token": account.auth_token,
        "public_key": public_key_of(account) if account.provider == "telnyx" else None,
        "limit": account.limit,
        "calls_per_second": account.calls_per_second,
        "numbers": len(account.numbers),
    }


def _shown(call: Call) -> dict[str, object]:
    return {
        "call_id": call.call_id,
        "account": call.order.account,
        "from": call.order.from_number,
        "to": call.order.to,
        "token": call.order.token,
        "attempt": call.order.attempt,
        "phase": call.phase.name.lower(),
        "ending": call.ending.value if call.ending else None,
        "arrived_at": call.arrived_at,
        "accepted_at": call.accepted_at,
        "answered_at": call.answered_at,
        "ended_at": call.ended_at,
        "queue_s": call.queue_s,
    }
