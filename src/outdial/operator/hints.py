"""What an operator can do about a waiting attempt, one sentence per blocker: the command line, the admin API and the
console all show these."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from outdial.rules.blocker import Blocker

HINTS: Mapping[Blocker, str] = MappingProxyType(
    {
        Blocker.IN_LINE: "Nothing is wrong: it is dialled when those before it are under way.",
        Blocker.NOT_DUE: "Its producer asked for a later time (not_before).",
        Blocker.TENANT_AT_CAPACITY: "All calls that the tenant may have at once are under way; raise its max_calls or wait.",
        Blocker.CAMPAIGN_AT_CAPACITY: "All calls that the campaign may have at once are under way; raise its max_calls or wait.",
        Blocker.CONNECTIONS_AT_CAPACITY: (
            "Every connection of the pool is full, paused or down; add numbers on another connection, or raise max_calls."
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
