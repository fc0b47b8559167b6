"""The relay: what is confirmed leaves the outbox, many batches by one statement, and nothing that is not confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from outdial.dispatch.relay import Relay
from outdial.errors import DatabaseUnavailable
from outdial.ports.messages import OutgoingEvent
from tests.simulation.worker import METRICS
from tests.support.clock import FakeClock


class Broker:
    """Confirms every event but `unlucky`."""

    def __init__(self) -> None:
        self.published: list[str] = []
        self.unlucky = ""

    async def publish(self, events: Sequence[OutgoingEvent]) -> Sequence[OutgoingEvent]:
        self.published += [event.event_id for event in events]
        return [event for event in events if event.event_id != self.unlucky]


class Outbox:
    """Remembers removals; fails while it is down."""

    def __init__(self) -> None:
        self.removals: list[list[str]] = []
        self.leftovers: list[OutgoingEvent] = []
        self.is_down = False

    async def remove_events(self, event_ids: Sequence[str]) -> None:
        if self.is_down:
            raise DatabaseUnavailable("down")
        self.removals.append(list(event_ids))

    async def leftover_events(self, now: float, again_at: float, at_most: int) -> Sequence[OutgoingEvent]:
        gone = {event_id for removal in self.removals for event_id in removal}
        left = [event for event in self.leftovers if event.event_id not in gone]
        found, self.leftovers = left[:at_most], left[at_most:]
        return found


def event(name: str) -> OutgoingEvent:
    return OutgoingEvent(name, "acme.spring.call_attempt.ended", "{}")


@pytest.fixture
def parts() -> tuple[Relay, Broker, Outbox, FakeClock]:
    """A relay of batches of three."""
    broker, outbox, clock = Broker(), Outbox(), FakeClock()
    relay = Relay(cast(Any, outbox), cast(Any, broker), clock, METRICS, batch=3)
    return relay, broker, outbox, clock


Parts = tuple[Relay, Broker, Outbox, FakeClock]


async def test_what_is_confirmed_within_a_moment_is_removed_by_one_statement(parts: Parts) -> None:
    relay, broker, outbox, clock = parts
    for name in "abcd":
        relay.offer([event(name)])
        await relay.publish()
    assert broker.published == list("abcd")
    assert outbox.removals == [["a"], ["b", "c", "d"]], "at once after a rest, then when a batch is full"
    relay.offer([event("e")])
    await relay.publish()
    assert len(outbox.removals) == 2
    await clock.advance(1.0)
    relay.offer([event("f")])
    await relay.publish()
    assert outbox.removals[2:] == [["e", "f"]]


async def test_the_last_ones_are_removed_when_nothing_follows(parts: Parts) -> None:
    relay, _, outbox, _ = parts
    for name in "ab":
        relay.offer([event(name)])
        await relay.publish()
    assert outbox.removals == [["a"]]
    await relay.publish(within_s=30.0)
    assert outbox.removals == [["a"], ["b"]]


async def test_what_is_not_confirmed_stays_in_the_outbox(parts: Parts) -> None:
    relay, broker, outbox, _ = parts
    broker.unlucky = "b"
    relay.offer([event("a"), event("b")])
    await relay.flush()
    assert outbox.removals == [["a"]]


async def test_a_removal_that_fails_is_made_up_for(parts: Parts) -> None:
    relay, broker, outbox, _ = parts
    outbox.is_down = True
    relay.offer([event("a")])
    with pytest.raises(DatabaseUnavailable):
        await relay.publish()
    outbox.is_down = False
    relay.offer([event("b")])
    await relay.flush()
    assert broker.published == ["a", "b"]
    assert outbox.removals == [["a", "b"]]


async def test_leftovers_are_published_and_removed(parts: Parts) -> None:
    relay, broker, outbox, _ = parts
    outbox.leftovers = [event(name) for name in "abcd"]
    await relay.take_up_leftovers()
    assert broker.published == list("abcd")
    assert outbox.removals == [["a", "b", "c"], ["d"]]


async def test_what_was_confirmed_while_the_database_was_away_is_not_published_again(parts: Parts) -> None:
    relay, broker, outbox, _ = parts
    outbox.is_down = True
    outbox.leftovers = [event("a"), event("b")]
    relay.offer([event("a")])
    with pytest.raises(DatabaseUnavailable):
        await relay.publish()
    outbox.is_down = False
    await relay.take_up_leftovers()
    assert broker.published == ["a", "b"]
