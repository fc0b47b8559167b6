"""Why a waiting attempt is not being dialled right now (SPEC 6).

What concerns one attempt is stored with it. What concerns a whole campaign, tenant or connection is derived when
somebody asks, so that it is true at once without rewriting rows. Logs, metrics, events and SQL use these very words.
"""

from __future__ import annotations

from enum import StrEnum


class Blocker(StrEnum):
    """One word per reason; the members' comments are what an operator reads."""

    IN_LINE = "in_line"
    """Nothing forbids it: others of its campaign come first, or the next turn takes it."""
    NOT_DUE = "not_due"
    """The producer's `not_before` has not come yet."""
    TENANT_AT_CAPACITY = "tenant_at_capacity"
    """The tenant has as many calls under way as it may."""
    CAMPAIGN_AT_CAPACITY = "campaign_at_capacity"
    """The campaign has as many calls under way as it may."""
    CONNECTIONS_AT_CAPACITY = "connections_at_capacity"
    """Every connection that could carry this call, whichever number is taken, is full, paused or down."""
    STICKY_NUMBER_BUSY = "sticky_number_busy"
    """The contact's own number is fine but its connection has no room; bounded by `sticky.max_wait_s`."""
    TIER_BUSY = "tier_busy"
    """Numbers that suit the contact better are there but busy; bounded by `tier_spill_after_s`."""
    PACING = "pacing"
    """The connection may start calls again in a moment: its start rate is used up."""
    CAMPAIGN_PAUSED = "campaign_paused"
    """An operator paused the campaign."""
    TENANT_PAUSED = "tenant_paused"
    """An operator paused the tenant."""
    OUTSIDE_CALLING_HOURS = "outside_calling_hours"
    """It is not within the campaign's calling hours everywhere where the contact may be."""
    NO_ELIGIBLE_NUMBER = "no_eligible_number"
    """No number of the pool may call this contact; looked at again when the pool or its health changes."""
    NUMBERS_AT_DAILY_CAP = "numbers_at_daily_cap"
    """As `no_eligible_number`, and at least one number is out only because of its own `max_calls_24h`."""
    CARRIER_BACKOFF = "carrier_backoff"
    """The carrier said "later"; its delay is kept."""
    CONTACT_IN_CALL = "contact_in_call"
    """The contact is in another call of this tenant."""
