"""The acks of one channel settle exactly what they name, with as few frames as that takes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from outdial.rabbitmq.deliveries import OpenChannel


class FakeChannel:
    """Keeps unsettled tags as a broker does, and fails on a tag that is not one of them."""

    def __init__(self, count: int) -> None:
        self.unsettled = set(range(1, count + 1))
        self.frames: list[tuple[int, bool]] = []

    async def basic_ack(self, tag: int, multiple: bool = False, wait: bool = True) -> None:
        """Settle it, or all up to it."""
        assert tag in self.unsettled, "a broker closes the channel for that"
        self.frames.append((tag, multiple))
        self.unsettled -= {t for t in self.unsettled if t <= tag} if multiple else {tag}


def opened(count: int) -> tuple[OpenChannel, FakeChannel]:
    """A channel with so many deliveries."""
    fake: Any = FakeChannel(count)
    channel = OpenChannel(fake)
    channel.unsettled = dict.fromkeys(range(1, count + 1))
    return channel, fake


async def test_a_whole_batch_takes_one_frame() -> None:
    channel, fake = opened(200)
    await channel.ack(set(range(1, 201)))
    assert fake.frames == [(200, True)]


async def test_a_gap_is_not_settled() -> None:
    channel, fake = opened(6)
    await channel.ack({1, 2, 4, 6})
    assert fake.frames == [(2, True), (4, False), (6, False)]
    assert fake.unsettled == {3, 5}
    await channel.ack({3})
    await channel.ack({5})
    assert fake.frames[3:] == [(3, False), (5, False)]


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.sets(st.integers(1, n))))))
def test_any_batches_in_any_order_settle_exactly_what_they_name(case: tuple[int, list[set[int]]]) -> None:
    count, batches = case
    channel, fake = opened(count)
    left = set(range(1, count + 1))
    for batch in batches:
        fresh = batch & left
        for tag, multiple in channel.frames(fresh):
            assert tag in fake.unsettled
            fake.unsettled -= {t for t in fake.unsettled if t <= tag} if multiple else {tag}
        left -= fresh
        assert fake.unsettled == left
        assert set(channel.unsettled) == left
