"""Twilio's call API: create, fetch, list and change calls of an account, as documented for 2010-04-01."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from outdial.carrier.arrival import arrived_at
from outdial.carrier.calls import Call, Phase
from outdial.carrier.courier import Courier
from outdial.carrier.faults import Fault
from outdial.carrier.http_api import Answer, Route
from outdial.carrier.naming import Naming
from outdial.carrier.scenario import Account, Scenario
from outdial.carrier.switchboard import LimitReached, QueueFull, Switchboard
from outdial.carrier.twilio_callbacks import TwilioFollower
from outdial.carrier.twilio_create import REFUSALS, Form, read_creation, read_form
from outdial.carrier.twilio_list import page, read_filters, read_page
from outdial.carrier.twilio_resource import VERSION, ApiError, resource

_PATH = re.compile(rf"/{VERSION}/Accounts/([^/]+)/Calls(?:/([^/]+))?\.json")
_FAILURE_CODES = {
    400: 20001,
    401: 20003,
    403: 20403,
    404: 20404,
    429: 20429,
    500: 20500,
    502: 20502,
    503: 20503,
    504: 20504,
}
_ANOTHER_CALL = "CA" + "f" * 32


@dataclass(frozen=True, slots=True)
class TwilioApi:
    """Speaks for the switchboard in Twilio's words."""

    switchboard: Switchboard
    courier: Courier
    scenario: Scenario
    naming: Naming
    accounts: dict[str, str]
    """Account SID to the account's name."""

    @classmethod
    def of(cls, switchboard: Switchboard, courier: Courier, scenario: Scenario) -> TwilioApi:
        """The API of all accounts of the scenario."""
        accounts = {account.account_id: name for name, account in scenario.accounts_at("twilio")}
        naming = Naming(re.compile(scenario.token_pattern), scenario.attempt_parameter)
        return cls(switchboard, courier, scenario, naming, accounts)

    def route(self, request: web.BaseRequest) -> Route | None:
        """What the request asks for."""
        found = _PATH.fullmatch(request.path)
        if found is None or request.method not in ("GET", "POST"):
            return None
        account_id, call_id = found.groups()
        changes = request.method == "POST"
        operation = ("update" if changes else "fetch") if call_id else ("create" if changes else "list")
        return Route(operation, account_id, self.accounts.get(account_id, ""), call_id or "")

    async def perform(self, route: Route, request: web.BaseRequest, fault: Fault | None) -> Answer:
        """Do what was asked, or refuse as documented."""
        form = read_form(await request.read())
        try:
            account = self._authenticated(route, request)
            match route.operation:
                case "create":
                    return self._create(account, form, arrived_at(request))
                case "list":
                    return self._list(account, request, fault)
                case "fetch":
                    return Answer(200, resource(self._call(account, route), account.account_id))
                case _:
                    return self._update(account, self._call(account, route), form)
        except ApiError as error:
            if route.operation == "create" and route.account:
                self.switchboard.tally.refused(route.account, str(error.code))
            return error.answer()

    def error(self, status: int) -> Answer:
        """A failure of Twilio's own."""
        message = "Too many requests." if status == 429 else "Simulated failure of the carrier."
        return ApiError(status, _FAILURE_CODES.get(status, 20500), message).answer()

    def without_id(self, answer: Answer) -> Answer:
        """The Call resource without its sid."""
        return answer.with_field("sid", None)

    def with_wrong_id(self, answer: Answer) -> Answer:
        """The Call resource with the sid of no call."""
        return answer.with_field("sid", _ANOTHER_CALL)

    def _authenticated(self, route: Route, request: web.BaseRequest) -> Account:
        account = self.switchboard.accounts.get(route.account)
        if account is None or not _knows_token(account, request.headers.get("Authorization", "")):
            raise ApiError(401, 20003, "Authentication Error - invalid username")
        if account.suspended:
            raise ApiError(401, 20005, "Account is not active")
        return account

    def _create(self, account: Account, form: Form, arrived: float | None) -> Answer:
        creation = read_creation(form, account, self.naming)
        order = creation.order
        refusal = self.switchboard.population.behaviour(order.from_number, order.to).refuse
        if refusal:
            raise ApiError(400, *REFUSALS[refusal])
        follower = TwilioFollower(
            self.courier,
            self.switchboard.now,
            account.account_id,
            account.auth_token,
            creation.status,
            creation.events,
            creation.detection,
        )
        try:
            call = self.switchboard.accept("CA" + secrets.token_hex(16), order, follower, arrived)
        except LimitReached:
            raise ApiError(429, 10004, "Call concurrency limit exceeded.") from None
        except QueueFull:
            raise ApiError(429, 22005, "Call queue limit exceeded.") from None
        return Answer(201, resource(call, account.account_id), call_id=call.call_id)

    def _call(self, account: Account, route: Route) -> Call:
        call = self.switchboard.find(account.name, route.call_id)
        if call is None:
            path = f"/{VERSION}/Accounts/{account.account_id}/Calls/{route.call_id}.json"
            raise ApiError(404, 20404, f"The requested resource {path} was not found")
        return call

    def _list(self, account: Account, request: web.BaseRequest, fault: Fault | None) -> Answer:
        query = dict(parse_qsl(request.url.raw_query_string, keep_blank_values=False))
        read_page(query)
        filters = read_filters(query)
        kind = fault.kind if fault is not None else ""
        lag_s = fault.seconds if fault is not None and kind == "list_lag" else self.scenario.list_lag_s
        newest = self.switchboard.now() - lag_s

        def visible() -> Iterator[Call]:
            for call in self.switchboard.calls(account.name, query.get("To")):
                if call.accepted_at <= newest and all(passes(call) for passes in filters):
                    yield call

        return Answer(200, page(account.account_id, query, () if kind == "list_empty" else visible()))

    def _update(self, account: Account, call: Call, form: Form) -> Answer:
        status = form["Status"][0] if "Status" in form else ""
        if status not in ("", "canceled", "completed"):
            raise ApiError(400, 21218, "Invalid 'Status': canceled or completed.")
        redirected = "Url" in form or "Twiml" in form
        if (status and not call.open) or (redirected and call.phase is not Phase.ANSWERED):
            raise ApiError(400, 21220, "Invalid call state: the call has ended or is not in progress.")
        if status == "canceled" and call.phase is Phase.ANSWERED:
            raise ApiError(400, 21220, "Invalid call state: the call is in progress.")
        if status:
            self.switchboard.hang_up(call)
        return Answer(200, resource(call, account.account_id))


def _knows_token(account: Account, header: str) -> bool:
    expected = "Basic " + base64.b64encode(f"{account.account_id}:{account.auth_token}".encode()).decode()
    return secrets.compare_digest(header.encode(), expected.encode())
