"""RabbitMQ as the daemon uses it: topology, tenants' bindings, one connection to consume and one to publish."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog
from aiormq.abc import AbstractChannel

from outdial.errors import BrokerUnavailable
from outdial.rabbitmq import bindings, topology
from outdial.rabbitmq.consumer import RabbitInbox
from outdial.rabbitmq.kept_connection import ConnectionOptions, KeptConnection, Session, broker_errors
from outdial.rabbitmq.publisher import RabbitPublisher
from outdial.rules.attempt_queues import QueueNames
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.rules.ids import TenantId
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)

BIND_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class RabbitOptions:
    """How to reach and use the broker; durations in seconds. `prefix` keeps installations on one broker apart.

    `declare` False = exchanges and shared queues are the operators' business and only checked. `ready_within_s`: a
    connection that is not set up and consumed by then is dropped and built anew.
    """

    url: str = field(repr=False)
    prefix: str = "outdial"
    queues: int = 8
    prefetch: int = 200
    declare: bool = True
    heartbeat_s: int = 10
    reconnect_s: float = 1.0
    ready_within_s: float = 30.0
    publish_timeout_s: float = 10.0
    publish_at_once: int = 100

    @property
    def names(self) -> QueueNames:
        """The names of the installation."""
        return QueueNames(self.prefix, self.queues)

    @property
    def connection(self) -> ConnectionOptions:
        """What both connections go by."""
        return ConnectionOptions(
            self.url, self.prefix, self.heartbeat_s, self.reconnect_s, ready_within_s=self.ready_within_s
        )


def attempt_publisher(options: RabbitOptions) -> RabbitPublisher:
    """For producers' tools: only publishes. Start its `connection`, wait until that is ready, close it at the end."""
    return RabbitPublisher(
        options.connection, options.names, timeout_s=options.publish_timeout_s, at_once=options.publish_at_once
    )


async def open_transport(options: RabbitOptions, metrics: Metrics | None = None) -> RabbitTransport:
    """Build it; `start` connects."""
    return RabbitTransport(options, metrics or Metrics())


class RabbitTransport:
    """`app.Transport` on RabbitMQ."""

    def __init__(self, options: RabbitOptions, metrics: Metrics) -> None:
        self._options, self.names, self.metrics = options, options.names, metrics
        self.inbox = RabbitInbox(self.names, options.prefetch, metrics)
        self.publisher = attempt_publisher(options)
        self.consuming = KeptConnection(options.connection, "consume", self._set_up)
        self._wanted: dict[TenantId, str] = {}
        self._bound: dict[TenantId, str] = {}
        self._session: Session | None = None
        self._binding = asyncio.Lock()
        self._tidying: asyncio.Task[None] | None = None

    async def start(self, rows: CatalogueRows) -> None:
        """Declare, bind the tenants, consume, be able to publish. Raises `BrokerUnavailable` when that takes too long."""
        self._want(rows)
        self.consuming.start()
        await self.consuming.wait_until_ready(self._options.ready_within_s)
        self.publisher.connection.start()
        await self.publisher.connection.wait_until_ready(self._options.ready_within_s)
        self._tidying = asyncio.create_task(self._tidy(), name="tidy bindings")

    async def catalogue_changed(self, rows: CatalogueRows) -> None:
        """Bind new tenants and those that moved. Never raises: what cannot be done now is done on a new connection."""
        self._want(rows)
        session = self._session
        if session is None or session.lost.is_set() or self._wanted == self._bound:
            return
        try:
            async with self._binding:
                await self._with_channel(session, self._move)
        except BrokerUnavailable as error:
            log.warning("tenant.not_bound", error_message=str(error))
            session.drop()

    async def tidied(self) -> None:
        """Wait until bindings of earlier times are taken away, or could not be."""
        if self._tidying is not None:
            await asyncio.wait({self._tidying})

    async def stop_consuming(self) -> None:
        """No new deliveries; what is in hand can still be acked."""
        if self._tidying is not None:
            self._tidying.cancel()
        await self.inbox.stop()

    async def close(self) -> None:
        """Close both connections, never single channels: an ack under way on one would end its whole connection."""
        await asyncio.gather(self.consuming.close(), self.publisher.connection.close())

    def is_ready(self) -> bool:
        """Whether it can consume and publish. One queue without a leader does not count: the others go on."""
        return self.trouble() == ""

    def trouble(self) -> str:
        """Why it is not ready, in words without secrets; empty when it is."""
        if trouble := self.consuming.trouble or self.publisher.connection.trouble:
            return trouble
        return "no queue is consumed" if self.inbox.consumes_nothing() else ""

    def not_consumed(self) -> list[str]:
        """Queues that the broker does not let us consume just now."""
        return self.inbox.not_consumed()

    # -- inside

    def _want(self, rows: CatalogueRows) -> None:
        self._wanted = self.names.assign(rows.tenants)

    async def _set_up(self, session: Session) -> None:
        """Everything again on every new connection: the broker may be another one than before."""
        self._session = session
        self._bound = {}
        async with self._binding:
            await self._with_channel(session, self._declare_and_bind)
        await self.inbox.follow(session)

    async def _declare_and_bind(self, channel: AbstractChannel) -> None:
        if self._options.declare:
            await topology.declare(channel, self.names)
        else:
            await topology.check(channel, self.names)
        await self._move(channel)

    async def _move(self, channel: AbstractChannel) -> None:
        """Bind to the new queue first, then unbind from the old one: never a moment without a queue."""
        wanted, bound = self._wanted, self._bound
        own = bindings.own_queues(self.names, wanted)
        if self._options.declare:
            for queue in topology.own(self.names, own):
                await topology.declare_queue(channel, queue)
        await bindings.bind(channel, self.names, bindings.moved(wanted, bound))
        self.inbox.add(own)
        await bindings.unbind(channel, self.names, bindings.left_behind(wanted, bound))
        self._bound = wanted

    async def _tidy(self) -> None:
        """Once after the start: take away bindings of earlier times. What fails is tried at the next start."""
        session, wanted = self._session, self._wanted
        if session is None:
            return

        async def unbind(channel: AbstractChannel) -> None:
            await bindings.unbind(channel, self.names, self._strays(wanted))

        try:
            await self._with_channel(session, unbind)
        except BrokerUnavailable as error:
            log.info("tenant.not_tidied", error_message=str(error))

    def _strays(self, wanted: bindings.Bindings) -> Iterable[tuple[TenantId, str]]:
        """Asked one by one, since a tenant may have moved meanwhile."""
        for tenant, queue in bindings.strays(self.names, wanted):
            if self._wanted.get(tenant) != queue:
                yield tenant, queue

    async def _with_channel(self, session: Session, work: topology.Work) -> None:
        """Raises `BrokerUnavailable`."""
        with broker_errors("declaring"):
            async with asyncio.timeout(BIND_WITHIN_S):
                channel = await session.open_channel()
                await work(channel)
                await channel.close()
