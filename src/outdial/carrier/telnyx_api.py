"""Telnyx's Call Control API, version 2: dial, call status, live calls, hang up, and the list of events."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from outdial.carrier.arrival import arrived_at
from outdial.carrier.calls import Call
from outdial.carrier.courier import Courier
from outdial.carrier.faults import Fault
from outdial.carrier.http_api import Answer, Route
from outdial.carrier.naming import Naming
from outdial.carrier.scenario import Account, Scenario
from outdial.carrier.switchboard import LimitReached, QueueFull, Switchboard
from outdial.carrier.telnyx_create import REFUSALS, Creation, read_creation
from outdial.carrier.telnyx_resource import VERSION, ApiError, call_id_of, live_call, names_of, status_of
from outdial.carrier.telnyx_webhooks import TelnyxFollower, signing_key_of

_ROUTES = (
    ("POST", re.compile(rf"/{VERSION}/calls()"), "create"),
    ("GET", re.compile(rf"/{VERSION}/calls/([^/]+)"), "fetch"),
    ("POST", re.compile(rf"/{VERSION}/calls/([^/]+)/actions/hangup"), "update"),
    ("GET", re.compile(rf"/{VERSION}/connections/([^/]+)/active_calls"), "list"),
    ("GET", re.compile(rf"/{VERSION}/call_events()"), "list"),
)
_EVENTS_PATH = f"/{VERSION}/call_events"
STATUS_KEPT_S = 600.0
"""A call's status is forgotten ten minutes after its end, real seconds."""
COMMAND_KEPT_S = 60.0
"""How long a repeated `command_id` is ignored, real seconds."""
LARGEST_PAGE = 250
_TITLES = {401: ("10009", "Authentication failed"), 404: ("10005", "Resource not found"),
           429: ("10011", "Too many requests"), 503: ("10037", "Service unavailable")}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TelnyxApi:
    """Speaks for the switchboard in Telnyx's words."""

    switchboard: Switchboard
    courier: Courier
    scenario: Scenario
    naming: Naming
    accounts: dict[str, str]
    """API key to the account's name."""
    commands: dict[tuple[str, str], tuple[Call, float]] = field(default_factory=dict)
    """(account, command id) to the call it made, and when."""

    @classmethod
    def of(cls, switchboard: Switchboard, courier: Courier, scenario: Scenario) -> TelnyxApi:
        """The API of all Telnyx accounts of the scenario."""
        accounts = {account.auth_token: name for name, account in scenario.accounts_at("telnyx")}
        naming = Naming(re.compile(scenario.token_pattern), scenario.attempt_parameter)
        return cls(switchboard, courier, scenario, naming, accounts)

    def route(self, request: web.BaseRequest) -> Route | None:
        """What the request asks for; the API key says for whom."""
        for method, pattern, operation in _ROUTES:
            found = pattern.fullmatch(request.path)
            if found is not None and request.method == method:
                key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
                return Route(operation, key, self.accounts.get(key, ""), found.group(1))
        return None

    async def perform(self, route: Route, request: web.BaseRequest, fault: Fault | None) -> Answer:
        """Do what was asked, or refuse as documented."""
        raw = await request.read()
        try:
            account = self._authenticated(route)
            match route.operation:
                case "create":
                    return self._create(account, _object(raw), arrived_at(request))
                case "list":
                    return self._list(account, route, request, fault)
                case "fetch":
                    return self._status(self._call(account, route))
                case _:
                    return self._hang_up(self._call(account, route), _object(raw))
        except ApiError as error:
            if route.operation == "create" and route.account:
                self.switchboard.tally.refused(route.account, error.code)
            return error.answer()

    def error(self, status: int) -> Answer:
        """A failure of Telnyx's own."""
        code, title = _TITLES.get(status, ("10007", "Unexpected error"))
        return ApiError(status, code, title, "Simulated failure of the carrier.").answer()

    def without_id(self, answer: Answer) -> Answer:
        """The status without its call_control_id."""
        return self._with_id(answer, None)

    def with_wrong_id(self, answer: Answer) -> Answer:
        """The status with the id of no call."""
        return self._with_id(answer, call_id_of("no call"))

    def _with_id(self, answer: Answer, call_id: str | None) -> Answer:
        data = answer.payload.get("data")
        changed = {**data, "call_control_id": call_id} if isinstance(data, Mapping) else {}
        return answer.with_field("data", {name: value for name, value in changed.items() if value is not None})

    def _authenticated(self, route: Route) -> Account:
        account = self.switchboard.accounts.get(route.account)
        if account is None:
            raise ApiError(401, "10009", "Authentication failed", "No key found matching the ID.")
        if account.suspended:
            raise ApiError(403, "20013", "Account blocked", "Your account has been blocked.")
        return account

    def _create(self, account: Account, body: Mapping[str, object], arrived: float | None) -> Answer:
        creation = read_creation(body, account, self.naming)
        repeated = self._repeated(account, creation)
        if repeated is not None:
            self.switchboard.tally.refused(account.name, "repeated_command")
            return self._status(repeated)
        order = creation.order
        refusal = self.switchboard.population.behaviour(order.from_number, order.to).refuse
        if refusal:
            raise ApiError(*REFUSALS[refusal], pointer="" if refusal == "caller_id" else "/to")
        follower = self._follower(account, creation)
        try:
            call = self.switchboard.accept(call_id_of(follower.leg_id), order, follower, arrived)
        except LimitReached:
            title = "Connection outbound channels limit exceeded"
            raise ApiError(
                403, "90043", title, "The limit of simultaneous outbound channels has been reached. D1"
            ) from None
        except QueueFull:
            raise ApiError(
                429, "10011", "Too many requests", "You have exceeded the allowed number of requests."
            ) from None
        if creation.command_id:
            self.commands[account.name, creation.command_id] = call, self.switchboard.now()
        return self._status(call)

    def _follower(self, account: Account, creation: Creation) -> TelnyxFollower:
        follower = TelnyxFollower(
            self.courier,
            self.switchboard.now,
            signing_key_of(account),
            account.account_id,
            str(uuid.uuid4()),
            creation.client_state,
            creation.webhook_url,
        )
        if creation.premium:
            follower.detection_event = "call.machine.premium.detection.ended"
        return follower

    def _repeated(self, account: Account, creation: Creation) -> Call | None:
        """The call that the same command made a moment ago. Older commands are forgotten on the way."""
        oldest = self.switchboard.now() - COMMAND_KEPT_S
        while self.commands and next(iter(self.commands.values()))[1] < oldest:
            del self.commands[next(iter(self.commands))]
        call, _ = self.commands.get((account.name, creation.command_id), (None, 0.0))
        return call

    def _call(self, account: Account, route: Route) -> Call:
        call = self.switchboard.find(account.name, route.call_id)
        if call is None or (call.ended_at or self.switchboard.now()) < self.switchboard.now() - STATUS_KEPT_S:
            raise ApiError(404, "10005", "Resource not found", "The requested call was not found.")
        return call

    def _status(self, call: Call) -> Answer:
        return Answer(200, {"data": status_of(call, _names(call), self.switchboard.now())}, call_id=call.call_id)

    def _hang_up(self, call: Call, _: Mapping[str, object]) -> Answer:
        if not call.open:
            raise ApiError(422, "90018", "Call has already ended", "This call is no longer active.")
        _follower_of(call).hung_up_by_us = True
        self.switchboard.hang_up(call)
        return Answer(200, {"data": {"result": "ok"}})

    def _list(self, account: Account, route: Route, request: web.BaseRequest, fault: Fault | None) -> Answer:
        query = dict(parse_qsl(request.url.raw_query_string))
        kind = fault.kind if fault is not None else ""
        lag_s = fault.seconds if fault is not None and kind == "list_lag" else self.scenario.list_lag_s
        newest = self.switchboard.now() - lag_s if kind != "list_empty" else 0.0
        if request.path == _EVENTS_PATH:
            return self._events(account, query, newest)
        if route.call_id != account.account_id:
            raise ApiError(404, "10005", "Resource not found", "The requested connection was not found.")
        return self._live_calls(account, query, newest)

    def _live_calls(self, account: Account, query: Mapping[str, str], newest: float) -> Answer:
        size, after = _whole(query, "page[limit]", 20), query.get("page[after]", "")
        live = [call for call in self.switchboard.calls(account.name) if call.open and call.accepted_at <= newest]
        first = next((index + 1 for index, call in enumerate(live) if call.call_id == after), 0)
        rows = [live_call(call, _names(call), self.switchboard.now()) for call in live[first : first + size]]
        cursors = {"after": rows[-1]["call_control_id"]} if len(live) > first + size else {}
        return Answer(200, {"data": rows, "meta": {"cursors": cursors, "total_items": len(live)}})

    def _events(self, account: Account, query: Mapping[str, str], newest: float) -> Answer:
        size, number = _whole(query, "page[size]", 20), _whole(query, "page[number]", 1)
        wanted = {name[7:-1]: value for name, value in query.items() if name.startswith("filter[")}
        rows = [_row(event) for call in self._matching(account, wanted, newest) for event in _follower_of(call).events]
        meta = {
            "total_pages": -(-len(rows) // size),
            "total_results": len(rows),
            "page_number": number,
            "page_size": size,
        }
        return Answer(200, {"data": rows[(number - 1) * size : number * size], "meta": meta})

    def _matching(self, account: Account, wanted: dict[str, str], newest: float) -> Iterator[Call]:
        unknown = set(wanted) - {"leg_id", "from", "to", "connection_id"}
        if unknown or not wanted:
            raise ApiError(
                422, "10015", "Invalid value", f"filter: {', '.join(sorted(unknown)) or 'is missing'}", "/filter"
            )
        if "leg_id" in wanted:
            one = self.switchboard.find(account.name, call_id_of(wanted["leg_id"]))
            calls = iter((one,) if one is not None else ())
        else:
            calls = self.switchboard.calls(account.name, wanted.get("to"))
        for call in calls:
            says = {"from": call.order.from_number, "to": call.order.to, "connection_id": account.account_id}
            if call.accepted_at <= newest and all(wanted[name] == says[name] for name in wanted if name in says):
                yield call


def _object(raw: bytes) -> Mapping[str, object]:
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(422, "10015", "Invalid value", "The body is not a JSON object.")
    return body


def _follower_of(call: Call) -> TelnyxFollower:
    follower = call.follower
    if not isinstance(follower, TelnyxFollower):
        raise TypeError("the call was made through another API")
    return follower


def _names(call: Call) -> dict[str, object]:
    follower = _follower_of(call)
    return names_of(call, follower.leg_id, follower.client_state)


def _row(event: Mapping[str, object]) -> dict[str, object]:
    """One row of the list of events; the event itself, as it was sent, is its metadata."""
    data = event["data"]
    if not isinstance(data, dict):
        raise TypeError("an event without data")
    payload = data["payload"]
    return {
        "record_type": "call_event",
        "type": "webhook",
        "name": data["event_type"],
        "event_timestamp": data["occurred_at"],
        "call_leg_id": payload["call_leg_id"],
        "call_session_id": payload["call_session_id"],
        "metadata": event,
    }


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    value = query.get(name, str(default))
    if not re.fullmatch(r"\d{1,6}", value) or not 1 <= int(value) <= (10**6 if "number" in name else LARGEST_PAGE):
        raise ApiError(422, "10015", "Invalid value", f"The value of '{name}' is invalid.", f"/{name}")
    return int(value)
