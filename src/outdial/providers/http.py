"""One HTTP client for all providers. It knows exactly one thing better than others: whether a request left.

A create request is sent once and never again: no retries, no redirects, no proxies from the environment. What fails
before its first byte is `UnsentError` (proven: no call), what fails afterwards is `UndecidedError` (there may be a call).
aiohttp keeps the headers of a request with a body back and writes them together with it, so the body's own write is
the moment directly before the first byte: there the caller's check is made and the mark is set, without an await in
between. Texts of foreign exceptions are dropped, because they hold addresses, and addresses hold phone numbers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from types import TracebackType
from typing import Self
from urllib.parse import urlencode

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload
from yarl import URL

from outdial import __version__
from outdial.errors import Retryable
from outdial.ports.carriers import StartTooLate
from outdial.telemetry.crashpoints import crashpoint

MAX_ANSWER_BYTES = 256 * 1024
"""A Call object has about 2 KiB, a page of a hundred of them 200 KiB."""
MAX_RETRY_AFTER_S = 3_600.0
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Seconds and counts. `total_s` bounds the whole exchange, a slowly dripping answer included."""

    connect_s: float = 5.0
    """For a free place in the pool, name resolution, TCP and TLS together."""
    total_s: float = 15.0
    per_host: int = 256
    """Sockets per provider address: a slow carrier exhausts its own only."""
    keep_alive_s: float = 15.0
    """Shorter than load balancers wait (60 s is usual), so that a socket is rarely closed just as we write."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer. Header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def retry_after_s(self) -> float | None:
        """The delay that the answer asks for, None when it asks for none that can be read."""
        value = self.headers.get("retry-after", "").strip()
        if value.isascii() and value.isdigit():
            return min(float(value), MAX_RETRY_AFTER_S)
        try:
            delay = parsedate_to_datetime(value).timestamp() - time()
        except (ValueError, OverflowError):
            return None
        return min(max(delay, 0.0), MAX_RETRY_AFTER_S)


class UnsentError(Exception):
    """Proven: no byte of the request left. `reason`: `too_late`, `dns`, `tls`, `connect`, `timeout`, …"""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UndecidedError(Exception):
    """The request began to leave and no complete answer came."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _GuardedBody(BytesPayload):
    """A request body that asks for permission directly before the first byte, and remembers that it left."""

    def __init__(self, body: bytes, content_type: str, check_start: Callable[[], None]) -> None:
        super().__init__(body, content_type=content_type)
        self._check_start = check_start
        self.begun = False
        self.too_late = False

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        try:
            self._check_start()
        except StartTooLate:
            self.too_late = True
            raise
        self.begun = True
        await super().write_with_length(writer, content_length)
        crashpoint("request_written")


class HttpClient:
    """An async context manager; one per process."""

    def __init__(self, limits: HttpLimits | None = None) -> None:
        self._limits = limits or HttpLimits()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        limits = self._limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, limit_per_host=limits.per_host, keepalive_timeout=limits.keep_alive_s, ttl_dns_cache=30
            ),
            # The ceiling of timeouts to whole seconds is switched off by a threshold that no timeout reaches.
            timeout=aiohttp.ClientTimeout(total=None, connect=limits.connect_s, ceil_threshold=86_400),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"outdial/{__version__}", "Accept": "application/json"},
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send_once(
        self, url: str, body: bytes, content_type: str, headers: Mapping[str, str], check_start: Callable[[], None]
    ) -> Answer:
        """POST, at most once. Raises `UnsentError` or `UndecidedError`."""
        guarded = _GuardedBody(body, content_type, check_start)
        try:
            return await self._exchange("POST", url, headers, guarded)
        except Exception as error:  # anything at all: what matters is only whether the request had begun to leave
            reason = "too_late" if guarded.too_late else reason_of(error)
            raise (UndecidedError(reason) if guarded.begun else UnsentError(reason)) from None

    async def get(self, url: str, query: Pairs, headers: Mapping[str, str]) -> Answer:
        """A read. Raises `Retryable` when no complete answer came."""
        address = f"{url}?{urlencode(query)}" if query else url
        return await self._repeatable("GET", address, headers, None)

    async def post(self, url: str, form: Pairs, headers: Mapping[str, str]) -> Answer:
        """A request that may safely be repeated by the caller. Raises `Retryable` when no complete answer came."""
        return await self._repeatable("POST", url, headers, BytesPayload(urlencode(form).encode(), content_type=FORM))

    async def command(self, method: str, url: str, content: object, headers: Mapping[str, str]) -> Answer:
        """A request that may safely be repeated, with JSON, or nothing for None. Raises `Retryable` as `get` does."""
        body = None if content is None else BytesPayload(json.dumps(content).encode(), content_type=JSON)
        return await self._repeatable(method, url, headers, body)

    async def pass_on(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST a body that is not ours, as it is. May be repeated. Raises `Retryable` as `get` does."""
        payload = BytesPayload(body, content_type=headers.get("content-type", JSON))
        return await self._repeatable("POST", url, headers, payload)

    async def _repeatable(
        self, method: str, url: str, headers: Mapping[str, str], body: BytesPayload | None
    ) -> Answer:  # fmt: skip
        try:
            return await self._exchange(method, url, headers, body)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise Retryable(f"the carrier could not be asked: {reason_of(error)}") from None

    async def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: BytesPayload | None) -> Answer:
        session = self._session
        if session is None:
            raise RuntimeError("the HTTP client is not open")
        async with (
            asyncio.timeout(self._limits.total_s),
            session.request(
                method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            ) as response,
        ):
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, names, await _read(response))


class _TooLarge(aiohttp.ClientError):
    """More than `MAX_ANSWER_BYTES`."""


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise _TooLarge
    return bytes(body)


_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (_TooLarge, "answer_too_large"),
    (aiohttp.ClientSSLError, "tls"),
    (aiohttp.ClientConnectorDNSError, "dns"),
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.ClientPayloadError, "truncated"),
    (aiohttp.ClientResponseError, "not_http"),
    (aiohttp.ClientConnectionError, "disconnected"),
    (OSError, "disconnected"),
    (ValueError, "bad_address"),
)


def reason_of(error: BaseException) -> str:
    """A short word for what went wrong, safe to log."""
    return next((word for kind, word in _REASONS if isinstance(error, kind)), "error")


def is_success(status: int) -> bool:
    """Any 2xx."""
    return HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
