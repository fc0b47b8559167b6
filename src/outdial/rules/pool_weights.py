"""From catalogue and statistics to the pool as a pick sees it: one implementation for dispatching, health and dry runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from outdial.rules.catalogue_rows import ConnectionRow, MemberRow, NumberRow, NumberState
from outdial.rules.eligibility import NumberFacts, skip_but_for_spam, static_skip
from outdial.rules.ids import CampaignId, NumberId
from outdial.rules.number_health import NumberHealth
from outdial.rules.phone import family, geography, number_type
from outdial.rules.policy import CampaignPolicy, RotationParams
from outdial.rules.pool import Geography, Member, NumberType
from outdial.rules.rotation import (
    BaselineSums,
    MemberStats,
    PoolBaseline,
    index_elsewhere,
    is_resting,
    rotation_weight,
)

_HEALTHY: Final = NumberHealth()


class Known(NamedTuple):
    """A member's numbers: equal ones make equal members, give or take what time does to them. `health`: None = says nothing."""

    stats: MemberStats | None
    elsewhere: list[MemberStats]
    dials_24h: int
    spam_score: float
    health: NumberHealth | None


@dataclass(frozen=True, slots=True)
class PoolWeights:
    """All pools' statistics at one moment. `dials_24h` over all campaigns; `spam_scores` as reported from outside."""

    stats: Mapping[tuple[CampaignId, NumberId], MemberStats] = field(default_factory=dict)
    baselines: Mapping[CampaignId, Mapping[tuple[str, str], BaselineSums]] = field(default_factory=dict)
    dials_24h: Mapping[NumberId, int] = field(default_factory=dict)
    health: Mapping[NumberId, NumberHealth] = field(default_factory=dict)
    spam_scores: Mapping[NumberId, float] = field(default_factory=dict)
    _by_number: Mapping[NumberId, list[tuple[CampaignId, MemberStats]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_number: dict[NumberId, list[tuple[CampaignId, MemberStats]]] = {}
        for (campaign, number), stats in self.stats.items():
            by_number.setdefault(number, []).append((campaign, stats))
        object.__setattr__(self, "_by_number", by_number)

    def baseline(self, campaign: CampaignId) -> PoolBaseline:
        """The pool's own answer rates."""
        return PoolBaseline(self.baselines.get(campaign, {}))

    def about(self, campaign: CampaignId, number: NumberId) -> Known:
        """All that a member is made from, besides the catalogue and the time."""
        health = self.health.get(number, _HEALTHY)
        return Known(
            self.stats.get((campaign, number)),
            [stats for of, stats in self._by_number.get(number, ()) if of != campaign],
            self.dials_24h.get(number, 0),
            self.spam_scores.get(number, 0.0),
            health if health.says_something else None,
        )

    def stats_of(self, campaign: CampaignId, number: NumberId, now: float, params: RotationParams) -> MemberStats:
        """A member's sums; its prior is the number's index over the tenant's other campaigns (a number has one tenant)."""
        own = self.stats.get((campaign, number)) or MemberStats(at=now)
        others = [stats for of, stats in self._by_number.get(number, ()) if of != campaign]
        return replace(own, prior_index=index_elsewhere(others, now, params)) if others else own


def number_facts(number: NumberRow, member: MemberRow, weights: PoolWeights) -> NumberFacts:
    """What eligibility goes by."""
    return NumberFacts(
        active=number.state is NumberState.ACTIVE,
        number_paused=number.paused,
        member_paused=member.paused,
        reported_spam_score=weights.spam_scores.get(number.number, 0.0),
        health=weights.health.get(number.number, _HEALTHY),
        calls_24h=weights.dials_24h.get(number.number, 0),
        max_calls_24h=_int(number, "max_calls_24h"),
    )


def _int(number: NumberRow, key: str) -> int:
    value = number.settings.get(key, 0)
    return int(value) if isinstance(value, int) else 0


def rotation_params(number: NumberRow, policy: CampaignPolicy) -> RotationParams:
    """The campaign's, with the number's own volume budget if it has one."""
    budget = number.settings.get("volume_budget_24h")
    return replace(policy.rotation, volume_budget_24h=budget) if isinstance(budget, int) else policy.rotation


def make_member(
    number: NumberRow, member: MemberRow, connection: ConnectionRow, weights: PoolWeights, policy: CampaignPolicy,
    now: float,
) -> Member:  # fmt: skip
    """One number of the pool with its weight and what keeps it out."""
    params = rotation_params(number, policy)
    stats = weights.stats_of(policy.campaign, number.number, now, params)
    index = stats.index(now, params)
    facts = number_facts(number, member, weights)
    countries = number.settings.get("allowed_countries", ())
    kind = number.settings.get("number_type")
    return Member(
        number=number.number,
        e164=number.e164,
        connection=connection.connection,
        provider=connection.provider,
        geography=_geography(number),
        number_type=NumberType(kind) if isinstance(kind, str) else number_type(number.e164),
        base_weight=member.base_weight,
        rotation_weight=rotation_weight(index, facts.calls_24h, params, stats.lead(params)),
        index=index,
        resting=is_resting(index, params),
        allowed_countries=frozenset(family(str(c)) for c in countries)
        if isinstance(countries, Sequence)
        else frozenset(),
        static_skip=static_skip(facts, now, policy.selection),
        skip_if_kept=skip_but_for_spam(facts, now),
        added_at=member.added_at or 0.0,
    )


def _geography(number: NumberRow) -> Geography:
    """By its digits, unless the operator knows its zone better."""
    place = geography(number.e164)
    zone = number.settings.get("time_zone")
    return replace(place, zones=(zone,)) if isinstance(zone, str) and zone else place
