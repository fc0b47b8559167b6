"""Where an attempt may go at all (SPEC 8, destinations): ranges that cost or catch nobody are refused unless allowed by name."""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum

from phonenumbers import PhoneNumberType as Kind
from phonenumbers import number_type, parse

from outdial.rules.ids import E164
from outdial.rules.pool import Geography

BARRED_KINDS = {
    Kind.PREMIUM_RATE: "premium_rate",
    Kind.SHARED_COST: "shared_cost",
    Kind.PAGER: "pager",
    Kind.VOICEMAIL: "voicemail",
}
SATELLITE_PREFIXES = ("+870", "+878", "+881", "+882", "+883")
"""Global mobile satellite and international networks. The library calls Iridium (+8816) an ordinary mobile."""
PREMIUM_PREFIXES = ("+979", "+1900", "+1976")
"""International premium rate, and NANP premium codes in case the library's metadata lags."""
KIND_NAMES = frozenset({*BARRED_KINDS.values(), "satellite"})
"""What `allowed_kinds` of a tenant may name."""


class DestinationRefusal(StrEnum):
    """Why a destination is refused; the reason in the rejected event."""

    COUNTRY = "destination_country_not_allowed"
    KIND = "destination_kind_not_allowed"


def barred_kind(e164: E164) -> str | None:
    """The barred kind that the number is of, None for an ordinary destination."""
    if e164.startswith(SATELLITE_PREFIXES):
        return "satellite"
    if e164.startswith(PREMIUM_PREFIXES):
        return "premium_rate"
    return BARRED_KINDS.get(number_type(parse(e164)))


def refuse_destination(
    e164: E164, geography: Geography, allowed_countries: Set[str], allowed_kinds: Set[str]
) -> DestinationRefusal | None:
    """Why it must not be called; None = it may. An empty country list allows every ordinary destination."""
    kind = barred_kind(e164)
    if kind is not None and kind not in allowed_kinds:
        return DestinationRefusal.KIND
    if allowed_countries and geography.country not in allowed_countries:
        return DestinationRefusal.COUNTRY
    return None
