"""RabbitMQ as the daemon uses it: one connection to consume, one to publish, topology and tenants' bindings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import AbstractRobustConnection

from outdial.errors import BrokerUnavailable
from outdial.rabbitmq.plain_consumer import RabbitInbox
from outdial.rabbitmq.plain_publisher import RabbitPublisher
from outdial.rabbitmq.plain_topology import Names, RabbitOptions, bind_tenants, declare, queue_for
from outdial.rules.catalogue_rows import CatalogueRows, TenantRow

CONNECT_TIMEOUT_S = 10.0
HEARTBEAT_S = 10
"""A dead peer is noticed after three of them (measured 30 to 34 s); the client's default would take 3 minutes."""


async def open_connection(url: str, name: str) -> AbstractRobustConnection:
    """A connection that comes back by itself. Raises `BrokerUnavailable` when the first attempt fails."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    query |= {"heartbeat": str(HEARTBEAT_S), "reconnect_interval": "1", "fail_fast": "1", "name": name}
    address = urlunsplit(parts._replace(query=urlencode(query)))
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            return await aio_pika.connect_robust(address)
    except (TimeoutError, OSError, aio_pika.exceptions.AMQPError) as error:
        raise BrokerUnavailable(f"RabbitMQ cannot be reached: {type(error).__name__} (check rabbitmq.url)") from error


class RabbitTransport:
    """`app.Transport` on RabbitMQ. Open it with `open_transport`."""

    def __init__(
        self,
        consuming: AbstractRobustConnection,
        publishing: AbstractRobustConnection,
        options: RabbitOptions,
        on_ack_failure: Callable[[], None],
    ) -> None:
        self._consuming, self._publishing, self._options = consuming, publishing, options
        self._names = Names(options.prefix, options.queues)
        self.inbox = RabbitInbox(consuming, options, on_ack_failure)
        self.publisher = RabbitPublisher(publishing, options)
        self._bound: dict[str, int] = {}
        self._binding = asyncio.Lock()
        self._started = False

    async def start(self, rows: CatalogueRows) -> None:
        """Declare, bind the tenants, open the publisher's channel, consume."""
        if self._options.declare:
            async with self._publishing.channel() as channel:
                await declare(channel, self._names)
        self._started = True
        await self.catalogue_changed(rows)
        await self.publisher.start()
        await self.inbox.start()

    async def catalogue_changed(self, rows: CatalogueRows) -> None:
        """Bind new tenants and those that moved."""
        if not self._started:
            return
        async with self._binding:
            queues = self._options.queues
            wanted = {str(t): queue_for(t, _own_queue(row), queues) for t, row in rows.tenants.items()}
            if wanted != self._bound:
                async with self._publishing.channel() as channel:
                    await bind_tenants(channel, self._names, wanted, self._bound)
                self._bound = wanted

    async def stop_consuming(self) -> None:
        """No new deliveries."""
        await self.inbox.stop()

    async def close(self) -> None:
        """Close both connections; acks are drained before."""
        await self._consuming.close()
        await self._publishing.close()

    def is_ready(self) -> bool:
        """Whether it can consume and publish."""
        return self.inbox.is_ready() and self.publisher.is_ready()


def _own_queue(row: TenantRow) -> int | None:
    own = row.settings.get("queue")
    return own if isinstance(own, int) else None


async def open_transport(options: RabbitOptions, on_ack_failure: Callable[[], None] = lambda: None) -> RabbitTransport:
    """Connect. Raises `BrokerUnavailable`."""
    consuming = await open_connection(options.url, f"{options.prefix} consume")
    publishing = await open_connection(options.url, f"{options.prefix} publish")
    return RabbitTransport(consuming, publishing, options, on_ack_failure)
