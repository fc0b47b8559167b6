"""The rotation share (SPEC 4; the formula and how it was chosen: docs/explanation/rotation.md).

Each number is compared with what an average number of its pool would have got answered for the same contact countries
at the same time: observed over expected. All sums decay lazily, on read and on write, so nothing needs a cron job.
These functions are the only implementation; the store keeps their numbers and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import exp

from outdial.rules.ids import NumberId
from outdial.rules.policy import RotationParams

TINY = 1e-30
"""Sums below this are zero: PostgreSQL refuses to compute with denormal numbers, and they mean nothing."""
PRIOR_ANSWERED, PRIOR_EXPECTED = 1.2, 10.0
"""12 % is the answer rate assumed before any data."""
COUNTRY_PRIOR = 3.0
"""Answers' worth of the pool's own baseline that a country starts with."""


class MemberStatus(StrEnum):
    """What the health page says of a number; `flagged` comes from outside."""

    WARMING_UP = "warming_up"
    ACTIVE = "active"
    OVER_BUDGET = "over_budget"
    RESTING = "resting"


def _clamp(value: float) -> float:
    return value if value > TINY else 0.0


def _decay(age_s: float, half_life_s: float) -> float:
    """0.5 ^ (age / half-life), 0 where that would underflow."""
    halvings = max(0.0, age_s) / half_life_s
    return 0.5**halvings if halvings < 1000 else 0.0


@dataclass(frozen=True, slots=True)
class MemberStats:
    """A number's sums in one pool. `y`, `e`: answered and expected, slow memory; `yf`, `ef`: the same, fast memory.

    `at`: Unix seconds of the last fold; `prior_index`: the number's index over the tenant's other campaigns, which a
    member without history starts from (1 = an average number).
    """

    attempts: int = 0
    answered: int = 0
    y: float = 0.0
    e: float = 0.0
    yf: float = 0.0
    ef: float = 0.0
    at: float = 0.0
    prior_index: float = 1.0

    def index(self, now: float, params: RotationParams) -> float:
        """`r`: how much better than an average number of its pool it gets answered; falls fast, rises slowly."""
        if self.attempts < params.warm_up:
            return self.prior_index
        decay = _decay(now - self.at, params.half_life_s)
        slow = (params.prior * self.prior_index + self.y * decay) / (params.prior + self.e * decay)
        fast = (params.prior_fast * slow + self.yf * decay) / (params.prior_fast + self.ef * decay)
        return min(slow, params.fast_margin * fast)

    def lead(self, params: RotationParams) -> float:
        """What its value is multiplied with while it warms up: the further behind, the sooner it is its turn.

        Without it, numbers that happen to finish their warm-up early, and well, leave the others behind unheard.
        """
        if self.attempts >= params.warm_up:
            return 1.0
        return 1.0 + params.warm_up_lead * (1.0 - self.attempts / params.warm_up)

    def observe(self, answered: bool, expected: float, now: float, params: RotationParams) -> MemberStats:
        """The sums after one finished attempt. `expected`: the baseline `h` when it was dialled."""
        decay = _decay(now - self.at, params.half_life_s)
        hit = 1.0 if answered else 0.0
        slow, fast = exp(-expected / params.memory_slow), exp(-expected / params.memory_fast)
        return MemberStats(
            attempts=self.attempts + 1,
            answered=self.answered + int(answered),
            y=_clamp(self.y * decay * slow) + hit,
            e=_clamp(self.e * decay * slow) + expected,
            yf=_clamp(self.yf * decay * fast) + hit,
            ef=_clamp(self.ef * decay * fast) + expected,
            at=max(now, self.at),
            prior_index=self.prior_index,
        )


def index_elsewhere(others: Iterable[MemberStats], now: float, params: RotationParams) -> float:
    """`r0` of a number that is new in a campaign: its index over the tenant's other campaigns, their sums put together.

    1 while those have fewer than `warm_up` attempts between them. What the others started from themselves is left
    out, so that two campaigns cannot confirm each other's guess.
    """
    attempts, y, e, yf, ef = 0, 0.0, 0.0, 0.0, 0.0
    for other in others:
        decay = _decay(now - other.at, params.half_life_s)
        attempts += other.attempts
        y, e = y + other.y * decay, e + other.e * decay
        yf, ef = yf + other.yf * decay, ef + other.ef * decay
    return MemberStats(attempts=attempts, y=y, e=e, yf=yf, ef=ef, at=now).index(now, params)


@dataclass(frozen=True, slots=True)
class BaselineSums:
    """(Y, X) of one country and class: answers, and attempts weighted with the index of the number that placed them."""

    y: float = 0.0
    x: float = 0.0
    at: float = 0.0

    def observe(self, answered: bool, index: float, now: float, params: RotationParams) -> BaselineSums:
        """The sums after one finished attempt. `index`: `r` of its number when it was dialled."""
        decay = _decay(now - self.at, params.baseline_half_life_s)
        return BaselineSums(
            y=_clamp(self.y * decay) + (1.0 if answered else 0.0),
            x=_clamp(self.x * decay) + index,
            at=max(now, self.at),
        )

    def decayed(self, now: float, params: RotationParams) -> tuple[float, float]:
        """(Y, X) as of now."""
        decay = _decay(now - self.at, params.baseline_half_life_s)
        return self.y * decay, self.x * decay


@dataclass(frozen=True, slots=True)
class PoolBaseline:
    """What an average number of the pool gets answered, by (contact country, first | retry)."""

    sums: Mapping[tuple[str, str], BaselineSums] = field(default_factory=dict)

    def rate(self, country: str, klass: str, now: float, params: RotationParams) -> float:
        """`h`: the answers expected of one attempt to that country; costs about 1 us per country and class seen."""
        own_y, own_x = self.sums.get((country, klass), BaselineSums()).decayed(now, params)
        pool_y = pool_x = 0.0
        for sums in self.sums.values():
            y, x = sums.decayed(now, params)
            pool_y, pool_x = pool_y + y, pool_x + x
        pool = (pool_y + PRIOR_ANSWERED) / (pool_x + PRIOR_EXPECTED)
        return (own_y + COUNTRY_PRIOR) / (own_x + COUNTRY_PRIOR / pool)

    def observe(
        self, country: str, klass: str, answered: bool, index: float, now: float, params: RotationParams
    ) -> PoolBaseline:
        """The baseline after one finished attempt."""
        before = self.sums.get((country, klass), BaselineSums())
        return PoolBaseline({**self.sums, (country, klass): before.observe(answered, index, now, params)})


def is_over_budget(dials_24h: int, params: RotationParams) -> bool:
    """Whether the number's volume of the last 24 hours, over all campaigns, has reached its budget."""
    return 0 < params.volume_budget_24h <= dials_24h


def is_resting(index: float, params: RotationParams) -> bool:
    """Whether the number is clearly behind its pool."""
    return index < params.rest_index


def rotation_weight(index: float, dials_24h: int, params: RotationParams, lead: float = 1.0) -> float:
    """`w = v ^ exponent`; the share follows from the candidates of a pick. `lead`: see `MemberStats.lead`."""
    guarded = is_over_budget(dials_24h, params) or is_resting(index, params)
    value = lead * (index * params.over_budget_factor if guarded else index)
    return _clamp(value**params.exponent) or TINY


def status(stats: MemberStats, dials_24h: int, now: float, params: RotationParams) -> MemberStatus:
    """The first that holds of: warming up, resting, over budget, active."""
    if stats.attempts < params.warm_up:
        return MemberStatus.WARMING_UP
    if is_resting(stats.index(now, params), params):
        return MemberStatus.RESTING
    return MemberStatus.OVER_BUDGET if is_over_budget(dials_24h, params) else MemberStatus.ACTIVE


def shares(
    stats: Mapping[NumberId, MemberStats], dials_24h: Mapping[NumberId, int], now: float, params: RotationParams
) -> dict[NumberId, float]:
    """The rotation share of each candidate; they sum to 1. Weight on the health page = share times candidates."""
    weights = {
        n: rotation_weight(s.index(now, params), dials_24h.get(n, 0), params, s.lead(params)) for n, s in stats.items()
    }
    return shares_of_weights(weights, params)


def shares_of_weights(weights: Mapping[NumberId, float], params: RotationParams) -> dict[NumberId, float]:
    """The share of each candidate by its `rotation_weight`; they sum to 1."""
    total = sum(weights.values())
    even = params.floor / len(weights) if weights else 0.0
    result = {n: (1 - params.floor) * w / total + even for n, w in weights.items()}
    return _capped(result, params.max_share) if params.max_share is not None else result


def _capped(share: dict[NumberId, float], max_share: float) -> dict[NumberId, float]:
    """No share above `max_share`; the excess goes to the others in proportion (a cap below an even share is an even share)."""
    cap = max(max_share, 1 / len(share)) if share else 1.0
    over = {n for n, s in share.items() if s > cap}
    while over:
        rest = sum(s for n, s in share.items() if n not in over)
        scale = (1 - cap * len(over)) / rest if rest > 0 else 0.0
        share = {n: cap if n in over else s * scale for n, s in share.items()}
        more = {n for n, s in share.items() if s > cap + 1e-12} - over
        if not more:
            break
        over |= more
    return share
