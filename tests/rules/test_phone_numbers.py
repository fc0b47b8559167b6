"""What outdial makes of phone numbers: every number and trap of tests/data/numbers.csv, and the decisions behind them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.ids import E164
from outdial.rules.phone import (
    BadNumber,
    family,
    geography,
    is_possible,
    masked,
    normalize,
    number_type,
    numbering_plan,
)
from outdial.rules.pool import Geography, NumberType
from outdial.rules.time_zones import offsets_s
from tests.rules.phone_page import DECISIONS, PAGE, REFUSED, ROWS, TRAP_COUNTRY, Row, render

JANUARY, JULY = 1_768_478_400.0, 1_784_116_800.0


def number_of(row: Row) -> E164:
    return normalize(row["input"], row["default_region"] or None)


def place_of(row: Row) -> Geography:
    return geography(number_of(row))


def offsets(zones: tuple[str, ...]) -> list[set[float]]:
    return [set(offsets_s(zones, moment)) for moment in (JANUARY, JULY)]


TAKEN = sorted(set(ROWS) - set(REFUSED))


def test_the_tables_speak_of_every_row() -> None:
    assert len(ROWS) == 102
    traps = {name for name in ROWS if name.startswith("T")}
    assert traps == set(TRAP_COUNTRY) | set(REFUSED)
    assert set(DECISIONS) <= set(ROWS)


def test_the_page_says_the_same() -> None:
    assert PAGE.read_text() == render(), "write it anew: python -m tests.rules.phone_page"


@pytest.mark.parametrize("name", TAKEN)
def test_a_number_is_written_in_e164(name: str) -> None:
    assert number_of(ROWS[name]) == ROWS[name]["e164"]


@pytest.mark.parametrize("name", TAKEN)
def test_a_number_belongs_to_its_country(name: str) -> None:
    expected = TRAP_COUNTRY[name] if name in TRAP_COUNTRY else family(ROWS[name]["expected_region"])
    assert place_of(ROWS[name]).country == expected


@pytest.mark.parametrize("name", TAKEN)
def test_a_number_keeps_the_time_of_its_place(name: str) -> None:
    zones = place_of(ROWS[name]).zones
    if name in DECISIONS:
        assert sorted(zones) == sorted(DECISIONS[name].zones), DECISIONS[name].reason
    else:  # legacy names such as Asia/Calcutta differ, their offsets do not
        assert offsets(zones) == offsets(tuple(ROWS[name]["time_zones"].split("|")))


@pytest.mark.parametrize("name", [name for name in DECISIONS if DECISIONS[name].zones])
def test_a_decision_is_one(name: str) -> None:
    given_by_library = tuple(ROWS[name]["time_zones"].split("|"))
    assert offsets(DECISIONS[name].zones) != offsets(given_by_library)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_called_is_refused(name: str) -> None:
    with pytest.raises(BadNumber, match=REFUSED[name]):
        number_of(ROWS[name])


@pytest.mark.parametrize("name", [name for name in TAKEN if ROWS[name]["is_valid"] == "False"])
def test_merely_invalid_is_no_reason_to_refuse(name: str) -> None:
    assert is_possible(ROWS[name]["e164"])


@pytest.mark.parametrize("name", TAKEN)
def test_only_what_the_library_calls_mobile_is_mobile(name: str) -> None:
    by_library = {"mobile": NumberType.MOBILE, "toll_free": NumberType.TOLL_FREE}
    assert number_type(number_of(ROWS[name])) is by_library.get(ROWS[name]["number_type"], NumberType.LONG_CODE)


@pytest.mark.parametrize(
    ("text", "possible", "why"),
    [
        ("+12025550143", True, ""),
        ("+447700900143", True, "invalid by the plan, but possible"),
        ("12025550143", False, "no plus"),
        ("+1 202 555 0143", False, "not E.164 as it stands"),
        ("+1202555014399", False, "too long"),
        ("+4402079460143", False, "E.164 has no trunk zero"),
        ("", False, "empty"),
        ("+", False, "no digits"),
        ("+12025550143;ext=77", False, "an extension cannot be dialled"),
        ("\u0000", False, "no digits"),
    ],
)
def test_a_job_names_its_contact_in_e164(text: str, possible: bool, why: str) -> None:
    assert is_possible(text) is possible, why


@pytest.mark.parametrize(
    ("number", "area"),
    [
        ("+12125550143", "212"),
        ("+19175550143", "212"),
        ("+16465550143", "212"),
        ("+17185550143", "718"),
        ("+15875550143", "403"),
        ("+18005550199", None),
        ("+18335550143", None),
        ("+19005550143", None),
        ("+15005550143", None),
        ("+12385550143", None),
        ("+12120550143", "212"),
        ("+442079460143", None),
    ],
)
def test_the_area_code_stands_for_the_place(number: str, area: str | None) -> None:
    assert geography(E164(number)).area_code == area


def test_an_invalid_number_of_a_known_area_belongs_there() -> None:
    assert geography(E164("+12120550143")) == Geography("US", "212", ("America/New_York",))
    assert geography(E164("+16040550143")) == Geography("CA", "604", ("America/Vancouver",))


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+74012345678", "Europe/Kaliningrad"),  # Bucharest, to the library
        ("+50581234567", "America/Managua"),  # Chicago
        ("+213551234567", "Africa/Algiers"),  # Paris
        ("+970599123456", "Asia/Gaza Asia/Hebron"),  # Bucharest
        ("+37061234567", "Europe/Vilnius"),  # Bucharest
    ],
)
def test_zones_of_another_country_are_not_believed(number: str, zones: str) -> None:
    assert geography(E164(number)).zones == tuple(zones.split())


@pytest.mark.parametrize(
    ("number", "place"),
    [
        ("+14835550143", Geography("US", "334", ("America/Chicago",))),  # the library does not know the code yet
        ("+14655550143", Geography("US", "718", ("America/New_York",))),
        ("+16895550143", Geography("US", "407", ("America/Chicago", "America/New_York"))),  # it says Chicago only
        ("+14745550143", Geography("CA", "306", ("America/Winnipeg", "America/Regina"))),  # it says Winnipeg only
        ("+16585550143", Geography("JM", "876", ("America/Jamaica",))),
    ],
)
def test_an_overlay_also_keeps_the_time_of_the_code_it_lies_over(number: str, place: Geography) -> None:
    assert geography(E164(number)) == place


@pytest.mark.parametrize("text", ["", "x", "+", "+0", "+6935550143", "client:alice", "+1201", "+12385550143"])
def test_what_is_no_number_belongs_nowhere(text: str) -> None:
    assert geography(E164(text)) == Geography(None, None, ())
    assert number_type(E164(text)) is NumberType.LONG_CODE
    assert numbering_plan(E164(text)).region is None


@pytest.mark.parametrize(
    ("region", "country"),
    [("GB", "GB"), ("GG", "GB"), ("JE", "GB"), ("IM", "GB"), ("im", "GB"), ("US", "US"), ("CA", "CA"), ("PR", "PR")],
)
def test_regions_fold_into_families(region: str, country: str) -> None:
    assert family(region) == country


@pytest.mark.parametrize("text", ["+310000000", "+3100000000"])
def test_a_number_that_loses_a_zero_each_time_it_is_read_is_refused(text: str) -> None:
    with pytest.raises(BadNumber, match="impossible"):
        normalize(text)


def test_an_error_names_the_field_the_value_and_the_cure_without_the_number() -> None:
    with pytest.raises(BadNumber) as caught:
        normalize("+1202555014399", field="to")
    assert str(caught.value) == (
        "to: …99 (13 digits) is an impossible phone number (check its length and its country code)"
    )
    assert (caught.value.code, caught.value.field) == ("impossible_number", "to")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+12025550143", "…43 (11 digits)"),
        ("+１２０２５５５０１４３", "…４３ (11 digits)"),
        ("911", "… (3 digits)"),
        ("anonymous", "'anonymous'"),
        ("sip:bob@example.com", "'sip:…'"),
        ("client:alice", "'client:…'"),
        ("", "''"),
    ],
)
def test_messages_hide_whom_they_speak_of(text: str, shown: str) -> None:
    assert masked(text) == shown


@given(st.text(max_size=300))
def test_what_messages_show_of_a_text_with_digits_is_at_most_two_of_them(text: str) -> None:
    given = sum(c.isdigit() for c in text)
    shown, _, count = masked(text).partition(" (")
    assert given == 0 or (sum(c.isdigit() for c in shown) <= 2 and count == f"{given} digits)")


@given(st.text(max_size=300) | st.from_regex(r"\+?[0-9 ()-]{4,20}", fullmatch=True))
def test_any_text_is_a_number_or_a_bad_number(text: str) -> None:
    try:
        number = normalize(text)
    except BadNumber:
        assert not is_possible(text)
    else:
        assert normalize(number) == number
        assert is_possible(number)


@given(st.from_regex(r"\+[1-9][0-9]{1,16}", fullmatch=True))
def test_every_place_makes_sense(text: str) -> None:
    place = geography(E164(text))
    assert place.country is None or (place.country == family(place.country) and len(place.country) == 2)
    assert place.area_code is None or text.startswith("+1")
    assert place.country is not None or not place.zones
    for found in offsets(place.zones):
        assert not found or max(found) - min(found) <= 3 * 3600
