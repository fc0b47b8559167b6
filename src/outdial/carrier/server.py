"""The HTTP server of the simulated carrier, in a process of its own or inside a test.

Each request goes to the API whose path it has; a fault, if one is drawn, decides what comes before and after. Whatever
begins with /_carrier/ is the operator's side: the tally, faults, calls and accounts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType

from aiohttp import web

from outdial.carrier import answering
from outdial.carrier.admin import PREFIX, Admin
from outdial.carrier.arrival import listen
from outdial.carrier.courier import Courier
from outdial.carrier.faults import Fault, FaultBox, read_fault
from outdial.carrier.http_api import Api, Route
from outdial.carrier.reading import ScenarioError, Table
from outdial.carrier.scenario import Scenario
from outdial.carrier.switchboard import Switchboard
from outdial.carrier.tally import TallyReport
from outdial.carrier.telnyx_api import TelnyxApi
from outdial.carrier.twilio_api import TwilioApi

_LAST_ANSWERS_S = 0.1
"""What requests under way get at the end; those that a fault holds back need not be waited for."""


FAULT_HEADER = "X-Simulated-Fault"
"""Spoils the request that bears it: one fault rule as JSON, for example {"kind": "reset", "done": true}."""


def fault_asked_for(request: web.BaseRequest, operation: str) -> Fault | None:
    """The fault in the request's own header. Raises `ScenarioError`."""
    text = request.headers.get(FAULT_HEADER)
    if text is None:
        return None
    try:
        rule = json.loads(text)
    except ValueError:
        rule = None
    if not isinstance(rule, dict):
        raise ScenarioError(FAULT_HEADER, "is not a JSON object", 'for example {"kind": "status", "status": 503}')
    return read_fault(Table({"on": operation, **rule}, FAULT_HEADER))


class SimulatedCarrier:
    """A carrier on an HTTP port; `async with` starts and stops it. Everything starts anew with `reset`."""

    faults: FaultBox
    courier: Courier
    switchboard: Switchboard

    def __init__(self, scenario: Scenario, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.scenario = scenario
        self._host, self._port = host, port
        self._runner: web.ServerRunner | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._apis: list[Api] = []
        self._admin = Admin(self)

    async def __aenter__(self) -> SimulatedCarrier:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        """The base URL, as a client's settings want it."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises `OSError` when the port is taken."""
        self._build()
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=_LAST_ANSWERS_S)
        await runner.setup()
        try:
            await web.SockSite(runner, listen(self._host, self._port), backlog=1024).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Stop listening, let go of all calls and callbacks."""
        if self._runner is not None:
            self.switchboard.close()
            await self.courier.close()
            await self._runner.cleanup()
            self._runner = None

    async def reset(self) -> None:
        """Forget all calls, counts and run-time faults; the scenario's own faults begin anew."""
        switchboard, courier = self.switchboard, self.courier
        self._build()
        switchboard.close()
        await courier.close()
        self.changed()

    def _build(self) -> None:
        self.faults = FaultBox(self.scenario.seed, self.scenario.faults)
        self.courier = Courier(self.faults, self.changed)
        self.switchboard = Switchboard(self.scenario, self.changed)
        self._apis = [api.of(self.switchboard, self.courier, self.scenario) for api in (TwilioApi, TelnyxApi)]

    def tally(self) -> TallyReport:
        """What was counted up to now."""
        return self.switchboard.tally.report(dict(self.courier.counts), self.faults.counts())

    def idle(self) -> bool:
        """No call under way, no callback on its way."""
        return self.courier.idle and not self.switchboard.tally.open()

    async def wait_for(self, condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
        """Wait until the condition holds; looked at whenever a call or callback moved. Raises `TimeoutError`."""
        if condition():
            return
        future = asyncio.get_running_loop().create_future()
        entry = (condition, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        finally:
            self._waiting.remove(entry)

    def changed(self) -> None:
        """Something moved: look at the conditions that are waited for."""
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith(PREFIX):
            return await self._admin.handle(request)
        for api in self._apis:
            route = api.route(request)
            if route is not None:
                return await self._serve(api, route, request)
        return web.json_response({"status": 404, "message": "no such resource"}, status=404)

    async def _serve(self, api: Api, route: Route, request: web.BaseRequest) -> web.StreamResponse:
        try:
            fault = fault_asked_for(request, route.operation) or self.faults.draw(route.operation, route.account)
        except ScenarioError as error:
            return web.json_response({"error": str(error)}, status=400)
        if fault is None:
            return answering.plain(await api.perform(route, request, None))
        early = await self._before(api, fault, request)
        if early is not None:
            return early
        answer = await api.perform(route, request, fault)
        if fault.kind == "callback_first" and answer.call_id:
            await self.courier.first_answered(answer.call_id, fault.seconds)
        return await answering.spoilt(request, api, fault, answer)

    async def _before(self, api: Api, fault: Fault, request: web.BaseRequest) -> web.StreamResponse | None:
        """What a fault does before anything is done; an answer = nothing will be done."""
        if fault.kind == "latency":
            await asyncio.sleep(fault.seconds)
        elif fault.kind == "reset" and not fault.done:
            return answering.reset(request)
        elif fault.kind == "status" and not fault.done:
            return answering.failure(api, fault)
        return None
