"""Phone numbers: what is one, where it belongs, what kind it is.

Everything comes from the digits by `phonenumbers` (its geocoder and carrier parts are never loaded: 3.6 s and 94 MB).
A number that cannot exist is refused; one that its numbering plan merely calls invalid is taken, since plans know
neither fiction ranges nor what was opened after they were published: its leading digits say where it belongs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, timezone

from outdial.errors import BadInput
from outdial.rules.area_codes import area_of, is_geographic
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
_NO_COUNTRY: Final = frozenset({"001", "ZZ"})
"""What the library answers for codes of no country (+800, +870), and for codes that it does not know."""


class BadNumber(BadInput):
    """Not a phone number that could be dialled; the message shows at most the last two digits."""

    code = "impossible_number"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the numbering plan says of a number.

    `region`: ISO 3166, families not folded. `kind`: a PhoneNumberType, UNKNOWN = an invalid number; `likely_kind`: the
    same, but of an invalid number that of the valid one with most leading digits in common. `possible`: the text is a
    possible number exactly in E.164 form.
    """

    possible: bool
    region: str | None
    kind: int
    likely_kind: int
    area_code: str | None
    zones: tuple[str, ...]


_NOTHING: Final = Plan(False, None, PhoneNumberType.UNKNOWN, PhoneNumberType.UNKNOWN, None, ())


def masked(text: str) -> str:
    """Digits hidden but the last two, for messages. Addresses (`sip:bob@example.com`) are hidden but for their scheme."""
    digits = [c for c in text if c.isdigit()]
    if digits:
        return f"…{''.join(digits[-2:])} ({len(digits)} digits)" if len(digits) > 4 else f"… ({len(digits)} digits)"
    scheme, colon, _ = text.partition(":")
    return repr(f"{scheme[:10]}:…") if colon or "@" in text else repr(text[:20])


def normalize(text: str, default_region: str | None = None, *, field: str = "number") -> E164:
    """The number in E.164, extensions dropped. Raises `BadNumber` naming `field`, what is wrong and the cure.

    `default_region`: whose national form is taken too; None = only numbers that begin with + and a country code.
    """
    try:
        number = phonenumbers.parse(text, default_region)
    except NumberParseException as error:
        without_code = error.error_type == NumberParseException.INVALID_COUNTRY_CODE
        cure = "write + and the country code first" if without_code else 'write digits like "+12025550143"'
        raise BadNumber(field, f"{masked(text)} is not a phone number", cure) from None
    written = _written(number)
    if not phonenumbers.is_possible_number(number) or (written != text and not is_possible(written)):
        cure = "check its length and its country code"
        raise BadNumber(field, f"{masked(text)} is an impossible phone number", cure)
    return written


def is_possible(e164: str) -> bool:
    """Whether the text is a possible number exactly in E.164 form."""
    return numbering_plan(E164(e164)).possible


def family(country: str) -> str:
    """The country that a region counts as: GB for GG, JE and IM, else itself."""
    return _FAMILIES.get(country.upper(), country.upper())


@lru_cache(maxsize=65_536)
def geography(e164: E164) -> Geography:
    """Where the number belongs. A number that cannot be parsed belongs nowhere."""
    plan = numbering_plan(e164)
    return Geography(family(plan.region) if plan.region else None, plan.area_code, plan.zones)


def number_type(e164: E164) -> NumberType:
    """What the operator's type weights tell apart. "Fixed line or mobile" (all of NANP) counts as a long code."""
    match numbering_plan(e164).kind:
        case PhoneNumberType.TOLL_FREE:
            return NumberType.TOLL_FREE
        case PhoneNumberType.MOBILE:
            return NumberType.MOBILE
        case _:
            return NumberType.LONG_CODE


@lru_cache(maxsize=65_536)
def numbering_plan(e164: E164) -> Plan:
    """Region, kind, area code and zones of a number; of an invalid one as far as its leading digits tell."""
    try:
        number = phonenumbers.parse(e164)
    except NumberParseException:
        return _NOTHING
    kind, overlaid = phonenumbers.number_type(number), _overlaid(number)
    likely = number if kind != PhoneNumberType.UNKNOWN else _valid_neighbour(number, overlaid) or number
    region = _region(number, likely)
    return Plan(
        possible=phonenumbers.is_possible_number(number) and _written(number) == e164,
        region=region,
        kind=kind,
        likely_kind=kind if likely is number else phonenumbers.number_type(likely),
        area_code=_area_code(number) if region else None,
        zones=_zones(_given_zones(number, overlaid, kind), region),
    )


def _written(number: PhoneNumber) -> E164:
    return E164(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _given_zones(number: PhoneNumber, overlaid: PhoneNumber | None, kind: int) -> tuple[str, ...]:
    """What the library says, of an invalid number by the longest prefix that it knows."""
    if kind != PhoneNumberType.UNKNOWN:
        beside = timezone.time_zones_for_number(overlaid) if overlaid is not None else ()
        if phonenumbers.is_number_type_geographical(kind, number.country_code or 0):
            return timezone.time_zones_for_geographical_number(number) + beside  # the kind is found out only once
        return timezone.time_zones_for_number(number) + beside
    return timezone.time_zones_for_geographical_number(overlaid or number)


def _overlaid(number: PhoneNumber) -> PhoneNumber | None:
    """The same number in the area code that stands for its area, if its own is an overlay.

    The library learns of overlays late, and its first zone for one may be a wrong one (689 in Florida, 474 in
    Saskatchewan): both codes' zones count as plausible.
    """
    national = str(number.national_number)
    if number.country_code != _NANP or len(national) != _NANP_DIGITS or area_of(national[:3]) == national[:3]:
        return None
    return PhoneNumber(country_code=_NANP, national_number=int(area_of(national[:3]) + national[3:]))


def _valid_neighbour(number: PhoneNumber, overlaid: PhoneNumber | None) -> PhoneNumber | None:
    """A valid number with the same leading digits, as many as have one; at least the area code, elsewhere one digit.

    Where a whole area code is unknown to the library, one of the code that it overlays.
    """
    nearest = _valid_beside(number)
    return nearest if nearest is not None or overlaid is None else _valid_beside(overlaid)


def _valid_beside(number: PhoneNumber) -> PhoneNumber | None:
    code, national = number.country_code or 0, phonenumbers.national_significant_number(number)
    nearest = None
    for shared in range(3 if code == _NANP else 1, len(national) - 2):
        found = _valid_with(code, national[:shared], len(national) - shared)
        if found is None:
            break
        nearest = found
    return nearest


@lru_cache(maxsize=16_384)
def _valid_with(code: int, head: str, tail: int) -> PhoneNumber | None:
    """A valid number that begins so and has `tail` digits more. Kept: ranges of invalid numbers share their heads."""
    for digit in "2345678901":
        try:
            number = phonenumbers.parse(f"+{code}{head}{digit * tail}")
        except NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return number
    return None


def _region(number: PhoneNumber, likely: PhoneNumber) -> str | None:
    """The library's; else the main one of the calling code, but among the 25 that share +1 the neighbour's."""
    region = phonenumbers.region_code_for_number(number)
    if region is None and number.country_code == _NANP:
        region = phonenumbers.region_code_for_number(likely)
    elif region is None:
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    return None if region in _NO_COUNTRY else region


def _area_code(number: PhoneNumber) -> str | None:
    national = str(number.national_number)
    if number.country_code != _NANP or len(national) != _NANP_DIGITS:
        return None
    return area_of(national[:3]) if is_geographic(national[:3]) else None


@lru_cache(maxsize=4096)
def _zones(given: tuple[str, ...], region: str | None) -> tuple[str, ...]:
    """The zones that the library gives, cut down to the region's; none if they are too far apart to say anything."""
    if region is None:
        return ()
    zones = tuple(TODAYS_NAME.get(name, name) for name in given if name != timezone.UNKNOWN_TIMEZONE)
    zones = _cut_down(zones, ZONES_OF_REGION.get(region, frozenset()))
    return zones if zones and _spread_s(zones) <= MAX_SPREAD_S else ()


def _cut_down(zones: tuple[str, ...], of_region: frozenset[str]) -> tuple[str, ...]:
    """By name; else the region's zones that keep the same time as one of those given; else all of the region's.

    The second step is for the library's stand-ins: it says Bucharest for Kaliningrad and Chicago for Nicaragua. They
    agree with the place in winter, some (Canary for Morocco) in summer only.
    """
    if by_name := tuple(name for name in zones if name in of_region):
        return tuple(dict.fromkeys(by_name))
    for moment in (_WINTER, _SUMMER):
        offsets = set(offsets_s(zones, moment))
        if alike := tuple(sorted(name for name in of_region if offsets & set(offsets_s((name,), moment)))):
            return alike
    return tuple(sorted(of_region))


def _spread_s(zones: tuple[str, ...]) -> float:
    """How far the offsets are apart, in seconds, in winter or in summer, whichever is more."""
    both = [offsets_s(zones, moment) for moment in (_WINTER, _SUMMER)]
    return max((max(offsets) - min(offsets) for offsets in both if offsets), default=0.0)
