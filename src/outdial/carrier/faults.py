"""Faults on demand: which request or callback goes wrong, and how. By probability, by schedule, or both.

Rules come from the scenario or, while it runs, from the admin API. Each rule counts the requests it matches and draws
from its own seeded source, so the same seed spoils the same ordinals. Only choosing happens here; `server` and
`courier` act. All seconds are real ones, whatever the scenario's speed: networks do not hurry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from outdial.carrier.reading import ScenarioError, Table

REQUESTS = ("create", "fetch", "list", "update")
EVENTS = ("initiated", "ringing", "answered", "ended", "detected")

KINDS: Mapping[str, tuple[str, ...]] = {
    "latency": REQUESTS,  # wait `seconds`, then do it
    "late": REQUESTS,  # do it, then wait `seconds` with the answer
    "status": REQUESTS,  # answer with `status`; whether it was done says `done`
    "reset": REQUESTS,  # cut the connection instead of an answer; whether it was done says `done`
    "truncated": REQUESTS,  # do it, send half of the answer, cut
    "drip": REQUESTS,  # do it, send the answer byte by byte over `seconds`
    "no_id": ("create",),  # do it, answer 2xx without the call's id
    "wrong_id": ("create",),  # do it, answer with an id of no call
    "callback_first": ("create",),  # hold the answer until the first callback was answered, `seconds` at most
    "list_empty": ("list",),  # an empty list
    "list_lag": ("list",),  # the list lacks the calls of the last `seconds`
    "lost": ("callback",),  # never sent
    "duplicated": ("callback",),  # sent `copies` times
    "delayed": ("callback",),  # sent `seconds` later
    "reversed": ("callback",),  # a call's callbacks are held and sent in reverse order at its end
    "forged": ("callback",),  # signed with a wrong key
}
_DEFAULT_SECONDS = {"latency": 1.0, "late": 20.0, "drip": 30.0, "callback_first": 2.0, "list_lag": 60.0, "delayed": 5.0}
_DEFAULT_STATUS = 500
BODIES = ("json", "html", "empty")


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule: what goes wrong (`kind`), where (`on`, `account`, `event`) and when (`probability`, `nth`, …)."""

    kind: str
    on: str
    account: str = ""
    event: str = ""
    probability: float = 1.0
    nth: frozenset[int] = frozenset()
    """Which of the matching requests, counted from 1; empty = any."""
    every: int = 0
    """Every so many matching requests; 0 = any."""
    times: int = 0
    """At most so often; 0 = no bound."""
    seconds: float = 0.0
    status: int = _DEFAULT_STATUS
    body: str = "json"
    retry_after_s: float | None = None
    done: bool = False
    """Whether the request takes effect (a create makes its call) although the answer says otherwise."""
    copies: int = 2


_KEYS = (
    *("kind", "on", "account", "event", "probability", "nth", "every", "times"),
    *("seconds", "status", "body", "retry_after_s", "done", "copies"),
)


def read_fault(table: Table) -> Fault:
    """A fault rule out of a scenario or of the admin API."""
    table.only(_KEYS)
    if "kind" not in table.values:
        raise ScenarioError(table.at("kind"), "is missing", f"one of: {', '.join(KINDS)}")
    kind = table.one_of("kind", KINDS, "")
    retry_after = table.number("retry_after_s", 0.0) if "retry_after_s" in table.values else None
    return Fault(
        kind=kind,
        on=table.one_of("on", KINDS[kind], KINDS[kind][0]),
        account=table.text("account"),
        event=table.one_of("event", ("", *EVENTS), ""),
        probability=table.share("probability", 1.0),
        nth=table.wholes("nth"),
        every=table.whole("every", 0),
        times=table.whole("times", 0),
        seconds=table.number("seconds", _DEFAULT_SECONDS.get(kind, 0.0)),
        status=table.whole("status", _DEFAULT_STATUS, low=200, high=599),
        body=table.one_of("body", BODIES, "json"),
        retry_after_s=retry_after,
        done=table.flag("done"),
        copies=table.whole("copies", 2, low=2, high=100),
    )


@dataclass(slots=True)
class _Rule:
    fault: Fault
    random: Random
    seen: int = 0
    hits: int = 0

    def hit(self) -> bool:
        """Count one matching request and say whether it goes wrong."""
        self.seen += 1
        fault = self.fault
        if fault.times and self.hits >= fault.times:
            return False
        if fault.nth and self.seen not in fault.nth:
            return False
        if fault.every and self.seen % fault.every:
            return False
        if fault.probability < 1.0 and self.random.random() >= fault.probability:
            return False
        self.hits += 1
        return True


@dataclass(slots=True)
class FaultBox:
    """The rules in force. The first one that hits decides; later rules do not count that request."""

    seed: int
    first: Iterable[Fault] = ()
    _rules: list[_Rule] = field(default_factory=list)

    def __post_init__(self) -> None:
        for fault in self.first:
            self.add(fault)

    def add(self, fault: Fault) -> None:
        """Put a rule in force, behind the others."""
        self._rules.append(_Rule(fault, Random(f"{self.seed}/fault/{len(self._rules)}")))

    def clear(self) -> None:
        """Take all rules out of force."""
        self._rules.clear()

    def draw(self, on: str, account: str, event: str = "") -> Fault | None:
        """Whether this request, or this callback of that event, goes wrong, and how."""
        for rule in self._rules:
            fault = rule.fault
            if fault.on != on or (fault.account and fault.account != account):
                continue
            if fault.event and fault.event != event:
                continue
            if rule.hit():
                return fault
        return None

    def counts(self) -> list[dict[str, object]]:
        """Per rule what it is, how many requests it saw and how many it spoiled."""
        return [
            {"kind": rule.fault.kind, "on": rule.fault.on, "seen": rule.seen, "hits": rule.hits} for rule in self._rules
        ]
