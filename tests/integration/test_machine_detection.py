"""Machine detection (SPEC 5) from the carrier's raw callbacks to outcome, sticky assignment and statistics, at any hour.

The callbacks are the documented ones of Twilio and Telnyx, signed, read by the adapters, and handed to real turns on a
clock that is moved by hand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from time import time
from typing import Any

import pytest

from outdial.dispatch.place import PlacingLimits, StartCheck, identity_of, order_for
from outdial.ports.carriers import CallbackRequest
from outdial.ports.store import Intent
from outdial.providers.http import HttpClient
from outdial.rules.call_fate import MACHINE_GRACE_S, HasNews, IsOverdue
from outdial.rules.call_progress import CallNews
from outdial.rules.ids import CampaignId, NumberId, TenantId
from outdial.rules.policy import CampaignPolicy
from tests.providers.contract.description import CONNECTION, PLACEMENT, Event, ProviderUnderTest
from tests.providers.contract.telnyx import TELNYX
from tests.providers.contract.twilio import TWILIO
from tests.support.turns import HandReplica, hand_replica

ANSWERED, ENDED = "answered", "ended"


def without_result(event: Event) -> Event:
    """Twilio repeats the result in its last callback, unless it came too late for that."""
    return {name: value for name, value in event.items() if name != "AnsweredBy"}


def twilio_events(result: str) -> Mapping[str, Event]:
    """Of a call that was answered: the answer, the machine's result, the end."""
    human = TWILIO.callbacks.sequences["human"]
    return {ANSWERED: human[2], "result": {**human[3], "AnsweredBy": result}, ENDED: without_result(human[4])}


def telnyx_events(result: str) -> Mapping[str, Event]:
    _, answered, detected, ended = TELNYX.callbacks.sequences["human"]
    content = detected["data"]
    changed = {**content, "payload": {**content["payload"], "result": result}}
    return {ANSWERED: answered, "result": {**detected, "data": changed}, ENDED: ended}


@dataclass
class Call:
    """One call with machine detection under way on a replica, and the carrier's side of it."""

    one: HandReplica
    intent: Intent
    provider: ProviderUnderTest
    events: Mapping[str, Event]
    before: tuple[int, int]

    async def hears(self, *names: str) -> None:
        """The carrier calls back with these, in this order, each in a turn of its own."""
        for name in names:
            for news in self._read(self.events[name]):
                # The examples have times of their own; here the replica's clock is what counts.
                await self.one.turn(
                    (
                        identity_of(self.intent),
                        HasNews(replace(news, at=None, carrier_call_id=None), self.one.clock.now()),
                    )
                )

    def _read(self, event: Event) -> list[CallNews]:
        told = self.provider.callbacks
        url, body = self.provider.callback_url + told.query_of(event), told.encode(event)
        headers = {"Content-Type": told.content_type, **told.sign(url, body, time())}
        reader = self.provider.open("http://127.0.0.1:1", HttpClient()).reader
        return list(reader.read(CallbackRequest(CONNECTION, PLACEMENT, told.method, url, headers, body)))

    async def outcome(self) -> str | None:
        """The outcome, None = not settled."""
        found = await self.one.pool.fetchval(
            "select outcome from outcomes where placement = $1", self.intent.placement
        )  # fmt: skip
        return None if found is None else str(found)

    async def learnt(self) -> tuple[bool, int, int]:
        """Whether the contact is bound; by how much the pool's attempts and successes grew."""
        attempts, answered = await counted(self.one)
        bound = await self.one.sticky(self.intent.attempt.contact) is not None
        return bound, attempts - self.before[0], answered - self.before[1]


async def counted(one: HandReplica) -> tuple[int, int]:
    row = await one.pool.fetchrow(
        "select coalesce(sum(attempts), 0)::int, coalesce(sum(answered), 0)::int from member_stats"
    )
    assert row is not None
    return row[0], row[1]


RESULTS = {
    "twilio": {"human": "human", "machine": "machine_start", "fax": "fax", "unknown": "unknown"},
    "telnyx": {"human": "human", "machine": "machine", "fax": "fax_detected", "unknown": "not_sure"},
}
Begin = Callable[..., Any]


@pytest.fixture(params=[TWILIO, TELNYX], ids=str)
async def begin(request: pytest.FixtureRequest, database_url: str) -> AsyncIterator[Begin]:
    """Begins calls, each to a contact of its own, under a campaign with these switches."""
    provider: ProviderUnderTest = request.param
    events = {"twilio": twilio_events, "telnyx": telnyx_events}[provider.name]
    contacts = count(100)
    async with hand_replica(database_url) as one:

        async def begin(result: str, detection: str = "detect", **policy: bool) -> Call:
            switches = {"voicemail_is_reached": False, "machine_counts_as_answer": False, **policy}
            lines = "\n".join(f"{name} = {str(value).lower()}" for name, value in switches.items())
            await one.apply(f"[campaigns.spring]\n{lines}\n")
            intent = await one.dial(f"+13125550{next(contacts)}", machine_detection=detection)
            await one.accept(intent)
            return Call(one, intent, provider, events(RESULTS[provider.name][result]), await counted(one))

        yield begin


DECIDED = {
    "human": ("answered_human", (True, 1, 1)),
    "machine": ("answered_machine", (False, 1, 0)),
    "fax": ("answered_fax", (False, 0, 0)),
    "unknown": ("answered_unknown", (True, 1, 1)),
}


@pytest.mark.parametrize("order", [(ANSWERED, "result", ENDED), (ENDED, "result", ANSWERED)], ids=["early", "late"])
async def test_a_result_before_or_within_the_grace_decides(begin: Begin, order: tuple[str, ...]) -> None:
    for result, (outcome, lesson) in DECIDED.items():
        call = await begin(result)
        await call.hears(*order[:1])
        assert await call.outcome() is None, "with the end alone it waits for the result"
        call.one.clock.jump(MACHINE_GRACE_S - 1)
        await call.hears(*order[1:])
        assert (await call.outcome(), await call.learnt()) == (outcome, lesson)


async def test_what_voicemail_counts_is_the_campaigns_word(begin: Begin) -> None:
    for reached in (False, True):
        for success in (False, True):
            call = await begin("machine", voicemail_is_reached=reached, machine_counts_as_answer=success)
            await call.hears(ANSWERED, "result", ENDED)
            assert (await call.outcome(), await call.learnt()) == ("answered_machine", (reached, 1, int(success)))


async def test_without_a_result_it_settles_after_the_grace_and_a_later_one_annotates_only(begin: Begin) -> None:
    call = await begin("machine")
    await call.hears(ANSWERED, ENDED)
    assert await call.outcome() is None
    looked_at = await call.one.pool.fetchval("select next_check_at from calls")
    assert looked_at == pytest.approx(call.one.clock.now() + MACHINE_GRACE_S, abs=0.01)
    call.one.clock.jump(MACHINE_GRACE_S + 0.1)
    await call.one.turn((identity_of(call.intent), IsOverdue(call.one.clock.now())))
    before = (await call.outcome(), await call.learnt())
    assert before == ("answered_unknown", (True, 1, 1))
    await call.hears("result")
    assert (await call.outcome(), await call.learnt()) == before
    row = await call.one.pool.fetchrow("select answered_by, corrections from outcomes")
    assert row is not None
    assert (row["answered_by"], row["corrections"], call.one.told("call_attempt.corrected")) == ("machine", 0, [])


async def test_switched_off_nothing_is_waited_for(begin: Begin) -> None:
    call = await begin("machine", "off")
    await call.hears(ANSWERED, ENDED)
    assert (await call.outcome(), await call.learnt()) == ("answered_unknown", (True, 1, 1))


async def test_the_jobs_wishes_stand_over_the_campaigns(database_url: str) -> None:
    """Recording and machine detection, from job and campaign to the create request."""
    async with hand_replica(database_url) as one:
        plain = await one.dial()
    unchecked = StartCheck(plain, 0.0, False, PlacingLimits(5.0, 0.04), one.clock)
    for campaign in (False, True):
        policy = CampaignPolicy(
            CampaignId("spring"), TenantId("acme"), "", NumberId("a"),
            record=campaign, machine_detection="detect" if campaign else "off",
        )  # fmt: skip
        for job in (None, False, True):
            wishes = {"record": job, "machine_detection": WORDS[job]}
            request = {**plain.attempt.request, **wishes}
            intent = replace(plain, attempt=replace(plain.attempt, request=request))
            order = order_for(intent, policy, "twilio", "https://calls.example.com/x", unchecked)
            wanted = campaign if job is None else job
            assert (order.record, order.detect_machine) == (wanted, wanted)


WORDS: Mapping[bool | None, str | None] = {None: None, False: "off", True: "detect"}
