"""One channel's deliveries: how they become ours, and the fewest acks that settle some of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiormq.abc import AbstractChannel, DeliveredMessage
from pamqp import commands

from outdial.ports.messages import Delivery, WhyBad

ACK_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an ack needs: the tag, and the one channel on which it means anything."""

    channel: OpenChannel
    tag: int


class OpenChannel:
    """A channel from its opening to its closing. `unsettled`: its delivery tags in the order of their coming."""

    def __init__(self, channel: AbstractChannel) -> None:
        self.channel = channel
        self.unsettled: dict[int, None] = {}

    def take(self, message: DeliveredMessage, queue: str, *, dead: bool) -> Delivery:
        """A message as a delivery of ours; from now on it is to be settled."""
        deliver, properties = message.delivery, message.header.properties
        assert isinstance(deliver, commands.Basic.Deliver), "consumers get nothing else"
        tag = int(deliver.delivery_tag or 0)
        self.unsettled[tag] = None
        headers = properties.headers or {}
        return Delivery(
            queue=queue,
            routing_key=deliver.routing_key or "",
            body=message.body,
            message_id=properties.message_id,
            type=properties.message_type,
            headers=headers,
            redelivered=bool(deliver.redelivered),
            receipt=Receipt(self, tag),
            dead_because=_why_dead(headers) if dead else None,
        )

    async def ack(self, tags: set[int]) -> None:
        """Settle these. Raises what aio-pika raises, also when the channel is closed."""
        frames = self.frames(tags)
        async with asyncio.timeout(ACK_WITHIN_S):
            for n, (tag, multiple) in enumerate(frames, 1):
                await self.channel.basic_ack(tag, multiple=multiple, wait=n == len(frames))

    def frames(self, tags: set[int]) -> list[tuple[int, bool]]:
        """The fewest acks that settle exactly these: (tag, multiple). They count as settled afterwards.

        A multiple ack settles everything up to its tag, so it serves only for the oldest tags without a gap.
        """
        covered, last = 0, 0
        for tag in self.unsettled:
            if tag not in tags:
                break
            covered, last = covered + 1, tag
        many = covered > 1
        rest = sorted(tag for tag in tags if not many or tag > last)
        for tag in tags:
            self.unsettled.pop(tag, None)
        return [*([(last, True)] if many else []), *((tag, False) for tag in rest)]


def _why_dead(headers: Mapping[str, object]) -> str:
    """RabbitMQ's word in ours; 3.10 says `delivery_limit` too."""
    return WhyBad.DELIVERY_LIMIT if headers.get("x-first-death-reason") == "delivery_limit" else WhyBad.DEAD_LETTERED
