"""Small pools in an operator's words, for the tests that choose numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.picture_body import picture_of
from outdial.rules.policy import CampaignPolicy, RotationParams, SelectionPolicy, StickyPolicy
from outdial.rules.pool import Geography, Member, NumberType, SkipReason, Tier
from outdial.rules.pool_index import PoolIndex
from outdial.rules.selection import Blocked, Choice, choose
from outdial.rules.sticky import Assignment
from outdial.rules.waits import AttemptFacts, Waits

NOW = 1_790_000_000.0
DAY = 86_400.0
CAMPAIGN = CampaignId("spring")

NEW_YORK = Geography("US", "212", ("America/New_York",))
CHICAGO = Geography("US", "312", ("America/Chicago",))
LOS_ANGELES = Geography("US", "213", ("America/Los_Angeles",))
TORONTO = Geography("CA", "416", ("America/Toronto",))
LONDON = Geography("GB", None, ("Europe/London",))
PARIS = Geography("FR", None, ("Europe/Paris",))
TOKYO = Geography("JP", None, ("Asia/Tokyo",))
TOLL_FREE = Geography("US", "800", ())
NOWHERE = Geography(None, None, ())


def number(
    name: str,
    place: Geography = NEW_YORK,
    *,
    through: str = "line-1",
    provider: str = "twilio",
    kind: NumberType = NumberType.LONG_CODE,
    base: float = 1.0,
    rotation: float = 1.0,
    resting: bool = False,
    only: Iterable[str] = (),
    skip: SkipReason | None = None,
    skip_if_kept: SkipReason | None = None,
    added_at: float = NOW - 30 * DAY,
) -> Member:
    """A healthy long code in New York unless told otherwise."""
    return Member(
        NumberId(name),
        E164("+12025550100"),
        ConnectionId(through),
        provider,
        place,
        kind,
        base,
        rotation,
        1.0,
        resting,
        frozenset(only),
        skip,
        added_at,
        skip_if_kept,
    )


def policy(
    *,
    primary: str = "primary",
    epoch: int = 1,
    sticky: StickyPolicy | None = None,
    selection: SelectionPolicy | None = None,
    rotation: RotationParams | None = None,
) -> CampaignPolicy:
    """The defaults of SPEC 3, with an answer instruction for one provider."""
    return CampaignPolicy(
        CAMPAIGN,
        TenantId("acme"),
        "v1",
        NumberId(primary),
        sticky_epoch=epoch,
        sticky=sticky or StickyPolicy(),
        selection=selection or SelectionPolicy(),
        rotation=rotation or RotationParams(),
        answer={"twilio": {"url": "https://answer.example/"}},
    )


def pool(*members: Member, under: CampaignPolicy | None = None) -> PoolIndex:
    """The pool as picks see it."""
    under = under or policy()
    return PoolIndex(picture_of(CAMPAIGN, members, under), under)


def call(place: Geography = NEW_YORK, *, without: Iterable[str] = (), waits: Waits | None = None) -> AttemptFacts:
    """An attempt to call somebody there. `without`: numbers it must not use."""
    return AttemptFacts(place, excluded=frozenset(map(NumberId, without)), waits=waits or Waits())


def bound(to: str, *, days_left: float | None = 7.0, epoch: int = 1, at: float = NOW - DAY) -> Assignment:
    """The contact's sticky assignment. `days_left` None = for ever."""
    expires_at = None if days_left is None else NOW + days_left * DAY
    return Assignment(NumberId(to), epoch, at, expires_at, "attempt 1")


def lines(*names: str) -> frozenset[ConnectionId]:
    """Connections by name."""
    return frozenset(map(ConnectionId, names))


def pick(
    index: PoolIndex,
    attempt: AttemptFacts | None = None,
    assignment: Assignment | None = None,
    *,
    busy: Iterable[str] = (),
    now: float = NOW,
    seed: int = 1,
) -> Choice | Blocked:
    """One pick."""
    return choose(index, attempt or call(), assignment, lines(*busy), now, Random(seed))


def chosen(
    index: PoolIndex,
    attempt: AttemptFacts | None = None,
    assignment: Assignment | None = None,
    *,
    busy: Iterable[str] = (),
    now: float = NOW,
    seed: int = 1,
) -> tuple[str, Tier]:
    """The number and tier of a pick that must succeed."""
    choice = pick(index, attempt, assignment, busy=busy, now=now, seed=seed)
    assert isinstance(choice, Choice), choice
    return choice.member.number, choice.tier


def blocked(
    index: PoolIndex,
    attempt: AttemptFacts | None = None,
    assignment: Assignment | None = None,
    *,
    busy: Iterable[str] = (),
    now: float = NOW,
) -> Blocked:
    """What a pick that must not succeed waits for."""
    result = pick(index, attempt, assignment, busy=busy, now=now)
    assert isinstance(result, Blocked), result
    return result


def waiting(result: Blocked) -> Waits:
    """What the attempt's row says after it was parked with that result."""
    return Waits(result.blocker, result.blocked_since, result.spilled, result.sticky_waited)


def drawn(
    index: PoolIndex, attempt: AttemptFacts | None = None, *, busy: Iterable[str] = (), picks: int = 400
) -> set[str]:
    """Every number that comes up in many picks."""
    return {chosen(index, attempt, busy=busy, seed=seed)[0] for seed in range(picks)}


def later(attempt: AttemptFacts, result: Blocked) -> AttemptFacts:
    """The same attempt when it is looked at again."""
    return replace(attempt, waits=waiting(result))
