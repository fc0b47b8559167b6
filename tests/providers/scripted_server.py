"""A carrier as a script: a raw TCP server that counts every byte and request and then does what it was told.

Raw, because the faults that matter (a reset halfway, a truncated body, a slow drip) are below HTTP libraries.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

Script = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Request:
    """One complete request as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)


@dataclass
class Exchange:
    """What a script has in its hands. `request` is None for scripts that act before reading."""

    server: ScriptedServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    request: Request | None = None

    async def answer(
        self, status: int, body: bytes, content_type: str = "application/json", *, declared: int = -1, **more: str
    ) -> None:
        """`declared`: a Content-Length other than the true one."""
        length = len(body) if declared < 0 else declared
        headers = {"Content-Type": content_type, "Content-Length": str(length), **more}
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await self.writer.drain()

    def reset(self) -> None:
        """RST instead of FIN."""
        self.writer.transport.abort()


@dataclass
class ScriptedServer:
    """`requests`: complete ones. `bytes_seen`: all that any client sent above TLS. `connections`: accepted."""

    script: Script
    read_first: bool = True
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    bytes_seen: int = 0
    sockets: list[asyncio.Future[None]] = field(default_factory=list)
    """One per connection, done once it is over."""
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def connections(self) -> int:
        return len(self.sockets)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sockets.append(over)
        try:
            await self._serve(Exchange(self, reader, writer))
        except ConnectionError:
            return
        finally:
            writer.close()
            over.set_result(None)

    async def _serve(self, exchange: Exchange) -> None:
        if not self.read_first:
            await self.script(exchange)
            return
        while (request := await self._request(exchange.reader)) is not None:
            self.requests.append(request)
            exchange.request = request
            self.seen.set()
            await self.script(exchange)

    async def _request(self, reader: asyncio.StreamReader) -> Request | None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += (more := await self._more(reader))
            if not more:
                return None
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            body += (more := await self._more(reader))
            if not more:
                return None
        method, target, _ = first.split(" ")
        return Request(method, target, headers, body)

    async def _more(self, reader: asyncio.StreamReader) -> bytes:
        data = await reader.read(65_536)
        self.bytes_seen += len(data)
        return data


@asynccontextmanager
async def scripted(
    script: Script, *, read_first: bool = True, tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedServer]:
    """A server on a free port of this machine, gone with the block."""
    server = ScriptedServer(script, read_first)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


def answers(status: int, content: object, content_type: str = "application/json", **headers: str) -> Script:
    """Always the same answer; `content` is JSON unless it is bytes."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()

    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, body, content_type, declared=-1, **headers)

    return script


def in_turn(*scripts: Script) -> Script:
    """The first request gets the first script, and so on."""
    left = list(scripts)

    async def script(exchange: Exchange) -> None:
        await left.pop(0)(exchange)

    return script
