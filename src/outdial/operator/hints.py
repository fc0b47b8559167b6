"""What an operator can make of a waiting attempt and of a skipped number, in plain words: the command line, the admin
API, the console and the pages of the reference all show these.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from outdial.rules.blocker import Blocker
from outdial.rules.pool import SkipReason, Tier

HINTS: Mapping[Blocker, str] = MappingProxyType(
    {
        Blocker.IN_LINE: "Nothing is wrong: it is dialled when those before it are under way.",
        Blocker.NOT_DUE: "Its producer asked for a later time (not_before).",
        Blocker.TENANT_AT_CAPACITY: "All calls that the tenant may have at once are under way; raise its max_calls or wait.",
        Blocker.CAMPAIGN_AT_CAPACITY: "All calls that the campaign may have at once are under way; raise its max_calls or wait.",
        Blocker.CONNECTIONS_AT_CAPACITY: (
            "Every connection that could carry this call is full, paused or down; "
            "add numbers on another connection, or raise max_calls."
        ),
        Blocker.STICKY_NUMBER_BUSY: (
            "The contact's own number has no room on its connection; after sticky.max_wait_s another number calls."
        ),
        Blocker.TIER_BUSY: (
            "Numbers that look local to the contact are busy; after tier_spill_after_s the next tier is tried."
        ),
        Blocker.PACING: "The connection's start rate is used up for this moment; raise calls_per_second if the carrier allows it.",
        Blocker.CAMPAIGN_PAUSED: "Somebody paused the campaign; outdial resume campaign NAME.",
        Blocker.TENANT_PAUSED: "Somebody paused the tenant; outdial resume tenant NAME.",
        Blocker.OUTSIDE_CALLING_HOURS: (
            "It is too early or too late where the contact may be; without a next time, give the campaign a fallback_time_zone."
        ),
        Blocker.NO_ELIGIBLE_NUMBER: (
            "No number of the pool may call this contact; outdial health CAMPAIGN says why each one is out."
        ),
        Blocker.NUMBERS_AT_DAILY_CAP: "The numbers that may call have used up their max_calls_24h; add numbers or raise it.",
        Blocker.CARRIER_BACKOFF: "The carrier asked to come back later; nothing to do.",
        Blocker.CONTACT_IN_CALL: "The contact is in another call of this tenant; it is dialled after that.",
    }
)
"""What to do about an attempt that waits."""

HOW_LONG: Mapping[Blocker, str] = MappingProxyType(
    {
        Blocker.IN_LINE: "Until its turn comes.",
        Blocker.NOT_DUE: "Until its not_before.",
        Blocker.TENANT_AT_CAPACITY: "Until one of the tenant's calls ends.",
        Blocker.CAMPAIGN_AT_CAPACITY: "Until one of the campaign's calls ends.",
        Blocker.CONNECTIONS_AT_CAPACITY: "Until one of these connections has room.",
        Blocker.STICKY_NUMBER_BUSY: "At most sticky.max_wait_s (600 s) in all; the wait goes on after an interruption.",
        Blocker.TIER_BUSY: 'At most tier_spill_after_s (30 s) per tier; for ever with "never".',
        Blocker.PACING: "Until the next start is due, mostly within a second.",
        Blocker.CAMPAIGN_PAUSED: "Until it is resumed.",
        Blocker.TENANT_PAUSED: "Until it is resumed.",
        Blocker.OUTSIDE_CALLING_HOURS: "Until the next opening, which is shown.",
        Blocker.NO_ELIGIBLE_NUMBER: "Looked at again when the catalogue or a number's health changes, and every 60 s.",
        Blocker.NUMBERS_AT_DAILY_CAP: "Looked at again when the catalogue or a number's health changes, and every 60 s: the calls of 24 h ago fall out hour by hour.",
        Blocker.CARRIER_BACKOFF: "As long as the carrier said.",
        Blocker.CONTACT_IN_CALL: "Until that call ends.",
    }
)
"""How long the attempt waits; every wait ends at the latest at its `not_after`, as `expired`."""

SKIPS: Mapping[SkipReason, str] = MappingProxyType(
    {
        SkipReason.INACTIVE: "It is inactive or was released.",
        SkipReason.PAUSED: "It is paused, in this campaign or everywhere.",
        SkipReason.COUNTRY_NOT_ALLOWED: (
            "Its allowed_countries are not empty and lack the contact's country. "
            "A contact of unknown country is never on a list."
        ),
        SkipReason.SPAM_FLAGGED: "Its spam score, reported or its own, has reached the platform's threshold (0.75).",
        SkipReason.CARRIER_REJECTED: "Its carrier refused it as caller ID; out from the first time until an operator clears it.",
        SkipReason.FAILING: (
            "5 calls in a row to at least 3 contacts failed at the carrier while other numbers of its connection worked; "
            "one call probes it after 10 minutes."
        ),
        SkipReason.DAILY_CAP: "It has used up its own max_calls_24h.",
        SkipReason.NO_ANSWER_INSTRUCTION: "Neither the job nor the campaign says what its provider does on answer.",
    }
)
"""Why a number never entered the draw."""

TIERS: Mapping[Tier, str] = MappingProxyType(
    {
        Tier.STICKY: "The contact's own number.",
        Tier.AREA_CODE: "Numbers of the contact's area code, overlays included (+1 only); with geomatch.",
        Tier.COUNTRY: "Numbers of the contact's country; with prefer_country_match.",
        Tier.TIME_ZONE: (
            "Numbers whose time differs from the contact's by at most near_time_zone_hours at this moment; "
            "with prefer_country_match."
        ),
        Tier.POOL: "All numbers of the pool.",
        Tier.PRIMARY: "The campaign's primary, when no tier has a number of any weight that may call.",
    }
)
"""How a number is found, in the order in which the tiers are tried."""
