"""Overlays are the same area (SPEC 3.4)."""

from __future__ import annotations

from collections import Counter

import pytest

from outdial.rules.area_codes import area_of, complexes, is_geographic
from outdial.rules.ids import E164
from outdial.rules.phone import geography


@pytest.mark.parametrize(
    ("codes", "place"),
    [
        ("212 332 646 917", "Manhattan"),
        ("718 347 929 465", "the other boroughs of New York"),
        ("213 323 738", "Los Angeles"),
        ("312 773 872", "Chicago"),
        ("404 770 678 470 943", "Atlanta"),
        ("214 469 972 945", "Dallas"),
        ("713 281 832 346 621", "Houston"),
        ("305 786 645", "Miami"),
        ("602 480 623", "Phoenix"),
        ("440 436", "around Cleveland"),
        ("416 647 437 942", "Toronto"),
        ("514 438 263", "Montreal"),
        ("604 250 778 236 672 257", "British Columbia"),
        ("809 829 849", "Dominican Republic"),
    ],
)
def test_codes_of_one_place_are_one_area(codes: str, place: str) -> None:
    assert {area_of(code) for code in codes.split()} == {codes.split(maxsplit=1)[0]}, place


@pytest.mark.parametrize(
    ("one", "other"),
    [("212", "718"), ("917", "718"), ("216", "440"), ("206", "360"), ("206", "564"), ("407", "321"), ("416", "905"),
     ("514", "450"), ("213", "310"), ("817", "214"), ("202", "703")],
)  # fmt: skip
def test_neighbours_stay_apart(one: str, other: str) -> None:
    assert area_of(one) != area_of(other)


def test_a_code_without_overlays_stands_for_itself() -> None:
    assert [area_of(code) for code in ("216", "907", "808", "999")] == ["216", "907", "808", "999"]


def test_no_code_is_in_two_areas() -> None:
    assert [code for code, times in Counter(code for group in complexes() for code in group).items() if times > 1] == []
    assert all(len(group) > 1 for group in complexes())
    assert all(is_geographic(code) for group in complexes() for code in group)


@pytest.mark.parametrize("group", complexes(), ids="-".join)
def test_an_area_lies_in_one_country_and_keeps_one_time(group: tuple[str, ...]) -> None:
    places = {code: geography(E164(f"+1{code}5550143")) for code in group}
    assert {place.country for place in places.values()} <= {places[group[0]].country}
    assert {place.area_code for place in places.values()} == {group[0]}
    assert all(set(place.zones) & set(places[group[0]].zones) for place in places.values())


@pytest.mark.parametrize("code", ["800", "833", "844", "855", "866", "877", "888", "900", "700", "500", "521", "600"])
def test_service_codes_stand_for_no_place(code: str) -> None:
    assert not is_geographic(code)
