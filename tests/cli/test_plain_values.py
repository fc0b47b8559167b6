"""Values as JSON: times by their names, and no memory of names that producers chose."""

from __future__ import annotations

from outdial.operator.plain import as_data, is_time


def test_times_are_told_by_their_names_also_in_maps_of_producers() -> None:
    value = {"since": 0.5, "metadata": {"called_at": 1.0, "colour": 2.0}}
    assert as_data(value) == {
        "since": "1970-01-01T00:00:00.500Z",
        "metadata": {"called_at": "1970-01-01T00:00:01.000Z", "colour": 2.0},
    }


def test_names_that_producers_choose_are_forgotten_again() -> None:
    names = 20_000
    for n in range(names):
        as_data({f"order-{n}": 1.0})
    assert is_time.cache_info().currsize < names / 2
