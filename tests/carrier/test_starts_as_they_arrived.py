"""Start rates are judged by when requests arrived: a carrier that is late itself blames nobody, and excuses nobody."""

from __future__ import annotations

import base64
import socket
import time
from urllib.parse import urlencode, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from outdial.carrier.windows import Starts, allowance_of
from tests.carrier.wire import FROM, SID, TOKEN, scenario, wired

AT = 1_000_000.0
MOMENTS = st.lists(st.integers(0, 400).map(lambda n: AT + n / 100), min_size=1, max_size=40)


def most_in_a_second(starts: list[float]) -> int:
    """By looking at every window."""
    return max(sum(1 for at in starts if first <= at < first + 1.0) for first in starts)


def is_broken(starts: list[float], rate: float, jitter_s: float) -> bool:
    """By looking at every window of one start more than allowed."""
    allowed, window = allowance_of(rate)
    ordered = sorted(starts)
    return any(b - a < window - jitter_s - 1e-6 for a, b in zip(ordered, ordered[allowed:], strict=False))


@given(MOMENTS, st.sampled_from([0.5, 1.0, 2.5, 5.0, 12.0]), st.sampled_from([0.0, 0.05]), st.randoms())
def test_in_whatever_order_they_are_told_the_verdict_is_the_same(
    starts: list[float], rate: float, jitter_s: float, random: object
) -> None:
    told = list(starts)
    random.shuffle(told)  # type: ignore[attr-defined]  # hypothesis hands out a Random
    judge = Starts(rate, jitter_s)
    seen = [judge.add(at) for at in told]
    assert any(seen) == is_broken(starts, rate, jitter_s)
    assert judge.highest == most_in_a_second(starts)


def test_one_that_was_told_late_is_judged_among_its_neighbours() -> None:
    judge = Starts(2.0, 0.05)
    assert [judge.add(AT + at) for at in (0.0, 0.1, 1.2, 0.5)] == [False, False, False, True]


def test_without_a_promise_starts_are_only_counted() -> None:
    judge = Starts(0.0, 0.05)
    assert not any(judge.add(AT) for _ in range(9))
    assert judge.highest == 9


async def test_a_request_arrived_when_the_kernel_got_it() -> None:
    """The carrier's loop stands still while the requests are sent: what it reads at once did not come at once."""
    async with wired(scenario(account={"one_call_per_contact": False}, speed=0.001)) as wire:
        parts = urlsplit(wire.carrier.url)
        sent: list[float] = []
        open_ones = []
        for n in range(3):
            caller = socket.create_connection((parts.hostname, parts.port))
            caller.sendall(create_request(n))
            sent.append(time.time())
            open_ones.append(caller)
        await wire.carrier.wait_for(lambda: wire.carrier.tally()["accepted"] == 3)
        calls = sorted(wire.carrier.switchboard.calls(), key=lambda call: call.order.to)
        for caller in open_ones:
            caller.close()
    began = 0.0
    for call, moment in zip(calls, sent, strict=True):
        assert began <= call.arrived_at <= moment
        began = moment
    assert all(call.arrived_at < call.accepted_at for call in calls)


def create_request(number: int) -> bytes:
    """A create as its bytes."""
    body = urlencode({"To": f"+1303555{number:04}", "From": FROM, "Url": "http://answer.example/x"})
    known = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    return (
        f"POST /2010-04-01/Accounts/{SID}/Calls.json HTTP/1.1\r\nHost: carrier\r\nAuthorization: Basic {known}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
