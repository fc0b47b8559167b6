"""The health of a number as carriers and called parties show it: spam score, refused caller ID, failing (SPEC 3.1, 5).

Scores reported from outside never decay; the number's own score, raised by blocked calls, halves every 7 days.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from outdial.rules.ids import E164
from outdial.rules.outcome import Outcome, is_answered, is_carrier_failure

SPAM_CONTACTS = 3
"""Distinct contacts that blocked the number within `SPAM_WINDOW_S` raise its own score."""
SPAM_WINDOW_S = 86_400.0
SPAM_SCORE = 0.75
SCORE_HALF_LIFE_S = 7 * 86_400.0
FAILURES_IN_A_ROW = 5
FAILING_CONTACTS = 3
PROBE_AFTER_S = 600.0
WORKED_RESOLUTION_S = 30.0
"""`last_worked_at` is written at most this often, to spare the row."""

_RANG = frozenset({Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.BUSY})


@dataclass(frozen=True, slots=True)
class NumberHealth:
    """What is known of one number. Times in Unix seconds."""

    own_score: float = 0.0
    own_score_at: float | None = None
    carrier_rejected_at: float | None = None
    failures: int = 0
    failed_contacts: frozenset[E164] = frozenset()
    failed_since: float | None = None
    failing_since: float | None = None
    probe_after: float | None = None
    last_worked_at: float | None = None

    @property
    def says_something(self) -> bool:
        """Whether anything may keep the number out, now or once some time is over."""
        return not (self.own_score_at is None and self.carrier_rejected_at is None and self.failing_since is None)

    def own_score_now(self, now: float) -> float:
        """The own score: it halves each time 7 days are over, so a flag raised to the threshold holds for 7 days."""
        if self.own_score_at is None:
            return 0.0
        halvings = int(max(0.0, now - self.own_score_at) // SCORE_HALF_LIFE_S)
        return float(self.own_score * 0.5 ** min(halvings, 60))

    def is_failing(self, now: float) -> bool:
        """Whether it leaves the draw; once `probe_after` has come it may be tried once."""
        return self.failing_since is not None and (self.probe_after is None or now < self.probe_after)

    def probing(self, now: float) -> NumberHealth:
        """It is being dialled although it was failing: that call is the one probe for the next 10 minutes."""
        return replace(self, probe_after=now + PROBE_AFTER_S) if self.failing_since is not None else self


def after_outcome(
    health: NumberHealth,
    outcome: Outcome,
    contact: E164,
    now: float,
    *,
    spam_contacts: frozenset[E164],
    others_worked_at: float | None,
) -> NumberHealth:
    """The health once one call from the number ended.

    `spam_contacts`: who blocked it within 24 h, this call included; `others_worked_at`: when a carrier last connected
    a call from another number of the same connection (without that, the connection is to blame, not the number).
    """
    if outcome is Outcome.CALLER_ID_REJECTED and health.carrier_rejected_at is None:
        health = replace(health, carrier_rejected_at=now)
    if outcome is Outcome.SPAM_BLOCKED and len(spam_contacts) >= SPAM_CONTACTS:
        health = replace(health, own_score=max(SPAM_SCORE, health.own_score_now(now)), own_score_at=now)
    if is_carrier_failure(outcome):
        return _failed(health, contact, now, others_worked_at)
    if is_answered(outcome) or outcome in _RANG:
        return _worked(health, now)
    return health


def turns(before: NumberHealth, after: NumberHealth, now: float, spam_threshold: float) -> list[str]:
    """What that change means for the draws, in the words of events: `carrier_rejected`, `failing`, `recovered`, `flagged`."""
    kinds = []
    if after.carrier_rejected_at is not None and before.carrier_rejected_at is None:
        kinds.append("carrier_rejected")
    if (after.failing_since is None) != (before.failing_since is None):
        kinds.append("failing" if after.failing_since is not None else "recovered")
    if flagged := score_turn(before.own_score_now(now), after.own_score_now(now), spam_threshold):
        kinds.append(flagged)
    return kinds


def score_turn(before: float, after: float, spam_threshold: float) -> str | None:
    """What a change of the spam score means for the draws: `flagged`, `unflagged`, None = nothing."""
    if before < spam_threshold <= after:
        return "flagged"
    return "unflagged" if after < spam_threshold <= before else None


def _failed(health: NumberHealth, contact: E164, now: float, others_worked_at: float | None) -> NumberHealth:
    since = health.failed_since if health.failed_since is not None else now
    contacts = health.failed_contacts | {contact}
    health = replace(
        health,
        failures=health.failures + 1,
        failed_since=since,
        failed_contacts=contacts if len(contacts) <= FAILING_CONTACTS else health.failed_contacts,
    )
    if health.failing_since is not None:
        return replace(health, probe_after=now + PROBE_AFTER_S)
    others_work = others_worked_at is not None and others_worked_at >= since - WORKED_RESOLUTION_S
    if health.failures >= FAILURES_IN_A_ROW and len(contacts) >= FAILING_CONTACTS and others_work:
        return replace(health, failing_since=now, probe_after=now + PROBE_AFTER_S)
    return health


def _worked(health: NumberHealth, now: float) -> NumberHealth:
    last = health.last_worked_at
    if health.failures == 0 and health.failing_since is None and last is not None and now - last < WORKED_RESOLUTION_S:
        return health
    return replace(
        health,
        failures=0,
        failed_contacts=frozenset(),
        failed_since=None,
        failing_since=None,
        probe_after=None,
        last_worked_at=now,
    )
