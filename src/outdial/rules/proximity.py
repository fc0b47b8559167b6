"""Proximity tiers (SPEC 3.4): numbers that look local to the contact come first.

The order is area code (with `geomatch`), country, near time zone, whole pool; without `prefer_country_match` neither
country nor time zone counts.
"""

from __future__ import annotations

from outdial.rules.policy import SelectionPolicy
from outdial.rules.pool import Geography, Tier
from outdial.rules.time_zones import QUARTER_S, near


def tiers_of(policy: SelectionPolicy) -> tuple[Tier, ...]:
    """The tiers in the order in which they are tried."""
    by_area = (Tier.AREA_CODE,) if policy.geomatch else ()
    by_country = (Tier.COUNTRY, Tier.TIME_ZONE) if policy.prefer_country_match else ()
    return (*by_area, *by_country, Tier.POOL)


def belongs(tier: Tier, number: Geography, contact: Geography, quarter: int, near_hours: float) -> bool:
    """Whether a number at that place belongs to the contact's tier. `quarter`: the quarter-hour (see `quarter_of`)."""
    match tier:
        case Tier.AREA_CODE:
            return contact.area_code is not None and number.area_code == contact.area_code
        case Tier.COUNTRY:
            return contact.country is not None and number.country == contact.country
        case Tier.TIME_ZONE:
            return near(number.zones, contact.zones, quarter * QUARTER_S, near_hours)
        case _:
            return True


def quarter_of(now: float) -> int:
    """The quarter-hour that `now` (Unix seconds) lies in: UTC offsets, hence nearness, do not change within it."""
    return int(now // QUARTER_S)
