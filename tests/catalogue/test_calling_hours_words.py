"""Calling hours as an operator may write them, and what the rules make of each."""

from __future__ import annotations

from datetime import time

import pytest

from outdial.catalogue.hours import BadHours, normalise, windows
from outdial.rules.policy import CallingWindow

NINE, EIGHT_PM, MIDNIGHT = time(9), time(20), time(0)
EVERY_DAY = frozenset(range(7))

WRITTEN = [
    ("always", [(EVERY_DAY, MIDNIGHT, MIDNIGHT)]),
    ({"start": "09:00", "end": "20:00"}, [(EVERY_DAY, NINE, EIGHT_PM)]),
    ({"days": "every day", "start": "09:00", "end": "24:00"}, [(EVERY_DAY, NINE, MIDNIGHT)]),
    ({"days": "mon-fri", "start": "09:00", "end": "20:00"}, [({0, 1, 2, 3, 4}, NINE, EIGHT_PM)]),
    ({"days": "Sat, sun", "start": "09:00", "end": "00:00"}, [({5, 6}, NINE, MIDNIGHT)]),
    ({"days": "fri-mon", "start": "09:00", "end": "20:00"}, [({4, 5, 6, 0}, NINE, EIGHT_PM)]),
    ({"days": "sun-sun,wed", "start": time(9), "end": time(20)}, [({6, 2}, NINE, EIGHT_PM)]),
    (
        [{"days": "mon", "start": "22:00", "end": "24:00"}, {"days": "tue", "start": "00:00", "end": "02:00"}],
        [({0}, time(22), MIDNIGHT), ({1}, MIDNIGHT, time(2))],
    ),
]


@pytest.mark.parametrize(("written", "expected"), WRITTEN, ids=[str(w[0])[:50] for w in WRITTEN])
def test_hours_are_read_as_written(
    written: object, expected: list[tuple[set[int] | frozenset[int], time, time]]
) -> None:
    assert windows(normalise(written)) == tuple(CallingWindow(frozenset(d), start, end) for d, start, end in expected)


@pytest.mark.parametrize(("written", "_expected"), WRITTEN, ids=[str(w[0])[:50] for w in WRITTEN])
def test_the_stored_form_is_a_form_that_can_be_written(written: object, _expected: object) -> None:
    assert normalise(normalise(written)) == normalise(written)


REFUSED = [
    ("never", 'must be "always", a window'),
    ([], "pause the campaign instead"),
    ([9], "each window must look like"),
    ({"start": "09:00"}, "end is missing"),
    ({"start": "9:00", "end": "20:00"}, 'start must be a time of day like "09:00"'),
    ({"start": "24:00", "end": "20:00"}, "start must be a time of day"),
    ({"start": "09:00", "end": "24:30"}, "end must be a time of day"),
    ({"start": "09:00", "end": "25:00"}, "end must be a time of day"),
    ({"start": 9, "end": "20:00"}, "not 9"),
    ({"start": "22:00", "end": "06:00"}, "write two windows"),
    ({"start": "09:00", "end": "09:00"}, "write two windows"),
    ({"days": "mon-fry", "start": "09:00", "end": "20:00"}, '"mon-fry" is no day'),
    ({"days": "", "start": "09:00", "end": "20:00"}, "is no day"),
    ({"days": 5, "start": "09:00", "end": "20:00"}, "days must be text"),
    ({"day": "mon", "start": "09:00", "end": "20:00"}, "not 'day'"),
]


@pytest.mark.parametrize(("written", "message"), REFUSED, ids=[str(r[0])[:50] for r in REFUSED])
def test_what_cannot_be_meant_is_refused(written: object, message: str) -> None:
    with pytest.raises(BadHours) as caught:
        normalise(written)
    assert message in str(caught.value)
