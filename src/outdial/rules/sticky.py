"""Sticky assignments (SPEC 3.3): the number that a contact knows, per campaign, and how it comes, stays and goes.

Three questions are answered here: does an assignment still hold (`why_void`), what does a pick make of it (`consult`),
and what does a call do to it (`on_accepted`, `on_reached`). A row that no longer holds counts as absent, so nothing
needs to be cleaned up for a change of the catalogue to take effect at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from outdial.rules.blocker import Blocker
from outdial.rules.eligibility import skip_reason
from outdial.rules.ids import ConnectionId, NumberId
from outdial.rules.policy import BindOn, CampaignPolicy, WhenFlagged
from outdial.rules.pool import Member, SkipReason
from outdial.rules.waits import AttemptFacts


@dataclass(frozen=True, slots=True)
class Assignment:
    """A contact's number in a campaign. Times in Unix seconds; `expires_at` None = for ever.

    `epoch` is the campaign's sticky epoch when it was made; `bound_by` is `attempt <id>` or an operator's name.
    """

    number: NumberId
    epoch: int
    bound_at: float
    expires_at: float | None
    bound_by: str


# --- Does it hold? -------------------------------------------------------------------------------------------------


class Void(StrEnum):
    """Why an assignment counts as absent."""

    SWITCHED_OFF = "switched_off"
    """Sticky is off for the campaign, or has been off since: the campaign's epoch is another one."""
    NOT_IN_POOL = "not_in_pool"
    """The number left the pool, even if it has come back: the assignment is older than the membership."""
    EXPIRED = "expired"


def why_void(assignment: Assignment, policy: CampaignPolicy, added_at: float | None, now: float) -> Void | None:
    """Why it does not hold; None = it holds. `added_at`: since when its number is a member, None = it is not."""
    if not policy.sticky.enabled or assignment.epoch != policy.sticky_epoch:
        return Void.SWITCHED_OFF
    if added_at is None or assignment.bound_at < added_at:
        return Void.NOT_IN_POOL
    if assignment.expires_at is not None and assignment.expires_at <= now:
        return Void.EXPIRED
    return None


# --- What a pick makes of it ---------------------------------------------------------------------------------------


class Saw(StrEnum):
    """What a pick made of the contact's assignment; kept in the decision record, and what binding goes by."""

    NOTHING = "nothing"
    """There was none."""
    VOID = "void"
    """There was one that no longer holds."""
    USED = "used"
    UNUSABLE = "unusable"
    """Its number must not call now: another one is taken, and inherits the assignment if it reaches the contact."""
    WAITS = "waits"
    """Its number is fine but has no room: the attempt waits for it."""
    BUSY = "busy"
    """As `waits`, but the wait is over: another number is taken, for this attempt only."""


@dataclass(frozen=True, slots=True)
class Consulted:
    """The sticky gate's answer. `why`: the reason in one word, where there is one; `wait_until`: only with WAITS."""

    saw: Saw
    member: Member | None = None
    why: str = ""
    since: float = 0.0
    wait_until: float = 0.0


_NOTHING = Consulted(Saw.NOTHING)
_EXCLUDED = "excluded"


def consult(
    assignment: Assignment | None,
    member: Member | None,
    attempt: AttemptFacts,
    policy: CampaignPolicy,
    busy: Collection[ConnectionId],
    has_instruction: bool,
    now: float,
) -> Consulted:
    """What to do about the contact's assignment. `member`: the pool's member of that number, None = not in the pool."""
    if assignment is None:
        return _NOTHING
    void = why_void(assignment, policy, member.added_at if member else None, now)
    if void is not None or member is None:
        return Consulted(Saw.VOID, why=void or Void.NOT_IN_POOL)
    if member.number in attempt.excluded:
        return Consulted(Saw.UNUSABLE, member, _EXCLUDED)
    skip = _skip(member, attempt, policy, has_instruction)
    if skip is not None:
        return Consulted(Saw.UNUSABLE, member, skip)
    if member.connection not in busy:
        return Consulted(Saw.USED, member)
    since = attempt.waits.since(Blocker.STICKY_NUMBER_BUSY, now)
    until = since + policy.sticky.max_wait_s
    if attempt.waits.sticky_waited or now >= until:
        return Consulted(Saw.BUSY, member)
    return Consulted(Saw.WAITS, member, since=since, wait_until=until)


def _skip(member: Member, attempt: AttemptFacts, policy: CampaignPolicy, has_instruction: bool) -> SkipReason | None:
    keep = policy.sticky.when_flagged is WhenFlagged.KEEP
    return skip_reason(member, attempt.contact.country, has_instruction=has_instruction, keep_flagged=keep)


# --- What a call does to it ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SeenSticky:
    """The assignment as a call's pick saw it: `decision.seen_sticky` reads it from the record."""

    saw: Saw = Saw.NOTHING
    number: NumberId | None = None
    bound_at: float | None = None

    def is_still(self, assignment: Assignment) -> bool:
        """Whether that assignment is the very one that was seen (nobody bound anew in the meantime)."""
        same_time = self.bound_at is not None and abs(self.bound_at - assignment.bound_at) < _SAME_TIME_S
        return self.number == assignment.number and same_time


_SAME_TIME_S = 0.001
"""Times come from the database in microseconds; two assignments of one contact are further apart than this."""


@dataclass(frozen=True, slots=True)
class CallFromNumber:
    """A call that may make, move or renew an assignment.

    `epoch`: the campaign's sticky epoch when it was placed; `accepted_at`: when the carrier took it, Unix seconds,
    None = not known; `by` becomes `bound_by`.
    """

    number: NumberId
    epoch: int
    by: str
    seen: SeenSticky = SeenSticky()
    accepted_at: float | None = None


class StickyEvent(StrEnum):
    """What happened to an assignment; the first two are published."""

    BOUND = "bound"
    MOVED = "moved"
    RENEWED = "renewed"


@dataclass(frozen=True, slots=True)
class StickyChange:
    """What to write. `previous`: the number that lost the contact, only with MOVED."""

    event: StickyEvent
    assignment: Assignment
    previous: NumberId | None = None


def on_accepted(
    policy: CampaignPolicy,
    assignment: Assignment | None,
    call: CallFromNumber,
    added_at: Mapping[NumberId, float],
    now: float,
) -> StickyChange | None:
    """The carrier accepted the call: a sticky number's life time starts anew; with `bind_on = "placed"` it binds.

    `assignment`: the row as it stands now, under the tenant's lock; `added_at`: since when numbers are members, for
    the call's number and the assignment's. None = write nothing, so repetitions are harmless.
    """
    if _holds(policy, assignment, added_at, now) and assignment is not None and assignment.number == call.number:
        renewed = replace(assignment, expires_at=_renewed(assignment.expires_at, policy, call, now))
        return None if renewed == assignment else StickyChange(StickyEvent.RENEWED, renewed)
    if policy.sticky.bind_on is BindOn.PLACED:
        return _bind(policy, assignment, call, added_at, now)
    return None


def on_reached(
    policy: CampaignPolicy,
    assignment: Assignment | None,
    call: CallFromNumber,
    added_at: Mapping[NumberId, float],
    now: float,
) -> StickyChange | None:
    """The call reached the contact: with `bind_on = "reached"` its number binds, unless another one did before.

    Same arguments as `on_accepted`. The first number that reaches the contact wins; late and repeated reports of
    the same or of another call change nothing.
    """
    if policy.sticky.bind_on is BindOn.REACHED:
        return _bind(policy, assignment, call, added_at, now)
    return None


def _bind(
    policy: CampaignPolicy,
    assignment: Assignment | None,
    call: CallFromNumber,
    added_at: Mapping[NumberId, float],
    now: float,
) -> StickyChange | None:
    if not policy.sticky.enabled or call.epoch != policy.sticky_epoch or call.number not in added_at:
        return None
    if assignment is None and call.seen.saw is Saw.USED:
        return None  # an operator cleared it during the call: the same call must not bring it back
    bound = Assignment(call.number, policy.sticky_epoch, now, _expiry(policy, call, now), call.by)
    if assignment is None or not _holds(policy, assignment, added_at, now):
        return StickyChange(StickyEvent.BOUND, bound)
    if call.seen.saw is Saw.UNUSABLE and call.seen.is_still(assignment):
        return StickyChange(StickyEvent.MOVED, bound, previous=assignment.number)
    return None


def _holds(
    policy: CampaignPolicy, assignment: Assignment | None, added_at: Mapping[NumberId, float], now: float
) -> bool:
    return assignment is not None and why_void(assignment, policy, added_at.get(assignment.number), now) is None


def _expiry(policy: CampaignPolicy, call: CallFromNumber, now: float) -> float | None:
    """The life time counts from the last accepted call, not from when its end was learnt."""
    if policy.sticky.ttl_s == 0:
        return None
    return (now if call.accepted_at is None else call.accepted_at) + policy.sticky.ttl_s


def _renewed(expires_at: float | None, policy: CampaignPolicy, call: CallFromNumber, now: float) -> float | None:
    """A late report of an older call never shortens a life, but a life time that was lowered since takes effect."""
    fresh = _expiry(policy, call, now)
    if fresh is None or expires_at is None or expires_at > now + policy.sticky.ttl_s:
        return fresh
    return max(expires_at, fresh)
