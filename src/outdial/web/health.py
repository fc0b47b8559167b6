"""The internal port: is this process alive, has it started, may it be given work, and how is it doing.

Liveness asks for nothing but a running event loop, so that an absent database never makes an orchestrator kill all
replicas. Readiness asks for database, broker and schema, and is off while draining; it never asks the carriers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from outdial.errors import OutdialError
from outdial.redaction import mask_text
from outdial.telemetry.heartbeat import Heartbeat
from outdial.telemetry.metrics import Metrics

Check = Callable[[], Awaitable[str | None]]
"""None = fine, else the reason why this replica is not ready, in a few words without any value from outside."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Health:
    """What the probes are told. The app sets `started` and `draining` and adds its checks."""

    def __init__(
        self, metrics: Metrics, heartbeat: Heartbeat, *, loop_stall_s: float = 10.0, check_timeout_s: float = 2.0
    ) -> None:
        self._metrics, self._heartbeat = metrics, heartbeat
        self._loop_stall_s, self._check_timeout_s = loop_stall_s, check_timeout_s
        self._checks: dict[str, Check] = {}
        self._notes: dict[str, Callable[[], str | None]] = {}
        self.started = False
        self.draining = False

    def add(self, name: str, check: Check) -> None:
        """A check of readiness: `database`, `broker`, `schema`."""
        self._checks[name] = check

    def add_note(self, name: str, note: Callable[[], str | None]) -> None:
        """What is told beside the checks and makes nobody unready; None = nothing to tell."""
        self._notes[name] = note

    async def reasons(self) -> Mapping[str, str | None]:
        """Each check's reason for not being ready, None when it passed. Metrics are brought up to date."""
        found = dict(zip(self._checks, await asyncio.gather(*map(self._ask, self._checks.values())), strict=True))
        found["draining"] = "this replica is being stopped" if self.draining else None
        for name, reason in found.items():
            self._metrics.ready_checks.labels(check=name).set(reason is None)
        self._metrics.ready.set(self.started and not any(found.values()))
        return found

    async def _ask(self, check: Check) -> str | None:
        try:
            async with asyncio.timeout(self._check_timeout_s):
                return await check()
        except TimeoutError:
            return f"no answer within {self._check_timeout_s:g} s"
        except OutdialError as error:
            return mask_text(str(error))
        except Exception as error:  # a probe always gets an answer; the text could hold anything
            return type(error).__name__

    def application(self) -> web.Application:
        """To be run on the internal port."""
        app = web.Application(client_max_size=1024)
        app.router.add_get("/healthz/live", self._live)
        app.router.add_get("/healthz/startup", self._startup)
        app.router.add_get("/healthz/ready", self._ready)
        app.router.add_get("/metrics", self._show_metrics)
        return app

    async def _live(self, _request: web.Request) -> web.Response:
        age = self._heartbeat.age_s()
        body = {"alive": age <= self._loop_stall_s, "heartbeat_age_s": round(age, 3)}
        return _answer(ok=age <= self._loop_stall_s, body=body)

    async def _startup(self, _request: web.Request) -> web.Response:
        return _answer(ok=self.started, body={"started": self.started})

    async def _ready(self, _request: web.Request) -> web.Response:
        reasons = await self.reasons()
        ready = self.started and not any(reasons.values())
        checks = {name: reason or "ok" for name, reason in reasons.items()}
        notes = {name: text for name, note in self._notes.items() if self.started and (text := note()) is not None}
        body: dict[str, object] = {"ready": ready, "started": self.started, "checks": checks}
        return _answer(ok=ready, body=body | ({"notes": notes} if notes else {}))

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        await self.reasons()
        text = await asyncio.to_thread(self._metrics.exposition)  # thousands of series take the loop's time otherwise
        return web.Response(body=text, headers={"Content-Type": METRICS_TYPE})


def _answer(*, ok: bool, body: Mapping[str, object]) -> web.Response:
    return web.json_response(body, status=200 if ok else 503, headers={"Cache-Control": "no-store"})
