"""Phone numbers: what is one, where it belongs, what kind it is.

Everything comes from the digits by `phonenumbers` (its geocoder and carrier parts are never loaded: 3.6 s and 94 MB).
Numbers that the library calls invalid but possible (fiction ranges, plans newer than its data) are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, timezone

from outdial.rules.area_codes import area_of
from outdial.rules.ids import E164
from outdial.rules.pool import Geography, NumberType
from outdial.rules.region_zones import TODAYS_NAME, ZONES_OF_REGION
from outdial.rules.time_zones import offsets_s

_FAMILIES: Final = {"GG": "GB", "JE": "GB", "IM": "GB"}
"""Regions that count as one country (SPEC 3.4). US and CA, though both +1, do not."""
_NANP, _NANP_DIGITS = 1, 10
MAX_SPREAD_S = 3 * 3600
"""Zones further apart than this say nothing about where a number is (toll-free, some mobiles)."""
_WINTER, _SUMMER = 1_768_478_400.0, 1_784_116_800.0
"""Noon UTC of 15 January and 15 July 2026: zones are compared in both, so that the spread depends on no date."""
_NON_GEOGRAPHIC: Final = "001"


class BadNumber(ValueError):
    """Not a phone number that could be dialled; the message shows at most the last two digits."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A number taken apart once."""

    e164: E164
    region: str | None
    """ISO 3166 region as the library or the calling code says, families not folded."""


def masked(text: str) -> str:
    """Digits hidden but the last two, for messages."""
    digits = [c for c in text if c.isdigit()]
    return f"…{''.join(digits[-2:])} ({len(digits)} digits)" if digits else repr(text[:20])


def normalize(text: str, default_region: str | None = None) -> E164:
    """The number in E.164, extensions dropped. Raises `BadNumber` naming what is wrong and the cure."""
    try:
        number = phonenumbers.parse(text, default_region)
    except phonenumbers.NumberParseException as error:
        cure = "write it in E.164: + and country code" if error.error_type == 0 else "write digits only, with + first"
        raise BadNumber(f"{masked(text)} is not a phone number ({cure})") from None
    if not phonenumbers.is_possible_number(number):
        raise BadNumber(f"{masked(text)} is no possible phone number (check its length and country code)")
    number.extension = None
    return E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def is_possible(e164: str) -> bool:
    """Whether the text is a possible number exactly in E.164 form."""
    try:
        return normalize(e164) == e164
    except BadNumber:
        return False


def family(country: str) -> str:
    """The country that a region counts as: GB for GG, JE and IM, else itself."""
    return _FAMILIES.get(country.upper(), country.upper())


@lru_cache(maxsize=65_536)
def geography(e164: E164) -> Geography:
    """Where the number belongs. A number that cannot be parsed belongs nowhere."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return Geography(None, None, ())
    region = _region(number)
    return Geography(family(region) if region else None, _area_code(number), _zones(number, region))


def _region(number: PhoneNumber) -> str | None:
    region = phonenumbers.region_code_for_number(number)
    if region == _NON_GEOGRAPHIC:
        return None
    if region is not None or number.country_code == _NANP:
        return region  # +1 is shared by 25 countries: an unknown area code tells nothing
    main = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if main in ("ZZ", _NON_GEOGRAPHIC) else main


def _area_code(number: PhoneNumber) -> str | None:
    national = str(number.national_number)
    if number.country_code != _NANP or len(national) != _NANP_DIGITS:
        return None
    toll_free = phonenumbers.number_type(number) is PhoneNumberType.TOLL_FREE
    return None if toll_free else area_of(national[:3])


def _zones(number: PhoneNumber, region: str | None) -> tuple[str, ...]:
    given = [TODAYS_NAME.get(name, name) for name in timezone.time_zones_for_number(number)]
    known = [name for name in given if name != timezone.UNKNOWN_TIMEZONE]
    if region is not None:
        of_region = ZONES_OF_REGION.get(region, frozenset())
        known = [name for name in known if name in of_region] or known or sorted(of_region)
    return tuple(known) if _is_telling(known) else ()


@lru_cache(maxsize=4096)
def _spread_s(zones: tuple[str, ...]) -> float:
    return max(max(o) - min(o) for moment in (_WINTER, _SUMMER) if (o := offsets_s(zones, moment) or [0.0]))


def _is_telling(zones: list[str]) -> bool:
    return bool(zones) and _spread_s(tuple(zones)) <= MAX_SPREAD_S


@lru_cache(maxsize=65_536)
def number_type(e164: E164) -> NumberType:
    """What the operator's type weights tell apart. "Fixed line or mobile" (all of NANP) counts as a long code."""
    match phonenumbers.number_type(phonenumbers.parse(e164)):
        case PhoneNumberType.TOLL_FREE:
            return NumberType.TOLL_FREE
        case PhoneNumberType.MOBILE:
            return NumberType.MOBILE
        case _:
            return NumberType.LONG_CODE
