"""Server-sent events: how things stand, told to all who watch. One poll serves every viewer; nobody watching, none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import structlog

from outdial.errors import OutdialError
from outdial.operator.plain import as_data

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

EVERY_S: Final = 2.0
KEEP_ALIVE_S: Final = 15.0
"""Proxies close what is silent for longer than 30 s or so."""
MOST_VIEWERS: Final = 200


class TooManyViewers(Exception):
    """Nobody else can watch just now."""


class Stream:
    """`look` says how things stand. A viewer that is slow misses pictures in between, never the latest."""

    def __init__(self, look: Callable[[], Awaitable[object]], *, every_s: float = EVERY_S) -> None:
        self._look, self._every_s = look, every_s
        self._viewers: set[asyncio.Queue[str]] = set()
        self._task: asyncio.Task[None] | None = None
        self._latest = ""
        self._closed = asyncio.Event()

    async def watch(self, *, keep_alive_s: float = KEEP_ALIVE_S) -> AsyncIterator[str]:
        """Messages as they go over the wire: the latest picture at once, then each that differs. Raises `TooManyViewers`."""
        with self._viewer() as seen:
            while not (self._closed.is_set() and seen.empty()):
                try:
                    yield await asyncio.wait_for(seen.get(), keep_alive_s)
                except TimeoutError:
                    yield ": nothing new\n\n"

    @contextmanager
    def _viewer(self) -> Iterator[asyncio.Queue[str]]:
        if len(self._viewers) >= MOST_VIEWERS:
            raise TooManyViewers
        seen: asyncio.Queue[str] = asyncio.Queue(1)
        if self._task is None:
            self._task = asyncio.create_task(self._poll(), name="admin.stream")
        elif self._latest:
            seen.put_nowait(self._latest)
        self._viewers.add(seen)
        try:
            yield seen
        finally:
            self._viewers.discard(seen)
            if not self._viewers:
                self._stop()

    def close(self) -> None:
        """Let everybody who watches go."""
        self._closed.set()
        self._stop()
        for seen in self._viewers:
            _replace(seen, event("closing", {}))

    def _stop(self) -> None:
        task, self._task, self._latest = self._task, None, ""
        if task is not None:
            task.cancel()

    async def _poll(self) -> None:
        while True:
            message = await self._message()
            if message != self._latest:
                self._latest = message
                for seen in self._viewers:
                    _replace(seen, message)
            await asyncio.sleep(self._every_s)

    async def _message(self) -> str:
        try:
            return event("overview", as_data(await self._look()))
        except OutdialError as error:
            return event("trouble", {"code": error.code})
        except Exception as error:  # viewers are told, the log says more, and the next picture may come again
            log.exception("admin.failed", error_type=type(error).__name__)
            return event("trouble", {"code": "error"})


def _replace(seen: asyncio.Queue[str], message: str) -> None:
    with suppress(asyncio.QueueEmpty):
        seen.get_nowait()
    seen.put_nowait(message)


def event(name: str, data: object) -> str:
    """One message of the stream."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
