"""Which number calls (SPEC 3): sticky, then the proximity tiers with their weighted draw, then the primary.

A pick is a pure function of the pool's picture, the attempt, the contact's sticky assignment, the connections that
are busy, the clock and one random number; all of that is in the decision record, so that every pick can be repeated.
"""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from random import Random

from outdial.rules.blocker import Blocker
from outdial.rules.candidates import Drawn
from outdial.rules.decision import Picked, Record, Situation, write_record
from outdial.rules.ids import ConnectionId
from outdial.rules.pool import Member, Tier
from outdial.rules.pool_index import PoolIndex
from outdial.rules.sticky import Assignment, Consulted, Saw, consult
from outdial.rules.waits import NOT_WAITED, AttemptFacts, Waited

__all__ = ["LOOK_AGAIN_S", "Blocked", "Choice", "PoolIndex", "choose"]

LOOK_AGAIN_S = 60.0
"""How long an attempt sleeps that no number may call: the pool's health changes slowly (SPEC 3.6)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The number to call from. `counted`: the outcome says something about the number (SPEC 4: not of sticky calls)."""

    member: Member
    tier: Tier
    counted: bool
    record: Record = field(repr=False)


@dataclass(frozen=True, slots=True)
class Blocked:
    """No number now: the fields are what the attempt's row in the waiting room keeps.

    `look_at`: when to look again although nothing has happened, None = only room helps; `next_eligible_at`: when
    it is sure to be tried further, None = nobody can say; `lines`: room on any of these connections helps, best
    first, none = only a change of the pool or of its health helps. Times in Unix seconds.
    """

    blocker: Blocker
    blocked_since: float
    look_at: float | None
    next_eligible_at: float | None
    lines: tuple[ConnectionId, ...]
    spilled: int
    sticky_waited: bool
    waited: Waited = NOT_WAITED
    """Besides what is counted from `blocked_since`."""


def choose(
    pool: PoolIndex,
    attempt: AttemptFacts,
    assignment: Assignment | None,
    busy: AbstractSet[ConnectionId],
    now: float,
    rng: Random,
) -> Choice | Blocked:
    """Pick the number for one attempt, or say what it waits for.

    `busy`: connections without room now, be they full, paced, paused or down; `now`: Unix seconds.
    """
    attempt = pool.facts_of(attempt)
    without = pool.without_instruction(attempt)
    member = pool.member(assignment.number) if assignment else None
    has_instruction = member is None or member.provider not in without
    consulted = consult(assignment, member, attempt, pool.policy, busy, has_instruction, now)
    if consulted.saw is Saw.WAITS:
        return _wait_for_sticky(consulted, attempt, now)
    pick = _Pick(pool, Situation(attempt, assignment, consulted, busy & pool.connections, without, now))
    if consulted.saw is Saw.USED and consulted.member is not None:
        return pick.choice(consulted.member, Tier.STICKY)
    return pick.by_tiers(rng)


def _wait_for_sticky(consulted: Consulted, attempt: AttemptFacts, now: float) -> Blocked:
    assert consulted.member is not None
    until = None if consulted.wait_until == math.inf else consulted.wait_until
    return Blocked(
        Blocker.STICKY_NUMBER_BUSY,
        blocked_since=consulted.since,
        look_at=until,
        next_eligible_at=until,
        lines=(consulted.member.connection,),
        spilled=attempt.waits.spilled,
        sticky_waited=attempt.waits.sticky_waited,
        waited=attempt.waits.until(now),
    )


class _Pick:
    """One pick under way, after the sticky gate."""

    __slots__ = ("_passed", "_pool", "_reach", "_situation")

    def __init__(self, pool: PoolIndex, situation: Situation) -> None:
        self._pool, self._situation = pool, situation
        self._passed: list[Tier] = []
        """Tiers that match but have no room, best first."""
        self._reach: dict[ConnectionId, None] = {}
        """Their connections, in that order: room on any of them helps."""

    def by_tiers(self, rng: Random) -> Choice | Blocked:
        """The best tier with room. A tier without is waited for before the next that could help is tried."""
        situation, waits = self._situation, self._situation.attempt.waits
        after = self._pool.policy.selection.tier_spill_after_s
        spilled, since = waits.spilled, waits.since(Blocker.TIER_BUSY, situation.now)
        u = rng.random()
        passed = 0
        for place, tier in enumerate(self._pool.tiers, 1):
            candidates = self._pool.candidates(tier, situation.attempt, situation.without, situation.now)
            if candidates is None or candidates.connections <= self._reach.keys():
                continue
            if passed > spilled:
                if situation.now < since + after:
                    return self._blocked(Blocker.TIER_BUSY, since, since + after, spilled)
                spilled, since = passed, situation.now
            drawn = candidates.draw(u, situation.busy)
            if drawn is not None:
                return self.choice(drawn.member, tier, u, drawn)
            self._passed.append(tier)
            passed = place
            self._reach.update(dict.fromkeys(sorted(candidates.connections)))
        return self._at_capacity(spilled) if self._passed else self._primary(spilled)

    def choice(self, member: Member, tier: Tier, u: float | None = None, drawn: Drawn | None = None) -> Choice:
        """That member, with the record of the pick."""
        outcome = Picked(member.number, tier, tuple(self._passed), u, drawn)
        record = write_record(self._pool, self._situation, outcome)
        return Choice(member, tier, counted=tier is not Tier.STICKY, record=record)

    def _primary(self, spilled: int) -> Choice | Blocked:
        """The last fallback, whatever its weight, when the tiers leave nothing to draw from."""
        attempt, without = self._situation.attempt, self._situation.without
        primary = self._pool.member(self._pool.policy.primary)
        if primary is None or not self._pool.may_call(primary, attempt, without):
            own_is_busy = self._situation.consulted.saw is Saw.BUSY
            return self._at_capacity(spilled) if own_is_busy else self._nobody(spilled)
        if primary.connection not in self._situation.busy:
            return self.choice(primary, Tier.PRIMARY)
        self._reach[primary.connection] = None
        return self._at_capacity(spilled)

    def _at_capacity(self, spilled: int) -> Blocked:
        since = self._situation.attempt.waits.since(Blocker.CONNECTIONS_AT_CAPACITY, self._situation.now)
        return self._blocked(Blocker.CONNECTIONS_AT_CAPACITY, since, None, spilled)

    def _nobody(self, spilled: int) -> Blocked:
        now = self._situation.now
        capped = self._pool.is_capped(self._situation.attempt, self._situation.without)
        blocker = Blocker.NUMBERS_AT_DAILY_CAP if capped else Blocker.NO_ELIGIBLE_NUMBER
        return self._blocked(blocker, self._situation.attempt.waits.since(blocker, now), now + LOOK_AGAIN_S, spilled)

    def _blocked(self, blocker: Blocker, since: float, look_at: float | None, spilled: int) -> Blocked:
        consulted = self._situation.consulted
        own = {consulted.member.connection: None} if consulted.saw is Saw.BUSY and consulted.member else {}
        waits = self._situation.attempt.waits
        waited = waits.until(self._situation.now)
        return Blocked(
            blocker,
            blocked_since=since,
            look_at=None if look_at == math.inf else look_at,
            next_eligible_at=look_at if blocker is Blocker.TIER_BUSY and look_at != math.inf else None,
            lines=tuple(own | self._reach),
            spilled=spilled,
            sticky_waited=waits.sticky_waited or consulted.saw is Saw.BUSY,
            waited=waited if spilled == waits.spilled else waited._replace(for_tier=0.0),
        )
