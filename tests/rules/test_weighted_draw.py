"""The weighted draw (SPEC 3.5, ROTATION.md): its frequencies are the shares, whatever is busy and however it is computed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.candidates import Candidates, Drawn, factor_of
from outdial.rules.policy import RotationParams, SelectionPolicy
from outdial.rules.pool import Member, NumberType, SkipReason
from outdial.rules.rotation import shares_of_weights
from outdial.rules.selection import Choice, choose
from tests.rules.pools import LONDON, NOW, call, lines, number, policy, pool

Weighted = Sequence[tuple[Member, float]]


def expected(members: Weighted, busy: frozenset[str], params: RotationParams) -> dict[str, float]:
    """The formula as it is written: share x factor over those with room, normalised once."""
    free = [(member, factor) for member, factor in members if member.connection not in busy]
    shares = shares_of_weights({member.number: member.rotation_weight for member, _ in free}, params)
    products = {str(member.number): shares[member.number] * factor for member, factor in free}
    total = sum(products.values())
    return {name: product / total for name, product in products.items()}


def steps(candidates: Candidates, busy: frozenset[str], of: int = 4_000) -> dict[str, float]:
    """How much of [0, 1) stands for each number, measured with evenly spaced random numbers."""
    counts = Counter(_drawn(candidates, (i + 0.5) / of, busy).member.number for i in range(of))
    return {str(name): count / of for name, count in counts.items()}


def _drawn(candidates: Candidates, u: float, busy: frozenset[str]) -> Drawn:
    drawn = candidates.draw(u, lines(*busy))
    assert drawn is not None
    return drawn


def chi_square(counts: Mapping[str, int], probabilities: Mapping[str, float]) -> float:
    picks = sum(counts.values())
    return sum((counts[name] - picks * p) ** 2 / (picks * p) for name, p in probabilities.items())


SIX: Weighted = [
    (number("a", through="x", rotation=1.0), 1.0),
    (number("b", through="y", rotation=2.6), 1.0),
    (number("c", through="x", rotation=6.2), 0.5),
    (number("d", through="z", rotation=0.006), 1.0),
    (number("e", through="y", rotation=1e-12), 3.0),
    (number("f", through="z", rotation=1.0), 0.1),
]
CHI_SQUARE_99_9 = {1: 10.83, 2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52}


@pytest.mark.parametrize("busy", [(), ("x",), ("y",), ("x", "z")])
@pytest.mark.parametrize("params", [RotationParams(), RotationParams(floor=0.1), RotationParams(max_share=0.4)])
def test_frequencies_match_the_shares(busy: tuple[str, ...], params: RotationParams) -> None:
    candidates, rng = Candidates(SIX, params), Random(11)
    counts = Counter(str(_drawn(candidates, rng.random(), frozenset(busy)).member.number) for _ in range(20_000))
    probabilities = expected(SIX, frozenset(busy), params)
    assert set(counts) <= set(probabilities)
    assert chi_square(counts, probabilities) < CHI_SQUARE_99_9[len(probabilities) - 1]


def test_frequencies_of_whole_picks_match_the_shares() -> None:
    """Among skipped, busy, far, excluded and weightless numbers; base weight, type weight and rotation share multiply."""
    under = policy(selection=SelectionPolicy(mobile_weight=0.5, toll_free_weight=0.0))
    drawable = [
        number("a", rotation=1.0),
        number("b", rotation=2.6, base=2.0),
        number("c", rotation=0.4, kind=NumberType.MOBILE, through="line-2"),
        number("d", rotation=6.2, through="line-3"),
    ]
    others = [
        number("flagged", rotation=99.0, skip=SkipReason.SPAM_FLAGGED),
        number("full", rotation=99.0, through="line-4"),
        number("far", LONDON, rotation=99.0),
        number("refused", rotation=99.0),
        number("zero", rotation=99.0, base=0.0),
        number("free", rotation=99.0, kind=NumberType.TOLL_FREE),
    ]
    index, rng = pool(*drawable, *others, under=under), Random(23)
    attempt, busy, counts = call(without=["refused"]), lines("line-4"), Counter[str]()
    for _ in range(20_000):
        choice = choose(index, attempt, None, busy, NOW, rng)
        assert isinstance(choice, Choice)
        counts[choice.member.number] += 1
    weighted = [(member, factor_of(member, under.selection)) for member in drawable]
    assert chi_square(counts, expected(weighted, frozenset(), RotationParams())) < CHI_SQUARE_99_9[3]
    assert set(counts) == {"a", "b", "c", "d"}


def test_the_formula_by_hand() -> None:
    """Two numbers, 10 % apart, floor 5 %: w = 2.594 and 1; the shares are 0.95 x 0.7218 + 0.025 and the rest."""
    members = [(number("a", rotation=1.1**10), 1.0), (number("b", rotation=1.0), 1.0)]
    drawn = _drawn(Candidates(members, RotationParams()), 0.0, frozenset())
    assert (drawn.member.number, drawn.out_of) == ("a", 2)
    assert drawn.probability == pytest.approx(0.95 * 1.1**10 / (1.1**10 + 1) + 0.025)


def test_operators_weights_multiply_the_share_before_normalising() -> None:
    members = [(number("a"), 3.0), (number("b"), 1.0)]
    assert steps(Candidates(members, RotationParams()), frozenset()) == {"a": 0.75, "b": 0.25}


def test_no_number_is_starved() -> None:
    members = [(number("best"), 1.0), *((number(f"worst-{i}", rotation=1e-24), 1.0) for i in range(9))]
    shares = steps(Candidates(members, RotationParams()), frozenset())
    assert all(shares[f"worst-{i}"] == pytest.approx(0.005, abs=5e-4) for i in range(9))


def test_a_busy_number_leaves_the_others_their_proportions_anew() -> None:
    """The share is taken over those with room: the best of the rest gains, not only by what became free."""
    members = [(number("a", through="x", rotation=60.0), 1.0), (number("b", through="y", rotation=6.0), 1.0),
               (number("c", through="y", rotation=0.1), 1.0)]  # fmt: skip
    drawn = _drawn(Candidates(members, RotationParams()), 0.0, frozenset({"x"}))
    assert drawn.member.number == "b"
    assert drawn.probability == pytest.approx(0.95 * 6 / 6.1 + 0.025)


def test_all_busy_draws_nothing() -> None:
    assert Candidates(SIX, RotationParams()).draw(0.3, lines("x", "y", "z")) is None


@pytest.mark.parametrize(
    ("kind", "factor"), [(NumberType.LONG_CODE, 2.0), (NumberType.TOLL_FREE, 0.0), (NumberType.MOBILE, 1.0)]
)
def test_number_type_weights(kind: NumberType, factor: float) -> None:
    weights = SelectionPolicy(long_code_weight=1.0, toll_free_weight=0.0, mobile_weight=0.5)
    assert factor_of(number("n", kind=kind, base=2.0), weights) == factor


WEIGHTS = st.one_of(st.floats(1e-24, 1e3), st.just(1.0))
POOLS = st.lists(
    st.tuples(WEIGHTS, st.floats(0.01, 10.0), st.sampled_from(["x", "y", "z"])), min_size=1, max_size=12
).map(
    lambda rows: [
        (number(f"n{i}", through=line, rotation=rotation), factor) for i, (rotation, factor, line) in enumerate(rows)
    ]
)
BUSY = st.frozensets(st.sampled_from(["x", "y", "z"]), max_size=2)
PARAMS = st.builds(
    RotationParams, floor=st.sampled_from([0.0, 0.02, 0.05, 0.5, 1.0]), max_share=st.sampled_from([None, 0.3, 0.8])
)


@given(members=POOLS, busy=BUSY, params=PARAMS, u=st.floats(0.0, 1.0, exclude_max=True))
def test_the_probability_told_is_that_of_the_formula(
    members: Weighted, busy: frozenset[str], params: RotationParams, u: float
) -> None:
    drawn = Candidates(members, params).draw(u, lines(*busy))
    probabilities = expected(members, busy, params) if any(m.connection not in busy for m, _ in members) else {}
    if drawn is None:
        assert not probabilities
        return
    assert drawn.out_of == len(probabilities)
    assert math.isclose(drawn.probability, probabilities[drawn.member.number], rel_tol=1e-6, abs_tol=1e-9)


@given(members=POOLS, busy=BUSY, params=PARAMS)
def test_each_number_stands_for_as_much_of_the_unit_interval_as_its_probability(
    members: Weighted, busy: frozenset[str], params: RotationParams
) -> None:
    if all(member.connection in busy for member, _ in members):
        return
    measured = steps(Candidates(members, params), busy, of=500)
    for name, probability in expected(members, busy, params).items():
        assert measured.get(name, 0.0) == pytest.approx(probability, abs=2.1 / 500)
