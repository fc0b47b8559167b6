"""Whose number looks local at the moment of dialling (SPEC 3.4): real numbers, real clocks, whole picks.

A number of the pool belongs to the time zone tier or it does not; beside it there is one in Fiji, so that a pick that
finds nobody near falls to the whole pool. Numbers from fiction ranges or the library's examples: never dial them.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from outdial.rules.ids import E164
from outdial.rules.phone import geography
from outdial.rules.policy import SelectionPolicy
from outdial.rules.pool import Tier
from tests.rules.pools import call, chosen, number, policy, pool

NEW_YORK, ALBERTA, PHOENIX, NAVAJO = "+12125550143", "+14035550143", "+16025550143", "+19288715014"
LONDON, PARIS, CASABLANCA = "+442079460143", "+33199001234", "+212612345678"
DELHI, KATHMANDU, COLOMBO, KARACHI, DUBAI = (
    "+918123456789", "+9779841234567", "+94712345678", "+923012345678", "+971501234567",
)  # fmt: skip
LORD_HOWE, PORT_MORESBY, SONORA = "+61265632066", "+67570123456", "+526621234567"
FIJI = "+6797012345"
TEHRAN, SAMOA, PAGO_PAGO = "+982123456789", "+6857212345", "+16846331234"
FREEPHONE_US, FREEPHONE_GB, UNIVERSAL_FREEPHONE = "+18005550199", "+448081570143", "+80012345678"
RUSSIAN_MOBILE, MOSCOW = "+79123456789", "+74951234567"


def tier_of(number_: str, contact: str, when: str, hours: float) -> Tier:
    """The tier of a call to the contact from a pool of that number and one in Fiji."""
    under = policy(selection=SelectionPolicy(near_time_zone_hours=hours))
    members = [number("near", geography(E164(number_))), number("fiji", geography(E164(FIJI)))]
    now = datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()
    return chosen(pool(*members, under=under), call(geography(E164(contact))), now=now)[1]


WINTER, SUMMER = "2026-01-15T12:00", "2026-07-15T12:00"
NEAR, FAR = Tier.TIME_ZONE, Tier.POOL
MOMENTS: list[tuple[str, str, str, str, float, Tier]] = [
    ("Nepal is a quarter of an hour from India", DELHI, KATHMANDU, SUMMER, 0.25, NEAR),
    ("... which is more than ten minutes", DELHI, KATHMANDU, SUMMER, 0.17, FAR),
    ("India and Sri Lanka share their half hour", DELHI, COLOMBO, SUMMER, 0, NEAR),
    ("Pakistan is half an hour from India", KARACHI, DELHI, SUMMER, 1, NEAR),
    ("Dubai is an hour and a half from India", DUBAI, DELHI, SUMMER, 1, FAR),
    ("Iran is half an hour from Dubai", DUBAI, TEHRAN, SUMMER, 0.5, NEAR),
    ("both sides of the date line keep the same hour on different days", SAMOA, PAGO_PAGO, WINTER, 14, FAR),
    ("Lord Howe in winter: half an hour before Port Moresby", PORT_MORESBY, LORD_HOWE, SUMMER, 0.5, NEAR),
    ("Lord Howe in summer: its clocks go forward by half an hour", PORT_MORESBY, LORD_HOWE, WINTER, 0.5, FAR),
    ("... to a whole hour", PORT_MORESBY, LORD_HOWE, WINTER, 1, NEAR),
    ("Arizona in winter keeps Alberta's time", ALBERTA, PHOENIX, WINTER, 0, NEAR),
    ("Arizona in summer does not", ALBERTA, PHOENIX, SUMMER, 0, FAR),
    ("Arizona in summer is an hour from it", ALBERTA, PHOENIX, SUMMER, 1, NEAR),
    ("the Navajo Nation in Arizona changes its clocks", ALBERTA, NAVAJO, SUMMER, 0, NEAR),
    ("... and so may a number there that does not", SONORA, NAVAJO, SUMMER, 0, NEAR),
    ("Sonora never changes its clocks, like Arizona: winter", SONORA, PHOENIX, WINTER, 0, NEAR),
    ("Sonora never changes its clocks, like Arizona: summer", SONORA, PHOENIX, SUMMER, 0, NEAR),
    ("Morocco keeps an hour more than London in winter", LONDON, CASABLANCA, WINTER, 0, FAR),
    ("Morocco keeps London's time in Ramadan", LONDON, CASABLANCA, "2026-03-01T12:00", 0, NEAR),
    ("Morocco after Ramadan, before London's summer", LONDON, CASABLANCA, "2026-03-25T12:00", 0, FAR),
    ("Morocco and London in summer", LONDON, CASABLANCA, SUMMER, 0, NEAR),
    ("in March before the US changes: 5 hours", NEW_YORK, LONDON, "2026-03-07T15:00", 4, FAR),
    ("in March between both: 4 hours", NEW_YORK, LONDON, "2026-03-09T15:00", 4, NEAR),
    ("in March to the last minute before Europe changes", NEW_YORK, LONDON, "2026-03-29T00:59", 4, NEAR),
    ("in March when Europe has changed too", NEW_YORK, LONDON, "2026-03-29T01:00", 4, FAR),
    ("in October before Europe changes back", NEW_YORK, LONDON, "2026-10-25T00:59", 4, FAR),
    ("in the week between both: 4 hours", NEW_YORK, LONDON, "2026-10-25T01:00", 4, NEAR),
    ("in November to the last minute before the US", NEW_YORK, LONDON, "2026-11-01T05:59", 4, NEAR),
    ("in November when the US has changed back too", NEW_YORK, LONDON, "2026-11-01T06:00", 4, FAR),
    ("a Russian mobile may be anywhere: near to nobody", PARIS, RUSSIAN_MOBILE, SUMMER, 14, FAR),
    ("... as a number of the pool likewise", RUSSIAN_MOBILE, PARIS, SUMMER, 9, FAR),
    ("a fixed line in Moscow is somewhere", PARIS, MOSCOW, SUMMER, 1, NEAR),
    ("a toll-free number has no zone", FREEPHONE_US, PARIS, SUMMER, 8, FAR),
    ("a contact of no country has none either", PARIS, UNIVERSAL_FREEPHONE, SUMMER, 14, FAR),
]  # fmt: skip


@pytest.mark.parametrize(
    ("number_", "contact", "when", "hours", "tier"), [case[1:] for case in MOMENTS], ids=[case[0] for case in MOMENTS]
)
def test_nearness_is_judged_at_the_moment_of_dialling(
    number_: str, contact: str, when: str, hours: float, tier: Tier
) -> None:
    assert tier_of(number_, contact, when, hours) is tier


COUNTRIES: list[tuple[str, str, str, bool]] = [
    ("the US and Canada, although both are +1", ALBERTA, NEW_YORK, False),
    ("the US and Puerto Rico, a region of its own", "+17875550143", NEW_YORK, False),
    ("Jersey and England are one family", "+447797712345", LONDON, True),
    ("Guernsey and the Isle of Man likewise", "+447781123456", "+447624123456", True),
    ("Kazakhstan and Russia, although both are +7", "+77710009998", MOSCOW, False),
    ("a toll-free number of +1 counts as US", FREEPHONE_US, NEW_YORK, True),
    ("... hence not as Canadian", FREEPHONE_US, ALBERTA, False),
    ("... also when it is called", NEW_YORK, FREEPHONE_US, True),
    ("a British freephone number is British", FREEPHONE_GB, LONDON, True),
    ("what belongs to no country matches none", UNIVERSAL_FREEPHONE, UNIVERSAL_FREEPHONE, False),
]


@pytest.mark.parametrize(
    ("number_", "contact", "same"), [case[1:] for case in COUNTRIES], ids=[case[0] for case in COUNTRIES]
)
def test_which_numbers_are_of_the_contacts_country(number_: str, contact: str, same: bool) -> None:
    assert (tier_of(number_, contact, SUMMER, 0) is Tier.COUNTRY) is same
