"""Twilio's list of calls: filters, pages, and what may be wrong with it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import urlencode

import pytest

from tests.carrier.test_call_resource import check_call
from tests.carrier.wire import FROM, OTHER_FROM, SID, TO, Reply, Wire, scenario, wired

OTHER_TO = "+13045550143"
LISTED = {"calls", "first_page_uri", "next_page_uri", "previous_page_uri", "uri", "page", "page_size", "start", "end"}


async def ask(wire: Wire, **query: str) -> Reply:
    """One page of the list; `_from` and `_until` stand for `StartTime>` and `StartTime<`."""
    names = {"_from": "StartTime>", "_until": "StartTime<"}
    return await wire.ask("GET", "Calls.json?" + urlencode({names.get(key, key): query[key] for key in query}))


def calls_of(reply: Reply) -> list[dict[str, object]]:
    """The calls on the page, each checked against the official description."""
    assert reply.status == 200, reply
    assert set(reply.json) == LISTED
    calls = cast(list[dict[str, object]], reply.json["calls"])
    for call in calls:
        check_call(call)
    return calls


def iso(offset_s: float) -> str:
    """A moment near now, in whole seconds."""
    return (datetime.now(UTC) + timedelta(seconds=offset_s)).replace(microsecond=0).isoformat()


async def three_calls(wire: Wire) -> list[str]:
    """FROM to TO, FROM to OTHER_TO, OTHER_FROM to TO; all of them dialled."""
    sids = [
        await wire.created(),
        await wire.created(To=OTHER_TO),
        await wire.created(From=OTHER_FROM),
    ]
    await wire.carrier.wait_for(lambda: len(wire.receiver.heard) >= 3)
    return sids


FILTERS: list[tuple[dict[str, str], list[int]]] = [
    ({}, [2, 1, 0]),
    ({"To": TO}, [2, 0]),
    ({"From": FROM}, [1, 0]),
    ({"To": TO, "From": FROM}, [0]),
    ({"To": "+13335550143"}, []),
    ({"Status": "queued"}, [2, 1, 0]),
    ({"Status": "completed"}, []),
    ({"ParentCallSid": "CA" + "0" * 32}, []),
]


@pytest.mark.parametrize(("query", "expected"), FILTERS, ids=[urlencode(row[0]) or "all" for row in FILTERS])
async def test_filters(query: dict[str, str], expected: list[int]) -> None:
    async with wired(scenario(speed=0.001)) as wire:
        sids = await three_calls(wire)
        assert [call["sid"] for call in calls_of(await ask(wire, **query))] == [sids[index] for index in expected]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"_from": iso(-60)}, True),
        ({"_from": iso(+3600)}, False),
        ({"_until": iso(+3600)}, True),
        ({"_until": iso(-3600)}, False),
        ({"_from": iso(-3600), "_until": iso(+3600), "To": TO}, True),
        ({"_from": "2000-01-01"}, True),
        ({"StartTime": "2000-01-01"}, False),
        ({"EndTime>": "2000-01-01"}, False),
    ],
)
async def test_filters_by_time(query: dict[str, str], found: bool) -> None:
    async with wired(scenario(speed=0.001)) as wire:
        sids = await three_calls(wire)
        assert (sids[0] in [call["sid"] for call in calls_of(await ask(wire, **query))]) is found


async def test_a_start_time_is_compared_in_whole_seconds() -> None:
    """As the list shows it: a bound within the second of the start lies after the call."""
    async with wired(scenario(speed=0.001)) as wire:
        sids = await three_calls(wire)
        call = next(iter(wire.carrier.switchboard.calls("us", OTHER_TO)))
        assert call.initiated_at is not None
        call.initiated_at = 1_700_000_000.75
        exactly, later = (datetime.fromtimestamp(at, UTC).isoformat() for at in (1_700_000_000, 1_700_000_000.5))
        found = calls_of(await ask(wire, To=OTHER_TO, _from=exactly))
        missed = calls_of(await ask(wire, To=OTHER_TO, _from=later))
    assert ([each["sid"] for each in found], missed) == ([sids[1]], [])


@pytest.mark.parametrize("query", [{"PageSize": "0"}, {"PageSize": "1001"}, {"Page": "x"}, {"StartTime": "yesterday"}])
async def test_a_bad_query_is_refused(query: dict[str, str]) -> None:
    async with wired() as wire:
        assert (await ask(wire, **query)).status == 400


async def test_pages_follow_each_other_while_new_calls_come_in() -> None:
    async with wired(scenario(speed=0.001)) as wire:
        sids = [await wire.created(To=f"+1303555{number:04}") for number in range(5)]
        reply = await ask(wire, PageSize="2")
        pages = [calls_of(reply)]
        while reply.json["next_page_uri"]:
            await wire.created(To=f"+1304555{len(pages):04}")
            uri = str(reply.json["next_page_uri"])
            assert uri.startswith(f"/2010-04-01/Accounts/{SID}/Calls.json?")
            reply = await wire.ask("GET", uri.removeprefix(f"/2010-04-01/Accounts/{SID}/"))
            pages.append(calls_of(reply))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [call["sid"] for page in pages for call in page] == sids[::-1]


async def test_a_lagging_list_lacks_the_newest_calls() -> None:
    async with wired(scenario(list_lag_s=3600.0, speed=0.001)) as wire:
        sid = await wire.created()
        assert calls_of(await ask(wire, To=TO)) == []
        assert (await wire.ask("GET", f"Calls/{sid}.json")).status == 200
        next(iter(wire.carrier.switchboard.calls("us", TO))).accepted_at = time.time() - 3601
        assert [call["sid"] for call in calls_of(await ask(wire, To=TO))] == [sid]


@pytest.mark.parametrize("kind", ["list_lag", "list_empty"])
async def test_a_list_may_be_empty_by_fault(kind: str) -> None:
    async with wired(scenario(faults=[{"kind": kind, "times": 1}], speed=0.001)) as wire:
        await wire.created()
        assert calls_of(await ask(wire)) == []
        assert len(calls_of(await ask(wire))) == 1


async def test_only_so_many_ended_calls_are_kept() -> None:
    async with wired(scenario(keep_calls=2)) as wire:
        sids = [await wire.created(To=f"+1303555{number:04}") for number in range(4)]
        await wire.until_idle()
        assert len(calls_of(await ask(wire))) == 2
        statuses = [(await wire.ask("GET", f"Calls/{sid}.json")).status for sid in sids]
    assert sorted(statuses) == [200, 200, 404, 404]
