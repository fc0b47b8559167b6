"""The rules compared: outdial's own, with its real functions, and the simpler ones that people use instead."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable
from itertools import accumulate
from random import Random

from bench.simulate.engine import HOUR_S, START, Call, Rule

from outdial.rules.catalogue_rows import ConnectionRow, MemberRow, NumberRow
from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.phone import geography
from outdial.rules.policy import CampaignPolicy, RotationParams
from outdial.rules.pool import Picture
from outdial.rules.pool_index import PoolIndex
from outdial.rules.pool_weights import PoolWeights, make_member
from outdial.rules.rotation import MemberStats, PoolBaseline, shares_of_weights
from outdial.rules.selection import Choice, choose
from outdial.rules.waits import AttemptFacts

REFRESH_S = 5.0
"""How often a replica reads the weights anew."""
CAMPAIGN, TENANT, LINE = CampaignId("simulated"), TenantId("simulated"), ConnectionId("line")
CONTACTS = {
    country: AttemptFacts(geography(E164(contact)))
    for country, contact in {
        "US": "+12125550100",
        "CA": "+14165550100",
        "GB": "+442079460000",
        "DE": "+493023125000",
        "BR": "+551133330000",
    }.items()
}


class _Hours:
    """Dials per number and hour, counted as `number_volume` counts them: the hour that is 24 hours old is left out."""

    def __init__(self) -> None:
        self._by_hour: dict[int, Counter[NumberId]] = {}
        self._total: Counter[NumberId] = Counter()

    def add(self, number: NumberId, now: float) -> None:
        self._by_hour.setdefault(int(now // HOUR_S), Counter())[number] += 1
        self._total[number] += 1

    def last_day(self, now: float) -> dict[NumberId, int]:
        oldest = int(now // HOUR_S) - 24
        for hour in [hour for hour in self._by_hour if hour <= oldest]:
            self._total.subtract(self._by_hour.pop(hour))
        return dict(self._total)


class Outdial:
    """outdial as it runs: a snapshot of the weights every 5 seconds, `choose` on it, outcomes folded as settling does."""

    def __init__(self, size: int, rng: Random, params: RotationParams | None = None) -> None:
        self._rng = rng
        self._numbers = [NumberRow(NumberId(f"n{i:03}"), E164(f"+1212555{i:04}"), TENANT, LINE) for i in range(size)]
        self._position = {row.number: i for i, row in enumerate(self._numbers)}
        self._rows = [(row, MemberRow(CAMPAIGN, row.number, added_at=START)) for row in self._numbers]
        self._line = ConnectionRow(LINE, "twilio", 1_000)
        self.policy = CampaignPolicy(
            CAMPAIGN, TENANT, "v1", self._numbers[0].number, rotation=params or RotationParams(), answer={"twilio": {}}
        )
        self._stats: dict[tuple[CampaignId, NumberId], MemberStats] = {}
        self._baseline = PoolBaseline()
        self._hours = _Hours()
        self._at_dial: dict[tuple[int, Call], list[tuple[float, float]]] = {}
        self._tick = -1
        self._seen: tuple[dict[tuple[CampaignId, NumberId], MemberStats], dict[NumberId, int]] = {}, {}
        self._seen_baseline = self._baseline
        self._index: PoolIndex | None = None

    def pick(self, call: Call) -> int:
        """By `choose`, on the snapshot; h and r are kept with the call."""
        now = START + call.at
        self._look(now)
        picked = choose(self.index(), CONTACTS[call.country], None, frozenset(), now, self._rng)
        assert isinstance(picked, Choice)
        number = self._position[picked.member.number]
        h = self._seen_baseline.rate(call.country, call.klass, now, self.policy.rotation)
        self._at_dial.setdefault((number, call), []).append((h, picked.member.index))
        self._hours.add(picked.member.number, now)
        return number

    def learn(self, number: int, call: Call, answered: bool, now: float) -> None:
        """As `dispatch/learning.py` folds one outcome."""
        now += START
        self._look(now)
        h, r = self._at_dial[number, call].pop()
        params, key = self.policy.rotation, (CAMPAIGN, self._numbers[number].number)
        self._stats[key] = self._stats.get(key, MemberStats()).observe(answered, h, now, params)
        self._baseline = self._baseline.observe(call.country, call.klass, answered, r, now, params)

    def _look(self, now: float) -> None:
        """Once per 5 seconds, before anything else happens in them: what picks see until the next look."""
        tick = int(now // REFRESH_S)
        if tick == self._tick:
            return
        self._tick, self._index = tick, None
        self._seen_baseline = self._baseline
        self._seen = dict(self._stats), self._hours.last_day(tick * REFRESH_S)

    def share(self, number: int, at: float) -> float:
        """The number's rotation share as a pick at that moment sees it."""
        self._look(START + at)
        weights = {member.number: member.rotation_weight for member in self.index().picture.members}
        return shares_of_weights(weights, self.policy.rotation)[self._numbers[number].number]

    def index(self) -> PoolIndex:
        """The pool as picks see it now; built when first asked."""
        if self._index is None:
            at = self._tick * REFRESH_S
            stats, dials = self._seen
            weights = PoolWeights(stats, {CAMPAIGN: self._seen_baseline.sums}, dials)
            members = tuple(
                make_member(number, member, self._line, weights, self.policy, at) for number, member in self._rows
            )
            self._index = PoolIndex(Picture("simulated", CAMPAIGN, members), self.policy)
        return self._index


class Uniform:
    """Any number, evenly at random."""

    def __init__(self, size: int, rng: Random) -> None:
        self._size, self._rng = size, rng

    def pick(self, call: Call) -> int:
        return self._rng.randrange(self._size)

    def learn(self, number: int, call: Call, answered: bool, now: float) -> None:
        """Nothing."""


class RoundRobin:
    """One after the other."""

    def __init__(self, size: int, rng: Random) -> None:
        self._size, self._next = size, rng.randrange(size)

    def pick(self, call: Call) -> int:
        self._next = (self._next + 1) % self._size
        return self._next

    def learn(self, number: int, call: Call, answered: bool, now: float) -> None:
        """Nothing."""


class AnsweredOverAttempts:
    """A weighted draw by answered / attempts; a number without finished attempts counts as the pool's mean."""

    def __init__(self, size: int, rng: Random) -> None:
        self._rng = rng
        self._answered, self._attempts = [0] * size, [0] * size

    def pick(self, call: Call) -> int:
        attempts = sum(self._attempts)
        mean = sum(self._answered) / attempts if attempts else 1.0
        sums = list(accumulate(a / n if n else mean for a, n in zip(self._answered, self._attempts, strict=True)))
        if sums[-1] <= 0.0:
            return self._rng.randrange(len(sums))
        return min(bisect(sums, self._rng.random() * sums[-1]), len(sums) - 1)

    def learn(self, number: int, call: Call, answered: bool, now: float) -> None:
        self._attempts[number] += 1
        self._answered[number] += answered


class Thompson:
    """Thompson sampling: the highest of one draw per number from its Beta distribution."""

    def __init__(self, size: int, rng: Random) -> None:
        self._rng = rng
        self._hits, self._misses = [1.0] * size, [1.0] * size

    def pick(self, call: Call) -> int:
        draw = self._rng.betavariate
        drawn = [draw(hits, misses) for hits, misses in zip(self._hits, self._misses, strict=True)]
        return drawn.index(max(drawn))

    def learn(self, number: int, call: Call, answered: bool, now: float) -> None:
        if answered:
            self._hits[number] += 1.0
        else:
            self._misses[number] += 1.0


OTHERS: dict[str, Callable[[int, Random], Rule]] = {
    "uniform": Uniform,
    "round_robin": RoundRobin,
    "answered_over_attempts": AnsweredOverAttempts,
    "thompson": Thompson,
}
