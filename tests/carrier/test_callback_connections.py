"""The small HTTP client behind the callbacks, against servers that answer in every way a server may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from outdial.carrier.post import Exchange, Failure, HostPool

REQUEST = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
CUT = b""


@dataclass
class Scripted:
    """A server that gives the n-th request the n-th answer; an empty one cuts the connection instead."""

    answers: Sequence[bytes]
    pool: HostPool | None = None
    requests: int = 0
    connections: int = 0
    lines: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while await reader.readexactly(len(REQUEST)):
                answer = self.answers[self.requests]
                self.requests += 1
                if not answer:
                    break
                for part in answer.split(b"|"):  # in several packets
                    writer.write(part)
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def post(self, read_timeout_s: float = 5.0) -> int | Failure:
        """One request through the pool."""
        assert self.pool is not None
        future: asyncio.Future[int | Failure] = asyncio.get_running_loop().create_future()
        self.pool.send(Exchange(REQUEST, future.set_result, 5.0, read_timeout_s))
        return await future


@asynccontextmanager
async def scripted(*answers: bytes, limit: int = 4) -> AsyncIterator[Scripted]:
    """The server and a pool of connections to it."""
    script = Scripted(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    script.pool = HostPool(asyncio.get_running_loop(), "127.0.0.1", port, None, limit)
    try:
        yield script
    finally:
        await script.pool.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("answer", "status", "connections"),
    [
        (NO_CONTENT, 204, 1),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, 1),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r|\nhe|llo", 200, 1),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + NO_CONTENT, 204, 1),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, 2),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, 2),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 503, 2),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200, 2),
        (b"nonsense\r\n\r\n", Failure.READ, 2),
        (b"x" * 70_000, Failure.READ, 2),
    ],
)
async def test_the_status_is_read_and_the_connection_kept_where_that_is_safe(
    answer: bytes, status: int | Failure, connections: int
) -> None:
    async with scripted(answer, NO_CONTENT) as script:
        assert [await script.post(), await script.post()] == [status, 204]
        assert script.connections == connections


async def test_a_kept_connection_that_the_server_closed_is_replaced_once() -> None:
    async with scripted(NO_CONTENT, CUT, NO_CONTENT) as script:
        assert [await script.post(), await script.post()] == [204, 204]
        assert (script.requests, script.connections) == (3, 2)


async def test_a_server_that_cuts_every_connection_is_not_asked_for_ever() -> None:
    async with scripted(NO_CONTENT, NO_CONTENT, CUT, CUT) as script:
        assert list(await asyncio.gather(script.post(), script.post())) == [204, 204]
        assert await script.post() is Failure.READ
        assert (script.requests, script.connections) == (4, 2)


async def test_a_new_connection_that_is_cut_is_a_failure_at_once() -> None:
    async with scripted(CUT) as script:
        assert await script.post() is Failure.READ
        assert script.requests == 1


async def test_an_answer_that_does_not_come_ends_in_time() -> None:
    async with scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", NO_CONTENT) as script:
        assert await script.post(read_timeout_s=0.05) is Failure.READ
        assert await script.post() == 204
        assert script.connections == 2


async def test_more_requests_than_connections_wait_in_line() -> None:
    async with scripted(*[NO_CONTENT] * 30, limit=3) as script:
        assert await asyncio.gather(*(script.post() for _ in range(30))) == [204] * 30
        assert script.connections == 3


async def test_a_line_goes_on_after_broken_connections() -> None:
    async with scripted(CUT, CUT, *[NO_CONTENT] * 4, limit=1) as script:
        assert sorted(map(str, await asyncio.gather(*(script.post() for _ in range(6))))) == sorted(
            [str(Failure.READ)] * 2 + ["204"] * 4
        )
