"""The admin port towards browsers that were lured, clients that send or take too slowly, and requests made to be logged."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from yarl import URL

from outdial.admin import server
from outdial.catalogue.apply import apply
from outdial.catalogue.read import read_catalogue
from outdial.operator.capacity import campaign_capacity
from outdial.operator.overview import overview
from outdial.operator.snapshot import KeptCatalogue
from outdial.postgres.catalogue import lock_catalogue
from outdial.rules.ids import NumberId
from tests.admin.asking import OPERATOR, VIEWER, Api
from tests.support.dialled import applied

CONTACT = "+13125550177"
LARGE = 30_000_000


@asynccontextmanager
async def raw(api: Api) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which anything can be sent, and that takes next to nothing unread."""
    address = urlsplit(api.url)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (address.hostname, address.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
    yield reader, writer
    writer.transport.abort()


async def drained(reader: asyncio.StreamReader) -> int:
    """Read to the end, little at a time; how many bytes came."""
    got = 0
    while piece := await reader.read(1024):
        got += len(piece)
    return got


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/me", 200),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/", 200),
        ("GET", "/api/v1/attempts", 422),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/console/nothing.js", 404),
        ("DELETE", "/api/v1/me", 405),
        ("OPTIONS", "/api/v1/me", 405),
    ],
)
async def test_no_page_of_somebody_else_may_frame_read_or_keep_an_answer(
    api: Api, method: str, path: str, status: int
) -> None:
    headers = {
        "Authorization": f"Bearer {VIEWER}",
        "Origin": "http://elsewhere.example",
        "Host": "rebound.example",
        "Access-Control-Request-Method": "POST",
    }
    async with api.session.request(method, api.url + path, headers=headers) as answer:
        told = answer.headers
        assert answer.status == status
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in told["Content-Security-Policy"]
    assert told["Cache-Control"] in ("no-store", "no-cache")
    assert not [name for name in told if name.lower().startswith(("access-control", "set-cookie"))]
    assert told["Server"] == "outdial"


@pytest.mark.parametrize(
    "path",
    ["/console/../__init__.py", "/console/%2e%2e/__init__.py", "/console/..%2f__init__.py", "/console//etc/passwd"],
)
async def test_files_beside_the_consoles_are_not_served(api: Api, path: str) -> None:
    async with api.session.get(URL(api.url + path, encoded=True)) as answer:
        assert answer.status == 404


async def test_a_token_in_the_address_is_none(api: Api) -> None:
    told = await api.ask("GET", "/me", None, params={"access_token": VIEWER, "token": VIEWER})
    assert told.status == 401


@pytest.mark.parametrize(
    "request_head",
    [
        f"GET /api/v1/attempts?contact={CONTACT}&x={'y' * 20_000} HTTP/1.1\r\n",
        f"GET /api/v1/me HTTP/1.1\r\nAuthorization: Bearer {VIEWER}{CONTACT}{'y' * 20_000}\r\n",
        f"GET /api/v1/me HTTP/1.1\r\nBroken {CONTACT} {VIEWER}\r\n",
        f"GET /api/v1/attempts?contact={CONTACT} HTTP/9.x\r\n",
    ],
)
async def test_requests_that_cannot_be_read_are_refused_and_not_logged(
    api: Api, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], request_head: str
) -> None:
    async with raw(api) as (reader, writer):
        writer.write(f"{request_head}Host: x\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), 10)
        assert status.split()[1] == b"400"
    logged = caplog.text + "".join(capsys.readouterr())
    assert CONTACT not in logged
    assert VIEWER not in logged


async def test_who_does_not_send_what_was_announced_is_not_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "ANSWER_WITHIN_S", 0.05)
    head = f"POST /api/v1/numbers/n1/clear HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {OPERATOR}\r\nContent-Length: 9"
    async with raw(api) as (reader, writer):
        writer.write(f"{head}\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), 10)
    assert status.split()[1] == b"503"


async def test_a_viewer_that_does_not_read_is_let_go(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = 0

    async def large(*_: object, **__: object) -> dict[str, object]:
        nonlocal pictures
        pictures += 1
        return {"replicas": [], "seen": pictures, "large": "x" * LARGE}  # more than any socket's buffers take

    monkeypatch.setattr(server, "overview", large)
    monkeypatch.setattr(server, "STALLED_S", 0.05)
    async with raw(api) as (reader, writer):
        writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {VIEWER}\r\n\r\n".encode())
        assert (await asyncio.wait_for(reader.readline(), 10)).split()[1] == b"200"
        got = await asyncio.wait_for(drained(reader), 20)
    assert got < LARGE  # what lay unsent was thrown away


async def test_what_a_transaction_did_not_commit_is_not_kept(embedded_database_url: str) -> None:
    kept = KeptCatalogue()
    async with applied(embedded_database_url) as pool, pool.acquire() as connection:
        first = await kept.read(connection)
        assert await kept.read(connection) is first
        changing = connection.transaction()
        await changing.start()
        await lock_catalogue(connection)
        await connection.execute("update numbers set paused = true where number = 'n1'")
        await connection.execute("update catalogue_version set version = version + 1")
        assert (await kept.read(connection)).numbers[NumberId("n1")].paused
        await changing.rollback()
        await apply(pool, read_catalogue("[numbers.n2]\npaused = true\n", "test"), who="test")
        after = await kept.read(connection)
        assert after.version == first.version + 1
        assert (after.numbers[NumberId("n1")].paused, after.numbers[NumberId("n2")].paused) == (False, True)


@pytest.mark.parametrize(
    "statement",
    [
        "select",
        "update numbers set paused = true where number = 'n1'",
        "update members set paused = true where number = 'n1'",
        "update numbers set state = 'inactive'",
        "insert into number_health (number, carrier_rejected_at) values ('n1', now())",
        "insert into number_health (number, failures, failing_since) values ('n1', 5, now())",
        "insert into number_health (number, own_score, own_score_at) values ('n2', 0.9, now())",
        "insert into spam_reports (number, source, score, reported_at) values ('n2', 'lab', 0.9, now())",
        "update numbers set settings = '{\"max_calls_24h\": 2}'; insert into number_volume values ('n1', date_trunc('hour', now()), 2)",
        "update limits set in_use = 3, max_calls = 4 where kind = 'connection'",
        "update limits set paused = true where kind = 'tenant'",
    ],
)
async def test_the_overview_says_what_a_campaigns_own_page_says(embedded_database_url: str, statement: str) -> None:
    async with applied(embedded_database_url) as pool:
        await pool.execute(statement)
        line = (await overview(pool)).campaigns[0]
        page = await campaign_capacity(pool, line.campaign)
    usable = sum(one.numbers for one in page.capacity.connections)
    assert (line.ceiling, line.free_now, line.usable_numbers) == (
        page.capacity.ceiling,
        page.capacity.free_now,
        usable,
    )
    assert line.binds == tuple(one.value for one in page.capacity.binds)
    assert line.numbers == len(page.numbers)
