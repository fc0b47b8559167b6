"""Hands callbacks on to customers' own applications, as they came: beside our own settling, never before it.

Offering costs the callback no wait: what cannot be kept is dropped and counted. Each application (scheme, host and port)
has a bounded share of its own, so that a slow one is slow for itself only. A callback is tried a few times within a
bounded time; it may arrive twice or out of order, as the provider's own do, and its id tells repetitions apart.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import structlog

from outdial.errors import Retryable
from outdial.ports.carriers import HandOn
from outdial.providers.http import HttpClient, HttpLimits, is_success

log = structlog.get_logger(__name__)

_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class HandingOnLimits:
    """Seconds and counts."""

    connect_s: float = 2.0
    total_s: float = 5.0
    """For one try. Telnyx itself gives an application 2 s before it tries another time."""
    pauses_s: Sequence[float] = (0.5, 2.0)
    """Between the tries: three tries in all."""
    give_up_s: float = 60.0
    """From the callback's arrival; later it is no use to a live call, and soon its signature is too old."""
    at_once: int = 32
    """Requests under way per application."""
    waiting: int = 1_000
    """Callbacks kept per application, those under way included: about 300 calls being answered at once."""
    waiting_in_all: int = 10_000
    """Over all applications: about 50 MB at most."""


class HandingOn:
    """An async context manager; one per process.

    `count` is called once per callback with what became of it: `delivered`, `refused` (the application's own final word,
    a 4xx or a redirect), `failed` (no success within tries and time) or `dropped` (too many waited already).
    """

    def __init__(self, count: Callable[[str], None], limits: HandingOnLimits | None = None) -> None:
        self._limits = limits or HandingOnLimits()
        limit = self._limits
        self._http = HttpClient(HttpLimits(limit.connect_s, limit.total_s, per_host=limit.at_once))
        self._count = count
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: Counter[str] = Counter()
        self._gates: dict[str, asyncio.Semaphore] = {}

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What is still waiting gets the time of one try, and is given up then."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._limits.total_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._http.__aexit__(kind, error, trace)

    def offer(self, callback: HandOn) -> None:
        """Take it and return at once; it is dropped when its application is too far behind."""
        application = _application(callback.address)
        full = self._waiting[application] >= self._limits.waiting
        if full or len(self._tasks) >= self._limits.waiting_in_all:
            self._end(application, "dropped", "too_many_wait")
            return
        self._waiting[application] += 1
        task = asyncio.create_task(self._hand_on(application, callback), name="hand on a callback")
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._forget(application, done))

    def _forget(self, application: str, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._waiting[application] -= 1
        if not self._waiting[application]:
            del self._waiting[application]
            self._gates.pop(application, None)

    async def _hand_on(self, application: str, callback: HandOn) -> None:
        gate = self._gates.setdefault(application, asyncio.Semaphore(self._limits.at_once))
        try:
            async with asyncio.timeout(self._limits.give_up_s), gate:
                result, why = await self._try(callback)
        except TimeoutError:
            result, why = "failed", "no_time_left"
        except asyncio.CancelledError:
            self._end(application, "failed", "stopping")
            raise
        self._end(application, result, why)

    async def _try(self, callback: HandOn) -> tuple[str, str]:
        why = ""
        for pause_s in (*self._limits.pauses_s, None):
            try:
                answer = await self._http.pass_on(callback.address, callback.body, callback.headers)
            except Retryable as error:
                why = str(error)
            else:
                if is_success(answer.status):
                    return "delivered", ""
                why = f"http_{answer.status}"
                if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR and answer.status not in _AGAIN:
                    return "refused", why
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        return "failed", why

    def _end(self, application: str, result: str, why: str) -> None:
        self._count(result)
        if result != "delivered":
            # The address may hold a secret in its path or query: the host is enough to know whose it is.
            log.warning("callback.not_handed_on", host=urlsplit(application).netloc, reason=why, result=result)


def _application(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
