"""When a contact may be called (SPEC 6): in every plausible zone, by the clock on its wall."""

from __future__ import annotations

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.calling_hours import Closed, Open, check
from outdial.rules.policy import EVERY_DAY_9_TO_20, CallingWindow

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
EVERY_DAY, WEEKDAYS = frozenset(range(7)), frozenset(range(5))


def window(days: frozenset[int], start: str, end: str) -> CallingWindow:
    return CallingWindow(days, time.fromisoformat(start), time.fromisoformat(end))


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def utc(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%a %d %b %H:%M")


ALWAYS = (window(EVERY_DAY, "00:00", "00:00"),)
NINE_TO_EIGHT = EVERY_DAY_9_TO_20
OFFICE = (window(WEEKDAYS, "09:00", "17:00"),)
SIESTA = (window(WEEKDAYS, "09:00", "13:00"), window(WEEKDAYS, "16:00", "20:00"))
NIGHT = (window(frozenset({FRI}), "22:00", "02:00"),)
NIGHT_IN_TWO = (window(frozenset({FRI}), "22:00", "00:00"), window(frozenset({SAT}), "00:00", "02:00"))
EARLY = (window(EVERY_DAY, "02:15", "02:45"),)
SPAIN, FLORIDA = ("Atlantic/Canary", "Europe/Madrid"), ("America/New_York", "America/Chicago")


@pytest.mark.parametrize(
    ("zones", "windows", "now", "opens", "what"),
    [
        (("Europe/London",), NINE_TO_EIGHT, "2026-01-14T09:00", None, "the first moment"),
        (("Europe/London",), NINE_TO_EIGHT, "2026-01-14T08:59:59", "Wed 14 Jan 09:00", "a second before"),
        (("Europe/London",), NINE_TO_EIGHT, "2026-01-14T19:59:59", None, "the last second"),
        (("Europe/London",), NINE_TO_EIGHT, "2026-01-14T20:00", "Thu 15 Jan 09:00", "the end is exclusive"),
        (("America/Los_Angeles",), NINE_TO_EIGHT, "2026-01-14T12:00", "Wed 14 Jan 17:00", "morning in California"),
        (("Australia/Sydney",), NINE_TO_EIGHT, "2026-01-14T12:00", "Wed 14 Jan 22:00", "evening in Sydney"),
        (("Asia/Kathmandu",), NINE_TO_EIGHT, "2026-01-14T00:00", "Wed 14 Jan 03:15", "quarter hours"),
        (SPAIN, NINE_TO_EIGHT, "2026-01-14T08:30", "Wed 14 Jan 09:00", "open in Madrid, not on the islands"),
        (SPAIN, NINE_TO_EIGHT, "2026-01-14T18:59", None, "open in both"),
        (SPAIN, NINE_TO_EIGHT, "2026-01-14T19:00", "Thu 15 Jan 09:00", "closed in Madrid"),
        (FLORIDA, NINE_TO_EIGHT, "2026-07-14T13:30", "Tue 14 Jul 14:00", "open in Miami, not in Pensacola"),
        (("Europe/London",), OFFICE, "2026-01-16T17:00", "Mon 19 Jan 09:00", "over the weekend"),
        (("Europe/Madrid",), SIESTA, "2026-01-14T13:30", "Wed 14 Jan 15:00", "siesta"),
        (("Europe/Madrid",), SIESTA, "2026-01-16T19:00", "Mon 19 Jan 08:00", "Friday evening"),
        (("Europe/London",), NIGHT, "2026-01-16T23:00", None, "Friday night"),
        (("Europe/London",), NIGHT, "2026-01-17T01:59", None, "belongs to Friday after midnight too"),
        (("Europe/London",), NIGHT, "2026-01-17T02:00", "Fri 23 Jan 22:00", "over for a week"),
        (("Europe/London",), NIGHT, "2026-01-16T01:00", "Fri 16 Jan 22:00", "the night before Friday is not Friday's"),
        (("Europe/London",), NIGHT_IN_TWO, "2026-01-17T01:59", None, "the same in two windows"),
        (("Europe/London",), (window(EVERY_DAY, "22:00", "00:00"),), "2026-01-14T23:59:59", None, "00:00 is midnight"),
        (("Pacific/Kiritimati",), (window(frozenset({MON}), "00:00", "00:00"),), "2026-01-11T10:00", None,
         "Monday has begun there, 14 hours ahead"),
        (("Pacific/Pago_Pago",), (window(frozenset({MON}), "00:00", "00:00"),), "2026-01-13T10:59", None,
         "and lasts longest here"),
        # the night of 29 March 2026: 02:00 becomes 03:00 in Berlin, at 01:00 UTC
        (("Europe/Berlin",), NINE_TO_EIGHT, "2026-03-28T19:00", "Sun 29 Mar 07:00", "an hour earlier than the day before"),
        (("Europe/Berlin",), EARLY, "2026-03-29T00:00", "Mon 30 Mar 00:15", "the window does not happen that night"),
        (("Europe/Berlin",), (window(EVERY_DAY, "02:30", "04:00"),), "2026-03-29T00:59", "Sun 29 Mar 01:00",
         "the clock jumps into the window"),
        # the night of 25 October 2026: 03:00 becomes 02:00 in Berlin, at 01:00 UTC
        (("Europe/Berlin",), EARLY, "2026-10-25T00:20", None, "the first time it is 02:20"),
        (("Europe/Berlin",), EARLY, "2026-10-25T00:50", "Sun 25 Oct 01:15", "between the two"),
        (("Europe/Berlin",), EARLY, "2026-10-25T01:20", None, "the second time"),
        (("Europe/Berlin",), EARLY, "2026-10-25T01:50", "Mon 26 Oct 01:15", "both are over"),
        (("Australia/Lord_Howe",), NINE_TO_EIGHT, "2026-04-04T12:00", "Sat 04 Apr 22:30", "half an hour of daylight saving ends"),
        (("Africa/Casablanca",), NINE_TO_EIGHT, "2026-03-01T08:30", "Sun 01 Mar 09:00", "Ramadan"),
        (("Africa/Casablanca",), NINE_TO_EIGHT, "2026-06-01T08:30", None, "not Ramadan"),
        (("Etc/Unknown", "Europe/London"), NINE_TO_EIGHT, "2026-01-14T12:00", None, "one zone is known, and it is open"),
    ],
)  # fmt: skip
def test_hours(
    zones: tuple[str, ...], windows: tuple[CallingWindow, ...], now: str, opens: str | None, what: str
) -> None:
    found = check(zones, windows, None, at(now))
    shown = None if isinstance(found, Open) else utc(found.next_opening) if found.next_opening is not None else "never"
    assert shown == opens, what


@pytest.mark.parametrize(
    ("zones", "fallback", "is_open"),
    [
        ((), None, False),
        (("Etc/Unknown",), None, False),
        ((), "Europe/London", True),
        (("Etc/Unknown",), "Europe/London", True),
        (("Asia/Tokyo",), "Europe/London", False),
        ((), "Mars/Olympus", False),
    ],
    ids=["no zone", "unknown zone", "fallback", "unknown zone, fallback", "fallback not needed", "bad fallback"],
)
def test_a_contact_without_a_zone_needs_a_fallback(zones: tuple[str, ...], fallback: str | None, is_open: bool) -> None:
    assert isinstance(check(zones, NINE_TO_EIGHT, fallback, at("2026-01-14T12:00")), Open) is is_open


def test_no_zone_and_no_fallback_is_never() -> None:
    assert check((), NINE_TO_EIGHT, None, at("2026-01-14T12:00")) == Closed(None)


def test_no_window_is_never() -> None:
    assert check(("Europe/London",), (), None, at("2026-01-14T12:00")) == Closed(None)


def test_zones_whose_hours_never_meet_are_never_open() -> None:
    coffee = (window(EVERY_DAY, "09:00", "09:30"),)
    assert check(("America/New_York", "America/Los_Angeles"), coffee, None, at("2026-01-14T12:00")) == Closed(None)


def test_zones_that_meet_only_in_one_season_open_then() -> None:
    coffee = (window(EVERY_DAY, "09:00", "09:30"),)
    found = check(("America/Phoenix", "America/Los_Angeles"), coffee, None, at("2026-01-14T12:00"))
    assert found == Closed(at("2026-03-08T09:00", "America/Phoenix"))


@pytest.mark.parametrize(
    ("windows", "always"),
    [
        (ALWAYS, True),
        ((window(EVERY_DAY, "00:00", "12:00"), window(EVERY_DAY, "12:00", "00:00")), True),
        ((window(EVERY_DAY, "09:00", "09:00"),), True),
        ((window(WEEKDAYS, "00:00", "00:00"), window(frozenset({SAT, SUN}), "00:00", "00:00")), True),
        ((window(WEEKDAYS, "00:00", "00:00"),), False),
        ((window(EVERY_DAY, "00:00", "23:59"),), False),
        ((window(EVERY_DAY, "00:01", "00:00"),), False),
    ],
)
def test_all_day_every_day_needs_no_zone(windows: tuple[CallingWindow, ...], always: bool) -> None:
    assert isinstance(check((), windows, None, at("2026-01-14T12:00")), Open) is always


ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "America/Phoenix", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
     "Africa/Casablanca", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Santiago"]
)  # fmt: skip
CLOCKS = st.times().map(lambda clock: clock.replace(second=0, microsecond=0, tzinfo=None))
WINDOWS = st.lists(
    st.builds(CallingWindow, st.frozensets(st.integers(0, 6), min_size=1), CLOCKS, CLOCKS), min_size=1, max_size=3
).map(tuple)
CHANGES = [
    at("2026-03-08T07:00"),
    at("2026-03-29T01:00"),
    at("2026-04-04T15:00"),
    at("2026-10-25T01:00"),
    at("2026-11-01T06:00"),
]
MOMENTS = st.floats(at("2026-01-01"), at("2027-01-01")) | st.builds(
    lambda change, away: change + away, st.sampled_from(CHANGES), st.floats(-90_000, 90_000)
)


def on_the_wall(name: str, windows: tuple[CallingWindow, ...], now: float) -> bool:
    """What the clock of one zone says, straight from the definition."""
    local = datetime.fromtimestamp(now, ZoneInfo(name))
    clock, today = local.time(), local.weekday()
    for one in windows:
        if one.end > one.start:
            holds = today in one.days and one.start <= clock < one.end
        else:
            holds = (today in one.days and clock >= one.start) or ((today - 1) % 7 in one.days and clock < one.end)
        if holds:
            return True
    return False


@given(st.lists(ZONES, min_size=1, max_size=3).map(tuple), WINDOWS, MOMENTS)
def test_open_is_what_every_clock_says(zones: tuple[str, ...], windows: tuple[CallingWindow, ...], now: float) -> None:
    now = float(int(now))
    found = check(zones, windows, None, now)
    assert isinstance(found, Open) == all(on_the_wall(name, windows, now) for name in zones)


@given(st.lists(ZONES, min_size=1, max_size=3).map(tuple), WINDOWS, MOMENTS)
def test_the_next_opening_is_the_first_open_moment(
    zones: tuple[str, ...], windows: tuple[CallingWindow, ...], now: float
) -> None:
    found = check(zones, windows, None, now)
    if isinstance(found, Open) or found.next_opening is None:
        return
    opening = found.next_opening
    assert opening > now
    assert check(zones, windows, None, opening) == Open()
    assert check(zones, windows, None, max(now, opening - 1)) == found
    for minute in range(int(now // 60) + 1, int(min(opening, now + 2 * 86_400) // 60), 7):
        assert not all(on_the_wall(name, windows, minute * 60.0) for name in zones)


@given(ZONES, MOMENTS)
def test_a_single_zone_with_a_window_opens_within_eight_days(name: str, now: float) -> None:
    found = check((name,), (window(frozenset({WED}), "10:00", "11:00"),), None, now)
    if isinstance(found, Closed):
        assert found.next_opening is not None
        assert found.next_opening - now < 8 * 86_400
