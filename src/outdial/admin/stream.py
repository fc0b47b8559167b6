"""Server-sent events: how things stand, told to all who watch. One poll serves every viewer; nobody watching, none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import contextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import structlog

from outdial.errors import OutdialError
from outdial.operator.plain import as_data

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

EVERY_S: Final = 5.0
STEADY_S: Final = 15.0
"""A picture that differs from the one before in nothing but its times is told this often."""
KEEP_ALIVE_S: Final = 5.0
"""Proxies close what is silent for longer than 30 s or so; and each time the viewer's token is looked at again."""
MOST_VIEWERS: Final = 200
MOST_OF_ONE: Final = 16
"""Streams of one token: a few people's tabs, and no more than a program that forgot to close them may take."""


class TooManyViewers(Exception):
    """Nobody else can watch just now."""


class TooManyOfOne(Exception):
    """This one watches often enough already."""


class Stream:
    """`look` says how things stand, `still` what of that does not move by itself. A viewer that is slow misses pictures in
    between, never the latest."""

    def __init__(
        self,
        look: Callable[[], Awaitable[object]],
        still: Callable[[Any], object] = lambda data: data,
        *,
        every_s: float = EVERY_S,
        more_s: Callable[[Any], float] = lambda data: 0.0,
    ) -> None:
        """`more_s`: how much later than `every_s` the next picture is taken after this one."""
        self._look, self._still, self._every_s, self._more_s = look, still, every_s, more_s
        self._viewers: dict[asyncio.Queue[bytes], str] = {}
        self._task: asyncio.Task[None] | None = None
        self._latest, self._said_at = b"", float("-inf")
        self._said: object = None
        self._closed = asyncio.Event()

    async def watch(self, who: str = "", *, keep_alive_s: float = KEEP_ALIVE_S) -> AsyncIterator[bytes]:
        """Messages as they go over the wire: the latest picture at once, then each that differs. `who`: whose token it is.

        Raises `TooManyViewers` and `TooManyOfOne`.
        """
        with self._viewer(who) as seen:
            while not (self._closed.is_set() and seen.empty()):
                try:
                    yield await asyncio.wait_for(seen.get(), keep_alive_s)
                except TimeoutError:
                    yield b": nothing new\n\n"

    @contextmanager
    def _viewer(self, who: str) -> Iterator[asyncio.Queue[bytes]]:
        if list(self._viewers.values()).count(who) >= MOST_OF_ONE:
            raise TooManyOfOne
        if len(self._viewers) >= MOST_VIEWERS:
            raise TooManyViewers
        seen: asyncio.Queue[bytes] = asyncio.Queue(1)
        if self._task is None:
            self._task = asyncio.create_task(self._poll(), name="admin.stream")
        elif self._latest:
            seen.put_nowait(self._latest)
        self._viewers[seen] = who
        try:
            yield seen
        finally:
            del self._viewers[seen]
            if not self._viewers:
                self._stop()

    def close(self) -> None:
        """Let everybody who watches go."""
        self._closed.set()
        self._stop()
        for seen in self._viewers:
            _replace(seen, event("closing", {}))

    def _stop(self) -> None:
        task, self._task = self._task, None
        self._latest, self._said, self._said_at = b"", None, float("-inf")
        if task is not None:
            task.cancel()

    async def _poll(self) -> None:
        while True:
            name, data, said = await self._picture()
            now = monotonic()
            if said != self._said or now - self._said_at >= STEADY_S:
                self._latest, self._said, self._said_at = event(name, data), said, now
                for seen in self._viewers:
                    _replace(seen, self._latest)
            await asyncio.sleep(self._every_s + (self._more_s(data) if name == "overview" else 0.0))

    async def _picture(self) -> tuple[str, Any, object]:
        """Its name, what it shows, and what of that has to be another for it to be news."""
        try:
            data = as_data(await self._look())
            return "overview", data, self._still(data)
        except OutdialError as error:
            return "trouble", {"code": error.code}, error.code
        except Exception as error:  # viewers are told, the log says more, and the next picture may come again
            log.exception("admin.failed", error_type=type(error).__name__)
            return "trouble", {"code": "error"}, "error"


def _replace(seen: asyncio.Queue[bytes], message: bytes) -> None:
    with suppress(asyncio.QueueEmpty):
        seen.get_nowait()
    seen.put_nowait(message)


def event(name: str, data: object) -> bytes:
    """One message of the stream."""
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()
