"""A TCP proxy that can delay, cut, swallow and let hang what goes through it: between outdial and whatever it talks to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit, urlunsplit


@dataclass(eq=False, slots=True)
class _Line:
    """One connection through the proxy. `deaf`: what it says is passed on, what it is answered ends it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    deaf: bool = False

    def abort(self) -> None:
        """Reset both ends."""
        self.client.transport.abort()
        self.server.transport.abort()


class Proxy:
    """Between a client and a server, on a port of its own: `url` instead of the server's."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._lines: set[_Line] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self.delay_s = 0.0
        """Every piece is held back for so long, in both directions."""
        self.half_open = False
        """What clients say arrives, what they are answered is swallowed; lines stay up."""
        self._cut_after: int | None = None
        self._cut_reply_to = b""
        self._replies_to_cut = 0
        self.replies_cut = 0
        """How many replies were cut by `cut_replies`."""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    @property
    def url(self) -> str:
        """The server's address, through this proxy."""
        account = self._parts.netloc.rpartition("@")[0]
        at = f"{account}@" if account else ""
        query = "" if self._socket else self._parts.query
        return urlunsplit(self._parts._replace(netloc=f"{at}127.0.0.1:{self._port}", query=query))

    @property
    def _socket(self) -> str:
        """The folder of PostgreSQL's Unix socket, if it listens on one."""
        return next(iter(parse_qs(self._parts.query).get("host", [])), "")

    def cut(self, *, refuse: bool = False) -> None:
        """End all lines at once; `refuse`: new ones, too."""
        self._refuses = refuse
        for line in self._lines:
            line.abort()
        self._lines.clear()

    def cut_after(self, count: int) -> None:
        """End all lines once so many more bytes have come from clients; the rest of that piece is lost."""
        self._cut_after = count

    def cut_replies(self, said: bytes, times: int = 1) -> None:
        """Whatever says this gets through with it, and is reset instead of answered; so many times."""
        self._cut_reply_to, self._replies_to_cut = said, times

    def freeze(self) -> None:
        """Nothing gets through any more; lines stay up, new ones are taken and left alone."""
        self._flows.clear()

    def thaw(self) -> None:
        """Everything gets through, also what came meanwhile."""
        self._flows.set()

    def heal(self) -> None:
        """End every fault; lines that lost something are reset, so that nobody waits for it in vain."""
        lost, self.half_open = self.half_open, False
        self.delay_s, self._refuses, self._cut_after, self._replies_to_cut = 0.0, False, None, 0
        if lost:
            self.cut()
        self.thaw()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            there, server = await self._open()
        except OSError:
            writer.transport.abort()
            return
        line = _Line(writer, server)
        self._lines.add(line)
        for pumping in (self._ask(line, reader), self._answer(line, there)):
            pump = asyncio.create_task(pumping)
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._socket:
            return await asyncio.open_unix_connection(f"{self._socket}/.s.PGSQL.{self._parts.port or 5432}")
        return await asyncio.open_connection(self._parts.hostname, self._parts.port)

    async def _ask(self, line: _Line, source: asyncio.StreamReader) -> None:
        try:
            while data := await source.read(65_536):
                await self._hold_back()
                if self._cut_after is not None:
                    data, self._cut_after = data[: self._cut_after], self._cut_after - len(data)
                if self._replies_to_cut and self._cut_reply_to in data:
                    self._replies_to_cut -= 1
                    line.deaf = True
                line.server.write(data)
                await line.server.drain()
                if self._cut_after is not None and self._cut_after <= 0:
                    self._cut_after = None
                    self.cut()
        except OSError:
            return
        finally:
            line.server.close()
            self._lines.discard(line)

    async def _answer(self, line: _Line, source: asyncio.StreamReader) -> None:
        try:
            while data := await source.read(65_536):
                await self._hold_back()
                if line.deaf:
                    self.replies_cut += 1
                    line.abort()
                    return
                if not self.half_open:
                    line.client.write(data)
                    await line.client.drain()
        except OSError:
            return
        finally:
            line.client.close()

    async def _hold_back(self) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self._flows.wait()
