"""What outdial makes of the numbers and traps of tests/data/numbers.csv, and docs/reference/phone-numbers.md, which is
written from it: `python -m tests.rules.phone_page`. A test compares them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from outdial.rules.area_codes import areas_by_place
from outdial.rules.ids import E164
from outdial.rules.phone import geography
from outdial.rules.policy import SelectionPolicy
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "phone-numbers.md"
Row = dict[str, str]

ROWS: dict[str, Row] = {
    row["id"]: row
    for row in csv.DictReader((Path(__file__).parents[1] / "data" / "numbers.csv").read_text("utf-8").splitlines())
}


class Decision(NamedTuple):
    """Where outdial departs from what the library says of a row, and why."""

    zones: tuple[str, ...]
    reason: str


AUSTRALIA = ("Australia/Adelaide", "Australia/Brisbane", "Australia/Eucla", "Australia/Lord_Howe", "Australia/Perth", "Australia/Sydney")  # fmt: skip
_INVALID = "the library calls the range invalid and knows no zone: that of its region"
_CUT = "all zones of the calling code: cut down to the region's"
_WIDE = "more than 3 hours apart: no zone"
DECISIONS: dict[str, Decision] = {
    "14": Decision(("America/Jamaica",), _CUT),
    "16": Decision(("America/Nassau",), _INVALID),
    "18": Decision(("Atlantic/Bermuda",), _INVALID),
    "21": Decision(("Europe/London",), _INVALID),
    "22": Decision(("Europe/London",), _INVALID),
    "30": Decision(("Europe/Paris",), _INVALID),
    "34": Decision(("Europe/Dublin",), _INVALID),
    "39": Decision(AUSTRALIA, "without Christmas and Cocos, regions of their own; the rest is just 3 hours apart"),
    "40": Decision(AUSTRALIA, "as 39"),
    "41": Decision((), _WIDE),
    "42": Decision(("Asia/Almaty", "Asia/Aqtobe"), _CUT),
    "59": Decision(("Indian/Reunion",), _CUT),
    "T1": Decision((), _WIDE),
    "T2": Decision((), _WIDE),
    "T3": Decision((), _WIDE),
    "T4": Decision((), "belongs to no country"),
    "T5": Decision((), "belongs to no country"),
    "T16": Decision((), _WIDE),
    "T19": Decision((), "nobody has the area code yet: it may become any of 25 regions"),
    "T27": Decision(("Europe/Rome",), _INVALID),
    "T32": Decision(("Asia/Almaty", "Asia/Aqtobe"), _CUT),
    "T40": Decision(("Europe/London",), _INVALID),
    "T42": Decision(("Africa/Casablanca",), "the library says Canary, which is Spain; Morocco has one zone"),
}

TRAP_COUNTRY = {
    "T1": "US", "T2": "US", "T3": "US", "T4": None, "T5": None, "T6": "GB", "T7": "GB", "T11": "US", "T12": "US", "T14": "US",
    "T15": "GB", "T16": "US", "T17": "US", "T19": None, "T26": "IT", "T27": "IT", "T28": "GB", "T30": "AR", "T31": "AR",
    "T32": "KZ", "T33": "RU", "T34": "SJ", "T35": "AX", "T36": "VA", "T37": "CX", "T38": "GB", "T39": "GB", "T40": "GB",
    "T41": "US", "T42": "MA",
}  # fmt: skip
"""Toll-free and premium numbers of +1 count as US, as the library says: a US campaign's own toll-free number is one of
its country. IM and JE belong to the GB family. T42 lies in Western Sahara and is numbered by Morocco."""

REFUSED = {
    "T8": "impossible", "T9": "impossible", "T10": "impossible", "T13": "country code", "T18": "impossible",
    "T20": "country code", "T21": "impossible", "T22": "write digits", "T23": "write digits", "T24": "write digits",
    "T25": "write digits", "T29": "impossible",
}  # fmt: skip
"""What can never be called, with a word of the message."""


INTRODUCTION = f"""# Phone numbers

What the digits of a number say, for contacts and for the numbers of a pool alike: `src/outdial/rules/phone.py`, on the
data of `phonenumbers`. This page is written from the code and from the tables that its tests are held to.

- **Taken or refused.** What cannot exist (too long, too short, no such country code) is refused. What its plan merely
  calls invalid is taken: plans know neither fiction ranges nor what was opened after they were published. Its leading
  digits say where it belongs.
- **Country** is the region: the United States, Canada and Puerto Rico differ although all are +1. `GB`, `GG`, `JE` and
  `IM` are one family, when numbers are matched and in `allowed_countries`.
- **Toll-free and premium numbers of +1 count as US**, as the library says. A campaign in the US thus draws its toll-free
  numbers beside its long codes, in proportion to `toll_free_weight`; if they had no country, country match would never
  reach them and that weight would mean nothing. A contact in Canada gets them from the whole pool only. +800, +870 and
  their like belong to no country.
- **Zones** are those that the library gives, cut down to those of the region (IANA time zone database). Zones more than
  3 hours apart say nothing about where a number is: it then has none, is near to nobody, and calling hours need the
  campaign's `fallback_time_zone`. An operator who knows better sets the number's `time_zone`.
- **Near** means: the smallest difference of UTC offsets is at most `near_time_zone_hours` ({SelectionPolicy().near_time_zone_hours:g}) at the moment of
  dialling, daylight saving included.
- **Type**: toll-free and mobile as the library says; all else, all ordinary numbers of +1 among it, is a long code. An
  operator who knows better sets `number_type`.
- **Area code** exists in +1 only, for codes that stand for a place. Overlays are the same area, see below.
"""

AREAS = """## Area codes that are one area

Of each group the first stands for all; a code that is not here stands for itself. Established
from the public overlay assignments of the North American Numbering Plan Administrator, the Canadian Numbering
Administrator and the decisions of state commissions, up to February 2027; checked against the administrator's list of
codes in service (July 2026) and the library's regions.
"""


def render() -> str:
    """The whole page."""
    parts = [
        INTRODUCTION,
        "## Where outdial departs from the library\n",
        table(("number", "country", "zones", "why"), map(_departure, DECISIONS)),
        "## Traps\n\nNumbers that look like something else.\n",
        table(("trap", "what becomes of it", "what it is"), map(_trap, [*TRAP_COUNTRY, *REFUSED])),
        AREAS,
        table(("place", "areas"), ((place, _areas(groups)) for place, groups in areas_by_place().items())),
    ]
    return "\n".join(parts)


def _departure(name: str) -> Sequence[str]:
    row, decision = ROWS[name], DECISIONS[name]
    country = geography(E164(row["e164"])).country
    zones = ", ".join(decision.zones) or "none"
    return _title(row), country or "none", zones, decision.reason


def _title(row: Row) -> str:
    if row["kind"] != "number":
        return row["kind"].removeprefix("trap: ")
    return f"{row['expected_region']}, {row['number_type'].replace('_', ' ')} (row {row['id']})"


def _trap(name: str) -> Sequence[str]:
    row = ROWS[name]
    if name in REFUSED:
        return _title(row), "refused", row["note"]
    country = TRAP_COUNTRY[name]
    return _title(row), f"taken, country {country}" if country else "taken, of no country", row["note"].rstrip("?")


def _areas(groups: Iterable[Sequence[str]]) -> str:
    return " · ".join(" ".join(group) for group in groups)


if __name__ == "__main__":
    PAGE.write_text(render())
