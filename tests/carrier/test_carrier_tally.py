"""The carrier's own count: it must see what a caller did wrong, and nothing else."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from outdial.carrier.calls import Call, Ending, Fate, Order, Phase
from outdial.carrier.scenario import Account
from outdial.carrier.tally import KEPT_VIOLATIONS, Tally, TallyReport
from tests.carrier.wire import ANSWERED, FROM, OTHER_FROM, TO, scenario, wired

Json = dict[str, object]


class Silent:
    """A follower that tells nobody."""

    def moved(self, call: Call) -> None:
        """Nothing."""

    def detected(self, call: Call) -> None:
        """Nothing."""


class Counting:
    """A tally of one account, fed by hand."""

    def __init__(self, *, limit: int = 0, rate: float = 0.0, once: bool = True, allowance_s: float = 0.05) -> None:
        self.account = Account("us", "AC1", "t", limit=limit, calls_per_second=rate, one_call_per_contact=once)
        self.tally = Tally({"us": self.account}, allowance_s)
        self.number = 0

    def start(self, at: float = 0.0, *, to: str = "", token: str = "", attempt: str = "") -> Call:
        """An accepted create."""
        self.number += 1
        order = Order("us", FROM, to or f"+1303555{self.number:04}", token=token, attempt=attempt)
        call = Call(f"CA{self.number}", order, Fate(Ending.COMPLETED), Silent(), accepted_at=at)
        self.tally.accepted(call)
        return call

    def end(self, call: Call) -> None:
        """The call's end."""
        call.phase, call.ending = Phase.ENDED, Ending.COMPLETED
        self.tally.ended(call)

    def report(self) -> TallyReport:
        """The whole."""
        return self.tally.report({}, [])

    def kinds(self) -> list[str]:
        """The violations seen."""
        return [violation["kind"] for violation in self.report()["violations"]]


def test_the_limit_is_kept_up_to_the_last_call() -> None:
    counting = Counting(limit=2)
    calls = [counting.start(), counting.start()]
    counting.end(calls[0])
    counting.start()
    report = counting.report()["accounts"]["us"]
    assert (counting.kinds(), report["highest"], report["open"], report["accepted"]) == ([], 2, 2, 3)


def test_one_call_above_the_limit_is_seen() -> None:
    counting = Counting(limit=2)
    for _ in range(3):
        counting.start()
    violation = counting.report()["violations"][0]
    assert (violation["kind"], violation["account"], violation["call_id"]) == ("limit_exceeded", "us", "CA3")
    assert violation["detail"] == "3 calls under way, promised 2"


def test_a_lowered_limit_judges_new_calls_only() -> None:
    counting = Counting(limit=3)
    calls = [counting.start() for _ in range(3)]
    counting.tally.promise(Account("us", "AC1", "t", limit=1))
    assert counting.kinds() == []
    counting.end(calls[0])
    counting.start()
    assert counting.kinds() == ["limit_exceeded"]


RATES: list[tuple[float, list[float], int]] = [
    (2, [0.0, 0.5, 1.0, 1.5, 2.0], 0),
    (2, [0.0, 0.0, 1.0, 1.0], 0),
    (2, [0.05, 0.5, 1.0], 0),  # the first one was 50 ms late
    (2, [0.06, 0.5, 1.0], 1),
    (2, [0.0, 0.1, 0.2], 1),
    (0.5, [0.0, 2.0, 4.0], 0),
    (0.5, [0.0, 1.0, 2.0], 2),
    (2.5, [0.0, 0.4, 0.8, 1.2, 1.6, 2.0], 0),
    (2.5, [0.0, 0.1, 0.2, 0.3], 1),
    (0, [0.0] * 9, 0),
]


@pytest.mark.parametrize(("rate", "starts", "violations"), RATES)
def test_starts_in_any_second(rate: float, starts: list[float], violations: int) -> None:
    counting = Counting(rate=rate)
    for at in starts:
        counting.start(1_000_000.0 + at)
    assert counting.kinds() == ["rate_exceeded"] * violations


def test_the_highest_rate_is_counted_without_forgiveness() -> None:
    counting = Counting(rate=2)
    for at in (0.0, 0.5, 0.98, 1.6):
        counting.start(at)
    assert counting.report()["accounts"]["us"]["highest_starts_in_a_second"] == 3


def test_the_same_contact_in_two_calls_at_once() -> None:
    counting = Counting()
    first = counting.start(to=TO)
    counting.end(first)
    counting.start(to=TO)
    assert counting.kinds() == []
    counting.start(to=TO)
    assert counting.kinds() == ["contact_in_two_calls"]


def test_contacts_may_be_shared_where_the_account_says_so() -> None:
    counting = Counting(once=False)
    counting.start(to=TO)
    counting.start(to=TO)
    assert counting.kinds() == []


@pytest.mark.parametrize("name", ["token", "attempt"])
def test_a_name_used_for_a_second_call(name: str) -> None:
    counting = Counting()
    for used in ("a", "b", "", "", "a", "a"):
        assert (counting.kinds() == []) is (counting.number < 5)
        counting.end(counting.start(token=used if name == "token" else "", attempt=used if name == "attempt" else ""))
    report = cast(Json, counting.report())
    assert counting.kinds() == [f"{name}_reused"] * 2
    assert (report[f"max_calls_per_{name}"], report[f"{name}s"]) == (3, 2)


def test_violations_are_all_counted_and_the_first_ones_kept() -> None:
    counting = Counting(limit=1)
    for _ in range(KEPT_VIOLATIONS + 11):
        counting.start()
    report = counting.report()
    assert len(report["violations"]) == KEPT_VIOLATIONS
    assert report["violation_counts"] == {"limit_exceeded": KEPT_VIOLATIONS + 10}


async def test_an_honest_caller_leaves_no_violation() -> None:
    async with wired(scenario(account={"limit": 4, "calls_per_second": 1000})) as wire:
        for number in range(12):
            await wire.carrier.wait_for(lambda: wire.carrier.tally()["open"] < 4)
            await wire.created(
                To=f"+1303555{number:04}",
                From=(FROM, OTHER_FROM)[number % 2],
                StatusCallback=f"{wire.receiver.url}/cb/{number}",
                Url=f"http://answer.example/x?attempt=a{number}",
            )
        await wire.until_idle()
        tally = cast(TallyReport, cast(object, (await wire.admin("GET", "tally")).json))
    assert (tally["violations"], tally["accepted"], tally["ended"], tally["open"]) == ([], 12, 12, 0)
    assert (tally["tokens"], tally["max_calls_per_token"]) == (12, 1)
    assert (tally["attempts"], tally["max_calls_per_attempt"]) == (12, 1)
    assert tally["accounts"]["us"]["highest"] == 4
    assert tally["accounts"]["us"]["endings"] == {"completed": 12}
    assert tally["numbers"][FROM] == {"account": "us", "dials": 6, "answered": 6, "humans": 6, "machines": 0}


async def test_planted_over_admission_is_seen_over_the_wire() -> None:
    async with wired(scenario(account={"limit": 2}, speed=0.001)) as wire:
        numbered = [wire.created(To=f"+1303555{number:04}", StatusCallback=None) for number in range(3)]
        await asyncio.gather(*numbered)
        tally = wire.carrier.tally()
    assert tally["violation_counts"] == {"limit_exceeded": 1}
    assert tally["accounts"]["us"]["highest"] == 3


async def test_a_create_sent_twice_is_seen_over_the_wire() -> None:
    async with wired(scenario(faults=[{"kind": "status", "done": True, "nth": [1]}], speed=0.001)) as wire:
        assert (await wire.create(Url="http://answer.example/?attempt=1")).status == 500
        assert (await wire.create(Url="http://answer.example/?attempt=1")).status == 201
        tally = wire.carrier.tally()
    assert tally["violation_counts"] == {"token_reused": 1, "attempt_reused": 1, "contact_in_two_calls": 1}
    assert (tally["max_calls_per_token"], tally["max_calls_per_attempt"]) == (2, 2)


async def test_calls_above_the_rate_are_queued_and_dialled_at_the_rate() -> None:
    async with wired(scenario(account={"calls_per_second": 10, "one_call_per_contact": False})) as wire:
        replies = [await wire.create() for _ in range(12)]
        queue = [int(str(reply.json["queue_time"])) for reply in replies]
        await wire.until_idle()
        tally = wire.carrier.tally()["accounts"]["us"]
        dialled = sorted(call.initiated_at or 0.0 for call in wire.carrier.switchboard.calls())
    assert [wait > 0 for wait in queue] == [False] * 10 + [True] * 2
    assert tally["queued_over_rate"] == 2
    assert dialled[10] - dialled[0] > 0.9


async def test_a_full_queue_refuses() -> None:
    account = {"calls_per_second": 0.001, "queue_limit_s": 600, "one_call_per_contact": False}
    async with wired(scenario(account=account)) as wire:
        assert (await wire.create()).status == 201
        reply = await wire.create()
        assert (reply.status, reply.json["code"]) == (429, 22005)
        assert wire.carrier.tally()["accepted"] == 1


async def test_a_carrier_that_refuses_above_the_limit_counts_the_violation_all_the_same() -> None:
    async with wired(scenario(account={"limit": 1, "above_limit": "refuse"}, speed=0.001)) as wire:
        assert (await wire.create()).status == 201
        reply = await wire.create(To="+13035550144")
        tally = wire.carrier.tally()
    assert (reply.status, reply.json["code"]) == (429, 10004)
    assert tally["violation_counts"] == {"limit_exceeded": 1}
    assert (tally["accepted"], tally["accounts"]["us"]["refused"]) == (1, {"10004": 1})


async def test_the_token_pattern_is_the_scenarios() -> None:
    told = scenario(token_pattern=r"[?&]placement=([^&]+)", attempt_parameter="job", speed=0.001)
    async with wired(told) as wire:
        for number in range(2):
            await wire.created(
                To=f"+1303555{number:04}", StatusCallback=f"{wire.receiver.url}/cb/{number}?placement=p&job=j{number}"
            )
        tally = wire.carrier.tally()
    assert (tally["max_calls_per_token"], tally["max_calls_per_attempt"]) == (2, 1)


async def test_the_operators_side() -> None:
    async with wired(scenario(speed=0.001)) as wire:
        sid = await wire.created()
        shown = cast(list[Json], (await wire.admin("GET", "calls?open=1&account=us")).json["calls"])
        assert [(each["call_id"], each["token"]) for each in shown] == [(sid, "one")]
        ended = (await wire.admin("POST", f"calls/{sid}", {"do": "hang_up"})).json
        assert (ended["phase"], ended["ending"]) == ("ended", "canceled")
        assert (await wire.admin("GET", "calls?open=1")).json == {"calls": []}
        assert (await wire.admin("POST", "accounts/us", {"limit": 7})).json["limit"] == 7
        assert wire.carrier.tally()["accounts"]["us"]["limit"] == 7
        assert (await wire.admin("POST", "accounts/us", {"limits": 7})).status == 400
        assert (await wire.admin("POST", "accounts/gb", {"limit": 7})).status == 404
        assert (await wire.admin("POST", "calls/CA0", {})).status == 404
        assert (await wire.admin("GET", "nothing")).status == 404
        await wire.admin("POST", "reset")
        assert (wire.carrier.tally()["accepted"], wire.carrier.tally()["accounts"]["us"]["limit"]) == (0, 0)


async def test_a_number_changes_while_the_carrier_runs() -> None:
    async with wired(scenario(ANSWERED)) as wire:
        body = {"labelled": True, "labelled_blocked_share": 1.0}
        assert (await wire.admin("POST", f"numbers/{FROM.replace('+', '%2B')}", body)).status == 200
        await wire.created(StatusCallbackEvent="completed")
        await wire.created(From=OTHER_FROM, To="+13035550144", StatusCallbackEvent="completed")
        await wire.until_idle()
    ends = {each.params["From"]: each.params["SipResponseCode"] for each in wire.receiver.heard}
    assert ends == {FROM: "608", OTHER_FROM: "200"}
