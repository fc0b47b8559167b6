"""Near or not at the moment of dialling (SPEC 3.4): offsets as they are then, daylight saving included."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.region_zones import TODAYS_NAME, ZONES_OF_REGION
from outdial.rules.time_zones import near, offset_s, offsets_s, zone

ZONES = sorted({name for names in ZONES_OF_REGION.values() for name in names})
MOMENTS = st.integers(0, 2_000_000_000).map(float)
SOME_ZONES = st.lists(st.sampled_from(ZONES), max_size=4).map(tuple)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "when", "hours", "what"),
    [
        ("America/New_York", "2026-03-08T06:59", -5.0, "a minute before the clocks go forward"),
        ("America/New_York", "2026-03-08T07:00", -4.0, "at that moment"),
        ("America/New_York", "2026-11-01T06:00", -5.0, "back again"),
        ("America/Phoenix", "2026-07-01T12:00", -7.0, "Arizona keeps its clocks"),
        ("Asia/Kolkata", "2026-07-01T12:00", 5.5, "India"),
        ("Asia/Kathmandu", "2026-07-01T12:00", 5.75, "Nepal"),
        ("America/St_Johns", "2026-01-15T12:00", -3.5, "Newfoundland"),
        ("Australia/Lord_Howe", "2026-01-15T12:00", 11.0, "Lord Howe in summer"),
        ("Australia/Lord_Howe", "2026-07-01T12:00", 10.5, "its daylight saving is half an hour"),
        ("Africa/Casablanca", "2026-03-01T12:00", 0.0, "Morocco in Ramadan"),
        ("Africa/Casablanca", "2026-06-01T12:00", 1.0, "Morocco otherwise"),
        ("Europe/London", "2026-03-29T00:45", 0.0, "the quarter before"),
        ("Europe/London", "2026-03-29T01:00", 1.0, "summer time"),
    ],
)
def test_offsets_are_those_of_the_moment(name: str, when: str, hours: float, what: str) -> None:
    assert offset_s(name, at(when)) == hours * 3600, what


@pytest.mark.parametrize(
    ("numbers", "contacts", "when", "hours", "is_near", "what"),
    [
        ("America/New_York", "America/Chicago", "2026-07-01T12:00", 1.0, True, "an hour apart"),
        ("America/New_York", "America/Denver", "2026-07-01T12:00", 1.0, False, "two hours"),
        ("America/New_York", "America/Denver", "2026-07-01T12:00", 2.0, True, "two hours are allowed"),
        ("America/Phoenix", "America/Los_Angeles", "2026-07-01T12:00", 0.0, True, "Arizona in summer: as in California"),
        ("America/Phoenix", "America/Los_Angeles", "2026-01-01T12:00", 0.0, False, "in winter: as in Denver"),
        ("America/Phoenix", "America/Denver", "2026-01-01T12:00", 0.0, True, "in winter: as in Denver"),
        ("Europe/London", "America/New_York", "2026-03-20T12:00", 4.0, True, "the weeks in March when only the US has changed"),
        ("Europe/London", "America/New_York", "2026-03-01T12:00", 4.0, False, "before"),
        ("Europe/London", "America/New_York", "2026-04-01T12:00", 4.0, False, "after"),
        ("Asia/Kolkata", "Asia/Kathmandu", "2026-07-01T12:00", 0.25, True, "a quarter of an hour"),
        ("Asia/Kolkata", "Asia/Kathmandu", "2026-07-01T12:00", 0.2, False, "is more than twelve minutes"),
        ("Asia/Calcutta", "Asia/Kolkata", "2026-07-01T12:00", 0.0, True, "legacy names are compared by offset"),
        ("Africa/Lagos", "Europe/Paris", "2026-01-15T12:00", 0.0, True, "another continent at the same time"),
        ("Pacific/Auckland", "Pacific/Honolulu", "2026-07-01T12:00", 2.0, False, "a day apart is not near"),
        ("Atlantic/Canary Europe/Madrid", "Europe/London", "2026-01-15T12:00", 0.0, True, "the smallest difference counts"),
        ("Europe/Madrid", "", "2026-01-15T12:00", 14.0, False, "a contact without a zone is near to nothing"),
        ("", "Europe/Madrid", "2026-01-15T12:00", 14.0, False, "nor is a number without"),
        ("Etc/Unknown", "Europe/Madrid", "2026-01-15T12:00", 14.0, False, "a zone that nobody knows"),
    ],
)  # fmt: skip
def test_near(numbers: str, contacts: str, when: str, hours: float, is_near: bool, what: str) -> None:
    assert near(tuple(numbers.split()), tuple(contacts.split()), at(when), hours) is is_near, what


@given(st.sampled_from(ZONES), st.integers(1_400_000_000, 2_000_000_000).map(float))
def test_an_offset_is_what_the_time_zone_database_says(name: str, moment: float) -> None:
    utcoffset = datetime.fromtimestamp(moment, ZoneInfo(name)).utcoffset()
    assert utcoffset is not None
    assert offset_s(name, moment) == utcoffset.total_seconds()


@given(SOME_ZONES, SOME_ZONES, MOMENTS, st.floats(0, 14))
def test_nearness_is_mutual_and_grows_with_the_hours(
    ours: tuple[str, ...], theirs: tuple[str, ...], now: float, hours: float
) -> None:
    assert near(ours, theirs, now, hours) == near(theirs, ours, now, hours)
    assert not near(ours, theirs, now, hours) or near(ours, theirs, now, hours + 1)
    assert near(ours, ours, now, 0) == bool(ours)


def test_every_zone_of_the_table_is_known_here() -> None:
    assert [name for name in ZONES if zone(name) is None] == []
    assert set(TODAYS_NAME.values()) <= set(ZONES)
    assert all(offsets_s((old, new), at("2026-07-01T12:00"))[:1] * 2 == offsets_s((old, new), at("2026-07-01T12:00"))
               for old, new in TODAYS_NAME.items() if zone(old) is not None)  # fmt: skip


@pytest.mark.parametrize("name", ["Etc/Unknown", "", "Mars/Olympus", "../../etc/passwd", "/etc/localtime"])
def test_what_is_no_zone_has_no_offset(name: str) -> None:
    assert zone(name) is None
    assert offset_s(name, 0.0) is None


def test_offsets_change_on_whole_quarters_only() -> None:
    """What lets one quarter of an hour stand for all of its moments."""
    year = range(int(at("2026-01-01T00:00")), int(at("2027-01-01T00:00")), 86_400)
    for name in sorted(available_timezones() & set(ZONES)):
        one = ZoneInfo(name)
        for day in year:
            low, high = day, day + 86_400
            before = datetime.fromtimestamp(low, one).utcoffset()
            if before == datetime.fromtimestamp(high, one).utcoffset():
                continue
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (
                    (middle, high) if datetime.fromtimestamp(middle, one).utcoffset() == before else (low, middle)
                )
            assert high % 900 == 0, (name, high)
