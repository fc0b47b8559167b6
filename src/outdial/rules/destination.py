"""Where an attempt may go at all (SPEC 8, destinations): ranges that cost extra, or that reach a machine instead of a
person, are refused unless a tenant allows them by name. All other destinations are ordinary.
"""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum
from typing import Final

from phonenumbers import PhoneNumberType as PlanKind

from outdial.rules.ids import E164
from outdial.rules.phone import family, numbering_plan
from outdial.rules.pool import Geography


class BarredKind(StrEnum):
    """What `allowed_kinds` of a tenant may name."""

    PREMIUM = "premium"
    SHARED_COST = "shared_cost"
    PAGER = "pager"
    VOICEMAIL = "voicemail"
    SATELLITE = "satellite"


_BARRED: Final = {
    PlanKind.PREMIUM_RATE: BarredKind.PREMIUM,
    PlanKind.PERSONAL_NUMBER: BarredKind.PREMIUM,  # +44 70 looks like a mobile and costs like a premium number
    PlanKind.SHARED_COST: BarredKind.SHARED_COST,
    PlanKind.PAGER: BarredKind.PAGER,
    PlanKind.VOICEMAIL: BarredKind.VOICEMAIL,
}
_GLOBAL_PREMIUM: Final = "+979"
_GLOBAL_SHARED_COST: Final = "+808"
_GLOBAL_NETWORKS: Final = ("+87", "+88")
"""Satellite, maritime and other networks without a country; the library calls Iridium (+8816) an ordinary mobile."""
_COUNTRIES_AMONG_THEM: Final = ("+880", "+886")
"""Bangladesh and Taiwan."""
_NANP_PREMIUM_AREA, _NANP_PREMIUM_EXCHANGE = "900", "976"


class DestinationRefusal(StrEnum):
    """Why a destination is refused; the reason in the rejected event."""

    COUNTRY = "destination_country_not_allowed"
    KIND = "destination_kind_not_allowed"


def barred_kind(e164: E164) -> BarredKind | None:
    """The barred kind that the number is of, None for an ordinary destination.

    A number that its plan calls invalid is of the kind of its nearest valid neighbour.
    """
    if e164.startswith(_GLOBAL_NETWORKS) and not e164.startswith(_COUNTRIES_AMONG_THEM):
        return BarredKind.SATELLITE
    if e164.startswith(_GLOBAL_PREMIUM):
        return BarredKind.PREMIUM
    if e164.startswith(_GLOBAL_SHARED_COST):
        return BarredKind.SHARED_COST
    if e164.startswith("+1") and (e164[2:5] == _NANP_PREMIUM_AREA or e164[5:8] == _NANP_PREMIUM_EXCHANGE):
        return BarredKind.PREMIUM
    return _BARRED.get(numbering_plan(e164).likely_kind)


def refuse_destination(
    e164: E164, geography: Geography, allowed_countries: Set[str], allowed_kinds: Set[str]
) -> DestinationRefusal | None:
    """Why it must not be called; None = it may. An empty country list allows every ordinary destination.

    A kind allowed by name that belongs to no country (satellites) needs no country on the list.
    """
    kind = barred_kind(e164)
    if kind is not None and kind not in allowed_kinds:
        return DestinationRefusal.KIND
    if not allowed_countries or (kind is not None and geography.country is None):
        return None
    if geography.country is None or geography.country not in {family(country) for country in allowed_countries}:
        return DestinationRefusal.COUNTRY
    return None
