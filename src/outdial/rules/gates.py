"""One pick told gate by gate: what was made of the sticky assignment, which tiers had room, who fell out where and why,
the shares of the draw and where its random number fell. Made again from what the pick depended on, so it can be told of
a pick just made, of a dry run, and of one in the record long after the pool has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum

from outdial.rules.blocker import Blocker
from outdial.rules.candidates import Candidates, factor_of
from outdial.rules.ids import E164, ConnectionId, NumberId
from outdial.rules.policy import CampaignPolicy
from outdial.rules.pool import Geography, Member, SkipReason, Tier
from outdial.rules.pool_index import PoolIndex
from outdial.rules.proximity import belongs, quarter_of
from outdial.rules.replay import Recorded
from outdial.rules.rotation import shares_of_weights
from outdial.rules.selection import Blocked, Choice, choose
from outdial.rules.sticky import Assignment, Consulted, Saw, consult
from outdial.rules.waits import AttemptFacts


class Fate(StrEnum):
    """What became of a member in this pick."""

    PICKED = "picked"
    IN_DRAW = "in_draw"
    BUSY = "busy"
    """Suits as well, but its connection had no room."""
    RESTING = "resting"
    """Left out by `skip_unhealthy`, since a healthy one was there."""
    OTHER_TIER = "other_tier"
    """May call, but suits the contact less than those of the tier that was used."""
    ZERO_WEIGHT = "zero_weight"
    """Its base weight or the weight of its number type is 0."""
    EXCLUDED = "excluded"
    """Must not be used for this attempt: the carrier refused it, or its own daily cap was just reached."""
    SKIPPED = "skipped"
    """It never entered the draw; `skip` says why."""
    NOT_ASKED = "not_asked"
    """The contact's own number settled the pick."""


class Verdict(StrEnum):
    """What a tier came to."""

    NO_MATCH = "no_match"
    """No number that may call belongs to it."""
    NOTHING_NEW = "nothing_new"
    """It has no connection that a better tier did not have already."""
    BUSY = "busy"
    USED = "used"
    NOT_ASKED = "not_asked"


@dataclass(frozen=True, slots=True)
class StickyLook:
    """The sticky gate. `why`: in one word, where there is a reason; `wait_until`: while it waits for that number."""

    saw: Saw
    number: NumberId | None = None
    why: str = ""
    bound_at: float | None = None
    expires_at: float | None = None
    wait_until: float | None = None


@dataclass(frozen=True, slots=True)
class TierLook:
    """One tier: its verdict, and how many numbers of the pool belong to it."""

    tier: Tier
    verdict: Verdict
    numbers: int = 0


@dataclass(frozen=True, slots=True)
class MemberLook:
    """One member. `share`: its probability in the draw; `weight`: share x candidates (1.00 = fair); the random number
    picks it from `draws_from` up to `draws_to`. These only for members in the draw."""

    number: NumberId
    from_number: E164
    connection: ConnectionId
    fate: Fate
    skip: SkipReason | None
    index: float
    factor: float
    share: float | None = None
    weight: float | None = None
    draws_from: float | None = None
    draws_to: float | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """The whole picture. `picked` None = nobody, and `blocker` says what is waited for. Times in Unix seconds.

    `random_number`: in [0, 1), only if there was a draw; `busy`: the pool's connections without room.
    """

    at: float
    place: Geography
    sticky: StickyLook
    tiers: tuple[TierLook, ...]
    members: tuple[MemberLook, ...]
    busy: tuple[ConnectionId, ...]
    picked: NumberId | None
    tier: Tier | None
    random_number: float | None
    blocker: Blocker | None
    next_eligible_at: float | None


def shares_of(members: Sequence[Member], policy: CampaignPolicy) -> dict[NumberId, float]:
    """The probability of each member in a draw among just these, in their order; those with a factor of 0 have none."""
    factors = {m.number: factor_of(m, policy.selection) for m in members}
    drawable = [m for m in members if factors[m.number] > 0.0]
    shares = shares_of_weights({m.number: m.rotation_weight for m in drawable}, policy.rotation)
    masses = {number: share * factors[number] for number, share in shares.items()}
    total = sum(masses.values())
    return {number: mass / total for number, mass in masses.items()}


def look(
    pool: PoolIndex,
    attempt: AttemptFacts,
    assignment: Assignment | None,
    busy: AbstractSet[ConnectionId],
    now: float,
    random_number: float,
) -> Gates:
    """Pick as `selection.choose` does with that random number in [0, 1), and tell how it came about."""
    picked = choose(pool, attempt, assignment, busy, now, Recorded(random_number))
    telling = _Telling(pool, attempt, assignment, busy, now, picked)
    return telling.gates(random_number)


class _Telling:
    """The pick once more, with everything that `choose` need not keep."""

    def __init__(
        self,
        pool: PoolIndex,
        attempt: AttemptFacts,
        assignment: Assignment | None,
        busy: AbstractSet[ConnectionId],
        now: float,
        picked: Choice | Blocked,
    ) -> None:
        self._pool, self._assignment, self._now, self._picked = pool, assignment, now, picked
        self._attempt = pool.facts_of(attempt)
        self._busy = busy & pool.connections
        self._without = pool.without_instruction(self._attempt)
        self._skips = {member.number: reason for member, reason in pool.skips(self._attempt, self._without)}
        self._own = self._consult()
        self._tier = picked.tier if isinstance(picked, Choice) else None

    def _consult(self) -> Consulted:
        member = self._pool.member(self._assignment.number) if self._assignment else None
        has_instruction = member is None or member.provider not in self._without
        return consult(
            self._assignment, member, self._attempt, self._pool.policy, self._busy, has_instruction, self._now
        )

    def gates(self, random_number: float) -> Gates:
        picked, tiers = self._picked, tuple(self._tiers())
        decisive = next((one.tier for one in tiers if one.verdict is Verdict.USED), None)
        decisive = decisive or next((one.tier for one in tiers if one.verdict is Verdict.BUSY), None)
        choice = picked if isinstance(picked, Choice) else None
        blocked = picked if isinstance(picked, Blocked) else None
        return Gates(
            at=self._now,
            place=self._attempt.contact,
            sticky=self._sticky(),
            tiers=tiers,
            members=tuple(self._members(decisive)),
            busy=tuple(sorted(self._busy)),
            picked=choice.member.number if choice else None,
            tier=self._tier,
            random_number=random_number if choice and "u" in choice.record else None,
            blocker=blocked.blocker if blocked else None,
            next_eligible_at=blocked.next_eligible_at if blocked else None,
        )

    def _sticky(self) -> StickyLook:
        own, assignment = self._own, self._assignment
        if assignment is None:
            return StickyLook(own.saw)
        waits = own.saw is Saw.WAITS
        return StickyLook(
            own.saw,
            assignment.number,
            str(own.why),
            assignment.bound_at,
            assignment.expires_at,
            own.wait_until if waits else None,
        )

    # -- tiers

    def _tiers(self) -> Iterator[TierLook]:
        settled = self._own.saw in (Saw.USED, Saw.WAITS)
        reach: set[ConnectionId] = set()
        patience, is_waited_for = self._patience(), False
        for place, tier in enumerate(self._pool.tiers, 1):
            candidates = None if settled else self._candidates(tier)
            numbers = len(candidates.members) if candidates else 0
            if settled:
                yield TierLook(tier, Verdict.NOT_ASKED)
            elif candidates is None:
                yield TierLook(tier, Verdict.NO_MATCH)
            elif candidates.connections <= reach:
                yield TierLook(tier, Verdict.NOTHING_NEW, numbers)
            elif tier is self._tier:
                settled = True
                yield TierLook(tier, Verdict.USED, numbers)
            elif is_waited_for:
                settled = True
                yield TierLook(tier, Verdict.NOT_ASKED, numbers)
            else:
                is_waited_for = place > patience
                reach |= candidates.connections
                yield TierLook(tier, Verdict.BUSY, numbers)

    def _patience(self) -> int:
        """How many tiers are not waited for if busy; behind a busy one that is waited for, none was asked."""
        if isinstance(self._picked, Blocked) and self._picked.blocker is Blocker.TIER_BUSY:
            return self._picked.spilled
        return len(self._pool.tiers)

    def _candidates(self, tier: Tier) -> Candidates | None:
        return self._pool.candidates(tier, self._attempt, self._without, self._now)

    # -- members

    def _members(self, tier: Tier | None) -> Iterator[MemberLook]:
        candidates = self._candidates(tier) if tier is not None else None
        of_tier = {member.number for member in candidates.members} if candidates else set()
        draw = self._draw(candidates) if candidates and tier is self._tier else {}
        for member in self._pool.picture.members:
            factor = factor_of(member, self._pool.policy.selection)
            skip = self._skips.get(member.number)
            fate = self._fate(member, tier, of_tier, factor)
            shown = MemberLook(member.number, member.e164, member.connection, fate, skip, member.index, factor)
            if member.number in draw:
                share, begins, ends = draw[member.number]
                shown = replace(shown, share=share, weight=share * len(draw), draws_from=begins, draws_to=ends)
            yield shown

    def _draw(self, candidates: Candidates) -> dict[NumberId, tuple[float, float, float]]:
        """(share, from, to) of the candidates with room, in the order in which the draw walks over them."""
        with_room = [member for member in candidates.members if member.connection not in self._busy]
        shares, begins = shares_of(with_room, self._pool.policy), 0.0
        found: dict[NumberId, tuple[float, float, float]] = {}
        for number, share in shares.items():
            found[number] = (share, begins, begins + share)
            begins += share
        return found

    def _fate(self, member: Member, tier: Tier | None, of_tier: AbstractSet[NumberId], factor: float) -> Fate:
        picked, number = self._picked, member.number
        if isinstance(picked, Choice) and picked.member.number == number:
            return Fate.PICKED
        if number in self._attempt.excluded:
            return Fate.EXCLUDED
        if number in self._skips:
            return Fate.SKIPPED
        if self._own.saw in (Saw.USED, Saw.WAITS):
            waits = self._own.saw is Saw.WAITS and self._own.member is not None and self._own.member.number == number
            return Fate.BUSY if waits else Fate.NOT_ASKED
        if number in of_tier:
            return Fate.BUSY if member.connection in self._busy else Fate.IN_DRAW
        if factor <= 0.0:
            return Fate.ZERO_WEIGHT
        if isinstance(picked, Blocked) and member.connection in self._busy:
            return Fate.BUSY
        return Fate.RESTING if self._rests(member, tier) else Fate.OTHER_TIER

    def _rests(self, member: Member, tier: Tier | None) -> bool:
        selection = self._pool.policy.selection
        if tier is None or not (selection.skip_unhealthy and member.resting):
            return False
        hours = selection.near_time_zone_hours
        return belongs(tier, member.geography, self._attempt.contact, quarter_of(self._now), hours)
