"""The carrier's own count: what callers really did, judged against what they promised.

A call is under way from its acceptance (the create that makes it, whatever answer the caller saw) to its end. A start
is an accepted create, at the moment when its request arrived. Nothing here depends on what a caller says of itself, but for the token and the attempt that it
puts into its URLs, which are counted and not understood.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypedDict

from outdial.carrier.calls import Answerer, Call, Ending
from outdial.carrier.scenario import Account
from outdial.carrier.windows import Starts

KEPT_VIOLATIONS = 1000
"""Violations kept in full; further ones are only counted."""


class Violation(TypedDict):
    """A broken promise. `kind`: limit_exceeded, rate_exceeded, token_reused, attempt_reused or contact_in_two_calls."""

    kind: str
    account: str
    at: float
    detail: str
    call_id: str


class AccountReport(TypedDict):
    """One account's count."""

    provider: str
    account_id: str
    limit: int
    highest: int
    open: int
    calls_per_second: float
    highest_starts_in_a_second: int
    accepted: int
    refused: dict[str, int]
    queued_over_rate: int
    longest_queue_s: float
    endings: dict[str, int]


class NumberReport(TypedDict):
    """One caller ID's count."""

    account: str
    dials: int
    answered: int
    humans: int
    machines: int


class TallyReport(TypedDict):
    """Everything, as /_carrier/tally serves it."""

    accepted: int
    open: int
    ended: int
    tokens: int
    max_calls_per_token: int
    attempts: int
    max_calls_per_attempt: int
    violations: list[Violation]
    violation_counts: dict[str, int]
    accounts: dict[str, AccountReport]
    numbers: dict[str, NumberReport]
    callbacks: dict[str, int]
    faults: list[dict[str, object]]


@dataclass(slots=True)
class _AccountCount:
    account: Account
    starts: Starts
    open: int = 0
    highest: int = 0
    accepted: int = 0
    queued: int = 0
    longest_queue_s: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    contacts: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _NumberCount:
    account: str
    dials: int = 0
    answered: int = 0
    answerers: Counter[Answerer] = field(default_factory=Counter)


class _Uses:
    """How often each caller-given name was used, at little memory: nearly all are used once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._again: Counter[str] = Counter()
        self.highest = 0

    def add(self, name: str) -> int:
        if name in self._seen:
            self._again[name] += 1
        self._seen.add(name)
        uses = self._again[name] + 1 if name in self._again else 1
        self.highest = max(self.highest, uses)
        return uses

    def __len__(self) -> int:
        return len(self._seen)


class Tally:
    """Counts and judges. Times are Unix seconds that never fall."""

    def __init__(self, accounts: dict[str, Account], rate_allowance_s: float) -> None:
        self._allowance_s = rate_allowance_s
        self._accounts = {name: self._count_of(account) for name, account in accounts.items()}
        self._numbers: dict[str, _NumberCount] = {}
        self._tokens, self._attempts = _Uses(), _Uses()
        self._violations: list[Violation] = []
        self._violation_counts: Counter[str] = Counter()

    def _count_of(self, account: Account) -> _AccountCount:
        return _AccountCount(account, Starts(account.calls_per_second, self._allowance_s))

    def promise(self, account: Account) -> None:
        """The account's promise changed; calls under way are not judged again."""
        count = self._accounts[account.name]
        if count.starts.rate != account.calls_per_second:
            highest = count.starts.highest
            count.starts = Starts(account.calls_per_second, self._allowance_s)
            count.starts.highest = highest
        count.account = account

    def open(self) -> int:
        """Calls under way now, of all accounts."""
        return sum(count.open for count in self._accounts.values())

    def open_calls(self, account: str) -> int:
        """Calls of the account under way now."""
        return self._accounts[account].open

    def accepted(self, call: Call) -> None:
        """A create was accepted."""
        order = call.order
        count = self._accounts[order.account]
        count.open += 1
        count.accepted += 1
        count.highest = max(count.highest, count.open)
        if call.queue_s > 0.0:
            count.queued += 1
            count.longest_queue_s = max(count.longest_queue_s, call.queue_s)
        if count.account.limit and count.open > count.account.limit:
            self._violate("limit_exceeded", call, f"{count.open} calls under way, promised {count.account.limit}")
        self._judge_rate(count, call)
        self._judge_names(call)
        count.contacts[order.to] += 1
        if count.account.one_call_per_contact and count.contacts[order.to] > 1:
            self._violate("contact_in_two_calls", call, f"{count.contacts[order.to]} calls to one number at once")
        self._number(order.from_number, order.account).dials += 1

    def _judge_rate(self, count: _AccountCount, call: Call) -> None:
        if count.starts.add(call.arrived_at):
            rate = count.account.calls_per_second
            self._violate("rate_exceeded", call, f"more than {rate:g} starts per second", call.arrived_at)

    def _judge_names(self, call: Call) -> None:
        for kind, name, uses in (
            ("token_reused", call.order.token, self._tokens),
            ("attempt_reused", call.order.attempt, self._attempts),
        ):
            if name and (times := uses.add(name)) > 1:
                self._violate(kind, call, f"{name} used for {times} calls")

    def refused(self, account: str, code: str) -> None:
        """A create was refused with that code."""
        self._accounts[account].refused[code] += 1

    def turned_away(self, account: str, now: float, kind: str) -> None:
        """A create above the promised limit or rate was refused: the promise was broken all the same."""
        count = self._accounts[account]
        detail = f"{count.open + 1} calls asked for at once, promised {count.account.limit}; refused"
        if kind == "rate_exceeded":
            detail = f"more than {count.account.calls_per_second:g} starts per second asked for; refused"
        self._record({"kind": kind, "account": account, "at": now, "detail": detail, "call_id": ""})

    def answered(self, call: Call) -> None:
        """A call was picked up."""
        number = self._number(call.order.from_number, call.order.account)
        number.answered += 1
        number.answerers[call.fate.answerer] += 1

    def ended(self, call: Call) -> None:
        """A call came to its end."""
        count = self._accounts[call.order.account]
        count.open -= 1
        count.endings[(call.ending or Ending.FAILED).value] += 1
        if count.contacts[call.order.to] <= 1:
            del count.contacts[call.order.to]
        else:
            count.contacts[call.order.to] -= 1

    def _number(self, number: str, account: str) -> _NumberCount:
        return self._numbers.setdefault(number, _NumberCount(account))

    def _violate(self, kind: str, call: Call, detail: str, at: float | None = None) -> None:
        when = call.accepted_at if at is None else at
        violation: Violation = {
            "kind": kind, "account": call.order.account, "at": when, "detail": detail, "call_id": call.call_id,
        }  # fmt: skip
        self._record(violation)

    def _record(self, violation: Violation) -> None:
        self._violation_counts[violation["kind"]] += 1
        if len(self._violations) < KEPT_VIOLATIONS:
            self._violations.append(violation)

    def report(self, callbacks: dict[str, int], faults: list[dict[str, object]]) -> TallyReport:
        """The whole count, with what the courier and the fault box counted."""
        accepted = sum(count.accepted for count in self._accounts.values())
        under_way = self.open()
        return {
            "accepted": accepted,
            "open": under_way,
            "ended": accepted - under_way,
            "tokens": len(self._tokens),
            "max_calls_per_token": self._tokens.highest,
            "attempts": len(self._attempts),
            "max_calls_per_attempt": self._attempts.highest,
            "violations": list(self._violations),
            "violation_counts": dict(self._violation_counts),
            "accounts": {name: _account_report(count) for name, count in self._accounts.items()},
            "numbers": {number: _number_report(count) for number, count in self._numbers.items()},
            "callbacks": callbacks,
            "faults": faults,
        }


def _account_report(count: _AccountCount) -> AccountReport:
    return {
        "provider": count.account.provider,
        "account_id": count.account.account_id,
        "limit": count.account.limit,
        "highest": count.highest,
        "open": count.open,
        "calls_per_second": count.account.calls_per_second,
        "highest_starts_in_a_second": count.starts.highest,
        "accepted": count.accepted,
        "refused": dict(count.refused),
        "queued_over_rate": count.queued,
        "longest_queue_s": round(count.longest_queue_s, 3),
        "endings": dict(count.endings),
    }


def _number_report(count: _NumberCount) -> NumberReport:
    return {
        "account": count.account,
        "dials": count.dials,
        "answered": count.answered,
        "humans": count.answerers[Answerer.HUMAN],
        "machines": count.answerers[Answerer.MACHINE],
    }
