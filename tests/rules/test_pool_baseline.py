"""What an average number of the pool gets answered: h = (Y + 3) / (X + 3 / h_pool), h_pool = (sum Y + 1.2) / (sum X + 10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.policy import RotationParams
from outdial.rules.rotation import BaselineSums, PoolBaseline

P = RotationParams()
NOW = 1_790_000_000.0
HOUR = 3600.0


def baseline(**sums: tuple[float, float, float]) -> PoolBaseline:
    """Keys like `US_first`; values are Y, X and the age in hours."""
    return PoolBaseline(
        {
            (name.split("_")[0], name.split("_")[1]): BaselineSums(y, x, NOW - age * HOUR)
            for name, (y, x, age) in sums.items()
        }
    )


@pytest.mark.parametrize(
    ("pool", "country", "klass", "rate", "how"),
    [
        (PoolBaseline(), "US", "first", 0.12, "12 % before any data"),
        (PoolBaseline(), "", "retry", 0.12, "unknown country"),
        (baseline(US_first=(20, 90, 0)), "US", "first", 23 / (90 + 3 / (21.2 / 100)), "h_pool = 21.2/100"),
        (baseline(US_first=(20, 90, 0)), "CA", "first", 21.2 / 100, "a new country starts from the pool"),
        (baseline(US_first=(20, 90, 0)), "US", "retry", 21.2 / 100, "so do retries"),
        (baseline(US_first=(20, 90, 6)), "US", "first", 13 / (45 + 3 / (11.2 / 55)), "after six hours half is left"),
        (baseline(US_first=(20, 90, 0), US_retry=(4, 50, 6)), "US", "retry", 5 / (25 + 3 / (23.2 / 125)), "each by its age"),
        (baseline(US_first=(20, 90, 5_000)), "US", "first", 0.12, "in the end everything is forgotten"),
    ],
)  # fmt: skip
def test_the_rate(pool: PoolBaseline, country: str, klass: str, rate: float, how: str) -> None:
    assert pool.rate(country, klass, NOW, P) == pytest.approx(rate), how


def test_an_outcome_counts_with_the_index_of_its_number() -> None:
    before = baseline(US_first=(20, 90, 6), CA_first=(1, 8, 0))
    after = before.observe("US", "first", True, 1.4, NOW, P)
    assert after.sums["US", "first"] == BaselineSums(11.0, 46.4, NOW)
    assert after.sums["CA", "first"] == before.sums["CA", "first"]
    assert before.sums["US", "first"].y == 20, "values are never changed"
    missed = after.observe("US", "first", False, 0.5, NOW, P)
    assert (missed.sums["US", "first"].y, missed.sums["US", "first"].x) == pytest.approx((11.0, 46.9))


def test_a_first_outcome_makes_the_row() -> None:
    assert PoolBaseline().observe("GB", "retry", True, 1.0, NOW, P).sums == {
        ("GB", "retry"): BaselineSums(1.0, 1.0, NOW)
    }


def test_one_row_folds_as_the_whole_does() -> None:
    """Settling reads and writes only the rows that it touches."""
    whole = baseline(US_first=(20, 90, 6), CA_first=(1, 8, 1)).observe("CA", "first", True, 0.8, NOW, P)
    row = baseline(CA_first=(1, 8, 1)).sums["CA", "first"].observe(True, 0.8, NOW, P)
    assert whole.sums["CA", "first"] == row


def test_numbers_that_get_worse_together_show_in_the_baseline() -> None:
    pool, now = PoolBaseline(), NOW
    for n in range(400):
        pool, now = pool.observe("US", "first", n % 5 == 0, 1.0, now, P), now + 60
    good = pool.rate("US", "first", now, P)
    for n in range(400):
        pool, now = pool.observe("US", "first", n % 20 == 0, 1.0, now, P), now + 60
    assert good == pytest.approx(0.2, abs=0.02)
    assert pool.rate("US", "first", now, P) == pytest.approx(0.09, abs=0.02)


@given(
    st.lists(
        st.tuples(st.sampled_from(["US", "CA", ""]), st.booleans(), st.floats(0.05, 5.0), st.floats(0, 40 * HOUR)),
        max_size=50,
    )
)
def test_forgetting_when_read_is_forgetting_all_the_time(outcomes: list[tuple[str, bool, float, float]]) -> None:
    pool, now = PoolBaseline(), NOW
    eager = {"US": (0.0, 0.0), "CA": (0.0, 0.0), "": (0.0, 0.0)}
    for country, answered, index, later in outcomes:
        now += later
        for key, (y, x) in eager.items():
            kept = 0.5 ** (later / (6 * HOUR))
            eager[key] = (y * kept, x * kept)
        y, x = eager[country]
        eager[country] = (y + answered, x + index)
        pool = pool.observe(country, "first", answered, index, now, P)
    h_pool = (sum(y for y, _ in eager.values()) + 1.2) / (sum(x for _, x in eager.values()) + 10)
    for country, (y, x) in eager.items():
        assert pool.rate(country, "first", now, P) == pytest.approx((y + 3) / (x + 3 / h_pool), rel=1e-9)
