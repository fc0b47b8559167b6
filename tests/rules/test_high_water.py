"""A queue stops at its mark and goes on only well below it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.high_water import is_above


@pytest.mark.parametrize(
    ("waiting", "was_above", "is_now"),
    [(99, False, False), (100, False, True), (99, True, True), (90, True, True), (89, True, False), (0, True, False)],
)
def test_it_holds_from_the_mark_down_to_nine_tenths(waiting: int, was_above: bool, is_now: bool) -> None:
    assert is_above(waiting, 100, was_above) is is_now


@given(st.integers(1, 10**7), st.lists(st.integers(0, 2 * 10**7)))
def test_above_the_mark_it_is_never_consumed(mark: int, counts: list[int]) -> None:
    above = False
    for count in counts:
        above = is_above(count, mark, above)
        assert above or count < mark
