"""A connection that is kept: when it is lost, or does not get ready in time, it is dropped whole and built anew.

aio-pika's own restoring of channels is not used: after some faults of a broker it waits for ever (a quorum queue
without a leader), and it hides that a channel is a new one, on which acks of the old one are worth nothing. Here each
connection is set up from nothing, under a time limit, by the same code as the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import AMQPError
from yarl import URL

from outdial.errors import BrokerUnavailable, OutdialError
from outdial.redaction import mask_text

log = structlog.get_logger(__name__)

CLOSE_WITHIN_S = 3.0
_TROUBLE = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
"""What a broken connection raises through aio-pika, by what was under way: `RuntimeError` is aio-pika's word for a
connection that was closed in between."""

SetUp = Callable[["Session"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """Durations in seconds. `ready_within_s`: from the first byte until everything is declared and consumed."""

    url: str = field(repr=False)
    name: str = "outdial"
    heartbeat_s: int = 10
    reconnect_s: float = 1.0
    connect_timeout_s: float = 5.0
    ready_within_s: float = 30.0

    def address(self, purpose: str) -> URL:
        """The URL with what aio-pika reads from its query. The name is what operators see in RabbitMQ's lists."""
        return URL(self.url).update_query(heartbeat=str(self.heartbeat_s), name=f"{self.name} {purpose}")


@contextmanager
def broker_errors(doing: str) -> Iterator[None]:
    """Translate what aio-pika raises into `BrokerUnavailable`. To be used outside of `asyncio.timeout`.

    A connection that is lost cancels what waits for it: such a CancelledError was not meant for us and counts as trouble.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise BrokerUnavailable(f"{doing}: the connection was lost") from error
    except OutdialError:
        raise
    except Exception as error:
        if not isinstance(error, _TROUBLE) and type(error) is not Exception:
            raise  # aiormq raises a bare Exception where a connection ended without a reason
        words = str(error) or "no answer in time" if isinstance(error, TimeoutError) else str(error)
        raise BrokerUnavailable(mask_text(f"{doing}: {type(error).__name__} {words}")[:300]) from error


class _Connection(aio_pika.Connection):
    """Closed by its keeper and by nobody else: aio_pika's begins to close itself wherever it is collected as garbage, by a
    task that nobody holds, or by a coroutine that nobody awaits."""

    def __del__(self) -> None:
        pass


class Session:
    """One connection from its making to its loss."""

    def __init__(self, connection: AbstractConnection) -> None:
        self._connection = connection
        self.lost = asyncio.Event()
        connection.close_callbacks.add(self._note_loss)

    async def open_channel(self, *, confirms: bool = False, raise_returns: bool = False) -> AbstractChannel:
        """A channel of aiormq, which aio-pika's are made of: it tells when it closes, and never becomes another."""
        channel = self._connection.channel(publisher_confirms=confirms, on_return_raises=raise_returns)
        await channel.initialize()
        return await channel.get_underlay_channel()

    def drop(self) -> None:
        """Give the connection up; a new one is made."""
        self.lost.set()

    async def close(self) -> None:
        """Close it; a peer that is gone cannot hold us up."""
        self._connection.close_callbacks.discard(self._note_loss)
        self.lost.set()
        with suppress(BrokerUnavailable), broker_errors("closing"):
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await self._connection.close()

    def _note_loss(self, *_: object) -> None:
        self.lost.set()


class KeptConnection:
    """`set_up` is run on every new connection; only when it has returned the connection counts as ready."""

    def __init__(self, options: ConnectionOptions, purpose: str, set_up: SetUp) -> None:
        self._options, self._purpose, self._set_up = options, purpose, set_up
        self._session: Session | None = None
        self._ready = asyncio.Event()
        self._closing = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._random = Random()
        self._trouble = ""

    @property
    def is_ready(self) -> bool:
        """Whether it is set up and not known to be lost."""
        return self._ready.is_set()

    @property
    def trouble(self) -> str:
        """Why it is not ready, in words without secrets; empty while it is."""
        return "" if self.is_ready else self._trouble or "not connected yet"

    def start(self) -> None:
        """Begin to connect, in a task of its own."""
        self._keeper = asyncio.create_task(self._keep(), name=f"rabbitmq {self._purpose}")

    async def wait_until_ready(self, within_s: float) -> None:
        """Raises `BrokerUnavailable`."""
        try:
            async with asyncio.timeout(within_s):
                await self._ready.wait()
        except TimeoutError:
            raise BrokerUnavailable(f"RabbitMQ ({self._purpose}): {self.trouble}") from None

    def drop(self) -> None:
        """Give up the connection at hand, if there is one; a new one is made."""
        self._ready.clear()
        if self._session is not None:
            self._session.drop()

    async def close(self) -> None:
        """Close it for good."""
        self._closing.set()
        if self._keeper is not None:
            self.drop()
            await asyncio.wait({self._keeper}, timeout=CLOSE_WITHIN_S + 1)
            self._keeper.cancel()
            await asyncio.wait({self._keeper})

    async def _keep(self) -> None:
        while not self._closing.is_set():
            try:
                with broker_errors("connecting"):
                    await self._one_session()
            except Exception as error:  # whatever it is, a new connection is the cure
                self._note(mask_text(str(error))[:300] or type(error).__name__)
            if not self._closing.is_set():
                await self._pause()

    async def _one_session(self) -> None:
        """From connecting to the loss. Raises when it cannot be set up."""
        options = self._options
        try:
            async with asyncio.timeout(options.ready_within_s):
                address, timeout = options.address(self._purpose), options.connect_timeout_s
                connection = await aio_pika.connect(address, timeout=timeout, connection_class=_Connection)
                self._session = Session(connection)
                await self._set_up(self._session)
            if self._session.lost.is_set():
                raise BrokerUnavailable("lost while it was set up")
            self._ready.set()
            log.info("broker.connected", purpose=self._purpose)
            await self._session.lost.wait()
            if not self._closing.is_set():
                self._trouble = "the connection was lost"
                log.warning("broker.lost", purpose=self._purpose)
        finally:
            self._ready.clear()
            if self._session is not None:
                await self._session.close()
                self._session = None

    def _note(self, trouble: str) -> None:
        """The same trouble is logged once, not at every try."""
        if trouble != self._trouble:
            log.warning("broker.unavailable", purpose=self._purpose, error_message=trouble)
        self._trouble = trouble

    async def _pause(self) -> None:
        """With jitter, so that a fleet does not come back in one moment."""
        try:
            async with asyncio.timeout(self._options.reconnect_s * self._random.uniform(0.75, 1.25)):
                await self._closing.wait()
        except TimeoutError:
            return
