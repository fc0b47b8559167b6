"""A small HTTP/1.1 client for callbacks: one request, only the status of the answer, on connections kept alive.

A general client costs about 150 µs of processor time per callback, several callbacks a call; this one a quarter, so
that the simulated carrier does not become the bottleneck of what it is there to load. It speaks to any server: what it
cannot frame cheaply (chunked or unmeasured bodies) it reads no further and closes.
"""

from __future__ import annotations

import asyncio
import enum
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

_HEAD_LIMIT = 64 * 1024
_WATCH_S = 0.05
"""How often read timeouts are looked at, which is how exact they are."""


class Failure(enum.Enum):
    """Why no status came."""

    CONNECT = "connect"
    """Nothing was sent: no address, refused, connect timeout, TLS."""
    READ = "read"
    """Sent, but no complete answer in time."""


Done = Callable[[int | Failure], None]


@dataclass(slots=True)
class Exchange:
    """One request and what to do with its end. Timeouts in real seconds."""

    data: bytes
    done: Done
    connect_timeout_s: float
    read_timeout_s: float
    second_try: bool = False


class _Line(asyncio.Protocol):
    """One connection: one exchange at a time."""

    def __init__(self, pool: HostPool) -> None:
        self._pool = pool
        self._transport: asyncio.Transport
        self._exchange: Exchange | None = None
        self._deadline = 0.0
        self._received = b""
        self._used = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._pool.opened(self)

    @property
    def ready(self) -> bool:
        """Whether a request can be written."""
        return not self._transport.is_closing()

    def send(self, exchange: Exchange) -> None:
        """Write the request; its end is told to the exchange."""
        self._exchange, self._received = exchange, b""
        self._deadline = self._pool.loop.time() + exchange.read_timeout_s
        self._pool.watch()
        self._transport.write(exchange.data)

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            self.close()
            return
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > _HEAD_LIMIT:
                self._finish(Failure.READ, reusable=False)
            return
        head = self._received[:end].split(b"\r\n")
        status = _status(head[0])
        if 100 <= status < 200:
            self._received = self._received[end + 4 :]
            self.data_received(b"")
            return
        missing = _body_length(status, head) - (len(self._received) - end - 4)
        if missing <= 0:
            self._finish(status or Failure.READ, reusable=missing == 0 and _stays(head))

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.gone(self)
        exchange = self._exchange
        if exchange is None:
            return
        if self._used and not self._received and not exchange.second_try:
            # The server closed a kept connection just as we wrote: it never saw the request.
            self._release()
            exchange.second_try = True
            self._pool.send(exchange)
        else:
            self._finish(Failure.READ, reusable=False)

    def close(self) -> None:
        """Drop the connection, unanswered request included."""
        self._transport.abort()

    def expire(self, now: float) -> None:
        """Give the exchange up if its time is over."""
        if self._exchange is not None and now >= self._deadline:
            self._finish(Failure.READ, reusable=False)

    def _release(self) -> Exchange | None:
        exchange, self._exchange = self._exchange, None
        return exchange

    def _finish(self, result: int | Failure, *, reusable: bool) -> None:
        exchange = self._release()
        self._used = True
        if exchange is None:
            return
        if reusable:
            self._pool.idle(self)
        else:
            self.close()
        exchange.done(result)


@dataclass(slots=True)
class HostPool:
    """The connections to one host, at most `limit`; further requests wait in line."""

    loop: asyncio.AbstractEventLoop
    host: str
    port: int
    tls: ssl.SSLContext | None
    limit: int
    _idle: list[_Line] = field(default_factory=list)
    _lines: set[_Line] = field(default_factory=set)
    _opening: set[asyncio.Task[None]] = field(default_factory=set)
    _waiting: deque[Exchange] = field(default_factory=deque)
    _watch: asyncio.TimerHandle | None = None

    def send(self, exchange: Exchange) -> None:
        """Send now, or as soon as a connection is free."""
        while self._idle:
            line = self._idle.pop()
            if line.ready:
                line.send(exchange)
                return
        if len(self._lines) + len(self._opening) < self.limit:
            task = self.loop.create_task(self._open(exchange))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        else:
            self._waiting.append(exchange)

    def watch(self) -> None:
        """Look after read timeouts: one timer for all connections, as nearly all answers come in time."""
        if self._watch is None:
            self._watch = self.loop.call_later(_WATCH_S, self._expire)

    def _expire(self) -> None:
        self._watch = None
        now = self.loop.time()
        for line in list(self._lines):
            line.expire(now)
        if len(self._idle) < len(self._lines):
            self.watch()

    async def _open(self, exchange: Exchange) -> None:
        try:
            async with asyncio.timeout(exchange.connect_timeout_s):
                _, line = await self.loop.create_connection(lambda: _Line(self), self.host, self.port, ssl=self.tls)
        except (OSError, TimeoutError):
            self.loop.call_soon(self._next)
            exchange.done(Failure.CONNECT)
            return
        if line.ready:
            line.send(exchange)
        else:
            exchange.done(Failure.CONNECT)

    def opened(self, line: _Line) -> None:
        """The connection is there."""
        self._lines.add(line)

    def idle(self, line: _Line) -> None:
        """The connection is free."""
        if self._waiting and line.ready:
            line.send(self._waiting.popleft())
        elif line.ready:
            self._idle.append(line)

    def gone(self, line: _Line) -> None:
        """The connection is closed."""
        self._lines.discard(line)
        if line in self._idle:
            self._idle.remove(line)
        self._next()

    def _next(self) -> None:
        if self._waiting and len(self._lines) + len(self._opening) < self.limit:
            self.send(self._waiting.popleft())

    async def close(self) -> None:
        """Drop everything; whatever is under way ends unanswered."""
        self._waiting.clear()
        if self._watch is not None:
            self._watch.cancel()
        for task in list(self._opening):
            task.cancel()
        for line in list(self._lines):
            line.close()
        await asyncio.gather(*self._opening, return_exceptions=True)


_UNKNOWN = -1 << 60


def _status(line: bytes) -> int:
    parts = line.split(b" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0


def _body_length(status: int, head: list[bytes]) -> int:
    """The length of the body, or `_UNKNOWN` if the headers do not give it."""
    if status in (204, 304):
        return 0
    for line in head[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return _UNKNOWN


def _stays(head: list[bytes]) -> bool:
    if not head[0].startswith(b"HTTP/1.1"):
        return False
    return not any(line.lower().startswith(b"connection:") and b"close" in line.lower() for line in head[1:])
