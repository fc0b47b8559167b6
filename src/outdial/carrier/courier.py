"""The courier delivers callbacks: several at once, in no promised order, retried as the provider would, spoilt by faults."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from urllib.parse import urlsplit

from outdial.carrier.faults import Fault, FaultBox
from outdial.carrier.post import Exchange, Failure, HostPool

_CONNECTIONS_PER_HOST = 64
_LAST_ANSWERS_S = 0.5
"""How long callbacks under way are waited for at the end, real seconds."""


@dataclass(frozen=True, slots=True)
class Retry:
    """When a failed delivery is tried again. Seconds are real."""

    count: int = 1
    on: frozenset[str] = frozenset({"connect"})
    """Among connect, read, 4xx, 5xx."""
    connect_s: float = 5.0
    read_s: float = 15.0
    total_s: float = 15.0


USUAL_RETRY = Retry()


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback, ready to send. `signature_header` names the header that a forger would get wrong."""

    account: str
    call_id: str
    event: str
    url: str
    method: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    retry: Retry
    signature_header: str

    def forged(self) -> Callback:
        """The same with a signature that looks right and is not (base64 with its cases swapped)."""
        headers = [(name, value.swapcase() if name == self.signature_header else value) for name, value in self.headers]
        return replace(self, headers=tuple(headers))


@dataclass(slots=True)
class _Delivery:
    callback: Callback
    began: float
    then: tuple[Callback, ...] = ()
    tries: int = 0


_Address = tuple[str, str, int]


@lru_cache(maxsize=4096)
def _address_of(url: str) -> tuple[_Address, str, str]:
    """Whom to connect to (scheme, host, port), the Host header and the request's target. Raises `ValueError`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(parts.scheme)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (parts.scheme, parts.hostname, port), parts.netloc.rpartition("@")[2], target


class Courier:
    """Sends callbacks and counts how it went. `changed` is called after each end."""

    def __init__(self, faults: FaultBox, changed: Callable[[], None]) -> None:
        self._faults, self._changed = faults, changed
        self._loop = asyncio.get_running_loop()
        self._pools: dict[_Address, HostPool] = {}
        self._timers: set[asyncio.TimerHandle] = set()
        self._held: dict[str, list[Callback]] = {}
        self._first: dict[str, asyncio.Event] = {}
        self.counts: Counter[str] = Counter()
        self.under_way = 0
        self._closing = False
        self._ended = asyncio.Event()

    def send(self, callback: Callback) -> None:
        """Deliver it, or spoil it if a fault says so."""
        if self._closing:
            return
        fault = self._faults.draw("callback", callback.account, callback.event)
        if callback.call_id in self._held or (fault is not None and fault.kind == "reversed"):
            self._hold(callback)
        elif fault is None:
            self._begin(callback)
        else:
            self._spoil(callback, fault)

    async def first_answered(self, call_id: str, seconds: float) -> None:
        """Wait until a callback of that call was answered, so many seconds at most."""
        event = self._first.setdefault(call_id, asyncio.Event())
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            self.counts["callback_first_in_vain"] += 1
        finally:
            self._first.pop(call_id, None)

    @property
    def idle(self) -> bool:
        """Nothing is being delivered, delayed or held."""
        return not (self.under_way or self._timers or self._held)

    async def close(self) -> None:
        """Send nothing more; what is under way gets a moment to be answered."""
        self._closing = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        self._held.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ANSWERS_S):
                while self.under_way:
                    self._ended.clear()
                    await self._ended.wait()
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()

    def _hold(self, callback: Callback) -> None:
        held = self._held.setdefault(callback.call_id, [])
        held.append(callback)
        if callback.event == "ended":
            del self._held[callback.call_id]
            self.counts["reversed"] += len(held)
            self._begin(*reversed(held))

    def _spoil(self, callback: Callback, fault: Fault) -> None:
        self.counts[fault.kind] += 1
        if fault.kind == "duplicated":
            for _ in range(fault.copies):
                self._begin(callback)
        elif fault.kind == "delayed":
            self._later(fault.seconds, self._begin, callback)
        elif fault.kind == "forged":
            self._begin(callback.forged())

    def _later(self, seconds: float, step: Callable[[Callback], None], callback: Callback) -> None:
        def run() -> None:
            self._timers.discard(timer)
            step(callback)

        timer = self._loop.call_later(seconds, run)
        self._timers.add(timer)

    def _begin(self, callback: Callback, *then: Callback) -> None:
        """Send it; and when that is over, one after the other, the others."""
        self.under_way += 1
        self.counts["sent"] += 1
        self._try(_Delivery(callback, self._loop.time(), then))

    def _try(self, delivery: _Delivery) -> None:
        callback, retry = delivery.callback, delivery.callback.retry
        left_s = max(0.001, retry.total_s - (self._loop.time() - delivery.began))
        done = partial(self._tried, delivery)
        try:
            pool, data = self._prepare(callback)
        except ValueError:
            self.counts["bad_url"] += 1
            self._finish(delivery)
            return
        pool.send(Exchange(data, done, min(retry.connect_s, left_s), min(retry.read_s, left_s)))

    def _prepare(self, callback: Callback) -> tuple[HostPool, bytes]:
        address, host_header, target = _address_of(callback.url)
        lines = [f"{callback.method} {target} HTTP/1.1", f"Host: {host_header}"]
        lines += [f"{name}: {value}" for name, value in callback.headers]
        if callback.method == "POST":
            lines.append(f"Content-Length: {len(callback.body)}")
        data = "\r\n".join(lines).encode("ascii", "strict") + b"\r\n\r\n" + callback.body
        return self._pool(address), data

    def _pool(self, address: _Address) -> HostPool:
        pool = self._pools.get(address)
        if pool is None:
            scheme, host, port = address
            tls = ssl.create_default_context() if scheme == "https" else None
            pool = self._pools[address] = HostPool(self._loop, host, port, tls, _CONNECTIONS_PER_HOST)
        return pool

    def _tried(self, delivery: _Delivery, result: int | Failure) -> None:
        delivery.tries += 1
        kind = result.value if isinstance(result, Failure) else f"{result // 100}xx"
        retry = delivery.callback.retry
        time_left = self._loop.time() - delivery.began < retry.total_s
        if kind in retry.on and delivery.tries <= retry.count and time_left and not self._closing:
            self.counts["retried"] += 1
            self._loop.call_soon(self._try, delivery)
            return
        self.counts["delivered" if kind == "2xx" else f"failed_{kind}"] += 1
        self._finish(delivery)

    def _finish(self, delivery: _Delivery) -> None:
        if delivery.then and not self._closing:
            self._begin(*delivery.then)
        self.under_way -= 1
        self._ended.set()
        event = self._first.get(delivery.callback.call_id)
        if event is not None:
            event.set()
        self._changed()
