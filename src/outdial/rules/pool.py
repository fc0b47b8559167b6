"""A campaign's number pool as one pick sees it.

A `Picture` is immutable and shared by every pick made from it: the decision record names it by its content hash
and `pool_pictures` keeps its body, so that a pick can be replayed after the pool, the weights or the policy changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId


class Tier(StrEnum):
    """How the number was found."""

    STICKY = "sticky"
    AREA_CODE = "area_code"
    COUNTRY = "country"
    TIME_ZONE = "time_zone"
    POOL = "pool"
    PRIMARY = "primary"


class SkipReason(StrEnum):
    """Why a number never entered the draw; the first that holds, in this order (SPEC 3.1)."""

    INACTIVE = "inactive"
    PAUSED = "paused"
    COUNTRY_NOT_ALLOWED = "country_not_allowed"
    SPAM_FLAGGED = "spam_flagged"
    CARRIER_REJECTED = "carrier_rejected"
    FAILING = "failing"
    DAILY_CAP = "daily_cap"
    NO_ANSWER_INSTRUCTION = "no_answer_instruction"


class NumberType(StrEnum):
    """What the operator's type weights tell apart."""

    LONG_CODE = "long_code"
    TOLL_FREE = "toll_free"
    MOBILE = "mobile"


@dataclass(frozen=True, slots=True)
class Geography:
    """Where an E.164 number belongs, as far as its digits tell. Computed by `rules/phone.py`.

    `country`: ISO 3166 region (`US`, `CA`, `GB`; the family GB, GG, JE, IM is `GB`), None when nobody can say.
    `area_code`: NANP area code with its overlays folded into one (`212` stands for 212, 332, 646 and 917), else None.
    `zones`: plausible IANA zones, cut down to the region's; empty = no zone known.
    """

    country: str | None
    area_code: str | None
    zones: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One number of the pool with all that a pick may depend on, as seen at the last refresh."""

    number: NumberId
    e164: E164
    connection: ConnectionId
    provider: str
    geography: Geography
    number_type: NumberType
    base_weight: float
    rotation_weight: float
    """`w = v ^ exponent` of the rotation formula; the share follows from the candidates of a pick."""
    index: float
    """`r` of the rotation formula: 1.0 = an average number of its pool."""
    resting: bool
    allowed_countries: frozenset[str]
    """Families folded (`GB` for GG, JE, IM); empty = everywhere."""
    static_skip: SkipReason | None
    """The first reason that holds whoever is called; `country_not_allowed` and `no_answer_instruction` depend on the attempt."""
    added_at: float
    """Unix seconds. A sticky assignment bound before its number (re-)joined the pool is void."""
    skip_if_kept: SkipReason | None = None
    """With `static_skip` spam_flagged: the reason that holds besides, for a sticky number that is kept although flagged."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The pool at one refresh. `hash` is taken over everything in it but itself."""

    hash: str
    campaign: CampaignId
    members: tuple[Member, ...]
