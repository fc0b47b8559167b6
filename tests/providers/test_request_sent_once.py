"""The HTTP client knows whether a create request left, and never sends one twice."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from outdial.errors import Retryable
from outdial.ports.carriers import StartTooLate
from outdial.providers.http import FORM, MAX_ANSWER_BYTES, Answer, HttpClient, HttpLimits, UndecidedError, UnsentError
from tests.providers.scripted_server import Exchange, answers, in_turn, scripted

BODY = b"To=%2B12025550143&From=%2B12025550101"


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


@pytest.fixture
async def hasty() -> AsyncIterator[HttpClient]:
    """Gives up early; only for scenarios that end by a timeout."""
    async with HttpClient(HttpLimits(connect_s=0.2, total_s=0.4)) as client:
        yield client


async def send(client: HttpClient, url: str, check: object = None) -> Answer:
    return await client.send_once(f"{url}/Calls.json", BODY, FORM, {}, check if callable(check) else lambda: None)


def refuse() -> None:
    raise StartTooLate("too old")


async def test_a_whole_answer_is_handed_over(http: HttpClient) -> None:
    async with scripted(answers(201, {"sid": "CA1"}, X_Thing="1")) as server:
        answer = await send(http, server.url)
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (201, b'{"sid": "CA1"}', "1")
    assert [(r.method, r.target, r.body) for r in server.requests] == [("POST", "/Calls.json", BODY)]
    assert server.requests[0].headers["content-type"] == FORM


async def test_a_start_that_is_too_late_sends_no_byte_on_a_new_socket(http: HttpClient) -> None:
    async with scripted(answers(201, {})) as server:
        with pytest.raises(UnsentError, match=r"^too_late$"):
            await send(http, server.url, refuse)
        await server.sockets[0]
        assert (server.connections, server.bytes_seen) == (1, 0)
        await send(http, server.url)
    assert len(server.requests) == 1


async def test_a_start_that_is_too_late_sends_no_byte_on_a_reused_socket(http: HttpClient) -> None:
    async with scripted(answers(201, {})) as server:
        await send(http, server.url)
        seen = server.bytes_seen
        with pytest.raises(UnsentError, match=r"^too_late$"):
            await send(http, server.url, refuse)
        await server.sockets[0]
        assert (server.connections, server.bytes_seen) == (1, seen)


async def test_the_check_is_made_once_the_connection_stands_and_before_the_first_byte(http: HttpClient) -> None:
    seen_at_check: list[tuple[int, int]] = []
    async with scripted(answers(201, {})) as server:
        await send(http, server.url)
        whole = server.bytes_seen
        await send(http, server.url, lambda: seen_at_check.append((server.connections, server.bytes_seen)))
    assert seen_at_check == [(1, whole)]


async def test_nobody_listens(http: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(UnsentError, match=r"^connect$"):
            await send(http, url)


async def test_the_name_is_unknown(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_such_name(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_name)
    with pytest.raises(UnsentError, match=r"^dns$"):
        await send(http, "http://carrier.invalid")


async def test_no_tls_on_the_other_side(http: HttpClient) -> None:
    async def plain(exchange: Exchange) -> None:
        await exchange.reader.read(1)
        await exchange.answer(400, b"plain HTTP on an HTTPS port")

    async with scripted(plain, read_first=False) as server:
        with pytest.raises(UnsentError, match=r"^tls$"):
            await send(http, server.url.replace("http://", "https://"))


async def test_a_certificate_that_nobody_trusts(http: HttpClient, tmp_path: Path) -> None:
    async with scripted(answers(201, {}), tls=untrusted(tmp_path)) as server:
        with pytest.raises(UnsentError, match=r"^tls$"):
            await send(http, server.url)
    assert server.bytes_seen == 0


def untrusted(directory: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


async def test_a_connection_that_never_stands_is_unsent(hasty: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object, **__: object) -> object:
        return await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", never)
    with pytest.raises(UnsentError, match=r"^timeout$"):
        await send(hasty, "http://carrier.invalid")


async def test_reset_before_reading_is_undecided(http: HttpClient) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.reader.read(1)
        exchange.reset()

    async with scripted(script, read_first=False) as server:
        with pytest.raises(UndecidedError, match=r"^disconnected$"):
            await send(http, server.url)
    assert server.connections == 1


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def close(exchange: Exchange) -> None:
    exchange.writer.close()


async def truncate(exchange: Exchange) -> None:
    await exchange.answer(201, b'{"sid": "CA', declared=400)
    exchange.writer.close()


async def rubbish(exchange: Exchange) -> None:
    exchange.writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
    exchange.writer.close()


async def flood(exchange: Exchange) -> None:
    await exchange.answer(201, b"x" * (MAX_ANSWER_BYTES + 1))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (reset, "disconnected"),
        (close, "disconnected"),
        (truncate, "truncated"),
        (rubbish, "not_http"),
        (flood, "answer_too_large"),
    ],
)
async def test_an_exchange_that_breaks_after_the_request_is_undecided(
    http: HttpClient, script: object, reason: str
) -> None:
    assert callable(script)
    async with scripted(script) as server:
        with pytest.raises(UndecidedError, match=rf"^{reason}$"):
            await send(http, server.url)
    assert len(server.requests) == 1


async def test_a_keep_alive_socket_closed_just_as_we_write_is_undecided(http: HttpClient) -> None:
    """The server closes after the first answer; the second request is in the air by then."""

    async def answer_then_close_on_the_next(exchange: Exchange) -> None:
        if len(exchange.server.requests) == 1:
            await exchange.answer(201, b"{}")
        else:
            exchange.reset()

    async with scripted(answer_then_close_on_the_next) as server:
        await send(http, server.url)
        with pytest.raises(UndecidedError):
            await send(http, server.url)
    assert (server.connections, len(server.requests)) == (1, 2), "the same socket, and no second try on another"


async def test_silence_ends_by_the_total_timeout(hasty: HttpClient) -> None:
    over = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await over.wait()
        exchange.reset()

    async with scripted(silent) as server:
        with pytest.raises(UndecidedError, match=r"^timeout$"):
            await send(hasty, server.url)
        over.set()
    assert len(server.requests) == 1


async def test_a_slow_drip_ends_by_the_total_timeout(hasty: HttpClient) -> None:
    over = asyncio.Event()

    async def drip(exchange: Exchange) -> None:
        await exchange.answer(201, b"{", declared=10_000)
        for _ in range(1_000):
            exchange.writer.write(b" ")
            try:
                await asyncio.wait_for(over.wait(), 0.02)
            except TimeoutError:
                continue
            break
        exchange.reset()

    async with scripted(drip) as server:
        with pytest.raises(UndecidedError, match=r"^timeout$"):
            await send(hasty, server.url)
        over.set()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(http: HttpClient, status: int) -> None:
    async with scripted(answers(status, b"", Location="/elsewhere")) as server:
        answer = await send(http, server.url)
    assert (answer.status, len(server.requests)) == (status, 1)


async def test_cancelling_passes_through(http: HttpClient) -> None:
    over = asyncio.Event()

    async def silent(exchange: Exchange) -> None:
        await over.wait()
        exchange.reset()

    async with scripted(silent) as server:
        task = asyncio.ensure_future(send(http, server.url))
        await server.seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        over.set()


async def test_a_mistake_of_the_check_is_unsent_too(http: HttpClient) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    async with scripted(answers(201, {})) as server:
        with pytest.raises(UnsentError):
            await send(http, server.url, broken)
    assert server.bytes_seen == 0


async def test_asking_raises_retryable_without_the_address(http: HttpClient) -> None:
    async with scripted(reset) as server:
        with pytest.raises(Retryable) as caught:
            await http.get(f"{server.url}/Calls.json", (("To", "+12025550143"),), {})
    assert "2025550143" not in repr(caught.value)
    assert caught.value.__cause__ is None


async def test_query_names_keep_their_signs(http: HttpClient) -> None:
    async with scripted(answers(200, {})) as server:
        await http.get(f"{server.url}/Calls.json", (("StartTime>", "2026-11-20T22:30:00Z"), ("To", "+1202")), {})
    assert server.requests[0].target == "/Calls.json?StartTime%3E=2026-11-20T22%3A30%3A00Z&To=%2B1202"


@pytest.mark.parametrize(
    ("header", "delay"),
    [("7", 7.0), ("0", 0.0), ("999999", 3600.0), ("-1", None), ("soon", None), ("", None), ("1.5", None)],
)
def test_retry_after_in_seconds(header: str, delay: float | None) -> None:
    assert Answer(429, {"retry-after": header}, b"").retry_after_s() == delay


def test_retry_after_as_a_date() -> None:
    assert Answer(429, {"retry-after": "Fri, 20 Nov 2015 22:30:00 GMT"}, b"").retry_after_s() == 0.0
    assert Answer(429, {"retry-after": "Fri, 20 Nov 2195 22:30:00 GMT"}, b"").retry_after_s() == 3600.0
    assert Answer(429, {}, b"").retry_after_s() is None


async def test_answers_are_taken_in_turn(http: HttpClient) -> None:
    async with scripted(in_turn(answers(200, {}), answers(201, {}))) as server:
        assert [(await send(http, server.url)).status, (await send(http, server.url)).status] == [200, 201]
