"""A picture of the pool, prepared for many picks: who may call which country, sorted into tiers.

Built once per refresh and policy; candidates are worked out when a contact of that kind first asks and then kept, so
that a pick costs a look-up and a draw. Everything kept follows from the picture and the policy alone.
"""

from __future__ import annotations

from collections.abc import Iterator, KeysView
from dataclasses import replace

from outdial.rules.candidates import Candidates, factor_of
from outdial.rules.eligibility import skip_reason
from outdial.rules.ids import NumberId
from outdial.rules.policy import CampaignPolicy, WhenFlagged
from outdial.rules.pool import Geography, Member, Picture, SkipReason, Tier
from outdial.rules.proximity import belongs, quarter_of, tiers_of
from outdial.rules.waits import AttemptFacts

KEPT_MEMBERS = 200_000
"""Members in kept candidates, after which all are dropped: about 10 MB, reached only by large pools and many countries."""

_Key = tuple[Tier, str | None, object, frozenset[str], frozenset[NumberId]]
_MAY_BE_PICKED = (None, SkipReason.SPAM_FLAGGED)
"""A flagged number may still be kept by its contacts, if the policy says so."""


class PoolIndex:
    """One picture under one policy. Not safe across threads; a few kilobytes for an ordinary pool."""

    def __init__(self, picture: Picture, policy: CampaignPolicy) -> None:
        self.picture, self.policy = picture, policy
        self.tiers = tiers_of(policy.selection)
        self.connections = frozenset(member.connection for member in picture.members)
        self.able = frozenset(member.connection for member in picture.members if _may_call(member, policy))
        """Those with a number that may call somebody: room on any other helps nobody."""
        self._members = {member.number: member for member in picture.members}
        self.providers = frozenset(member.provider for member in picture.members)
        self._is_restricted = any(member.allowed_countries for member in picture.members)
        self._kept: dict[_Key, Candidates | None] = {}
        self._kept_members = 0

    @property
    def numbers(self) -> KeysView[NumberId]:
        """All members' numbers."""
        return self._members.keys()

    def member(self, number: NumberId) -> Member | None:
        """The member of that number; None = it is not in the pool."""
        return self._members.get(number)

    def facts_of(self, attempt: AttemptFacts) -> AttemptFacts:
        """The attempt as its pick goes by it: `excluded` holds all that are out for it alone, `capped` those whose cap is
        the only reason. Numbers that are out whoever is called are left out: naming them would swell every record."""
        if not attempt.excluded and not attempt.capped:
            return attempt
        excluded = frozenset(
            number
            for number in attempt.excluded | attempt.capped
            if (member := self._members.get(number)) and member.static_skip in _MAY_BE_PICKED
        )
        return replace(attempt, excluded=excluded, capped=attempt.capped - attempt.excluded)

    def without_instruction(self, attempt: AttemptFacts) -> frozenset[str]:
        """The pool's providers for which neither the job nor the campaign says what to do on answer."""
        return frozenset(
            provider
            for provider in self.providers
            if provider not in self.policy.answer and provider not in attempt.answers
        )

    def skips(self, attempt: AttemptFacts, without: frozenset[str]) -> Iterator[tuple[Member, SkipReason]]:
        """The members that must not call this contact, each with its reason."""
        for member in self.picture.members:
            reason = self._skip(member, attempt.contact.country, without)
            if reason is not None:
                yield member, reason

    def may_call(self, member: Member, attempt: AttemptFacts, without: frozenset[str]) -> bool:
        """Whether the member may call this contact for this attempt."""
        return member.number not in attempt.excluded and not self._skip(member, attempt.contact.country, without)

    def is_capped(self, attempt: AttemptFacts, without: frozenset[str]) -> bool:
        """Whether some member is out only because of its own `max_calls_24h`."""
        return any(
            self._is_capped(member, attempt, without)
            for member in self.picture.members
            if factor_of(member, self.policy.selection) > 0.0 or member.number == self.policy.primary
        )

    def _is_capped(self, member: Member, attempt: AttemptFacts, without: frozenset[str]) -> bool:
        reason = self._skip(member, attempt.contact.country, without)
        if member.number in attempt.excluded:
            return reason is None and member.number in attempt.capped
        return reason is SkipReason.DAILY_CAP and member.provider not in without

    def candidates(self, tier: Tier, attempt: AttemptFacts, without: frozenset[str], now: float) -> Candidates | None:
        """The tier's candidates for this attempt; None = the tier does not match. `without`: see `without_instruction`."""
        key = (*self._place_key(tier, attempt.contact, now), without, attempt.excluded)
        try:
            return self._kept[key]
        except KeyError:
            return self._keep(key, self._work_out(tier, attempt, without, now))

    def _place_key(self, tier: Tier, contact: Geography, now: float) -> tuple[Tier, str | None, object]:
        """What of the contact's place the tier's candidates depend on."""
        country = contact.country if self._is_restricted or tier is Tier.COUNTRY else None
        match tier:
            case Tier.AREA_CODE:
                return tier, country, contact.area_code
            case Tier.TIME_ZONE:
                return tier, country, (contact.zones, quarter_of(now))
            case _:
                return tier, country, None

    def _keep(self, key: _Key, candidates: Candidates | None) -> Candidates | None:
        size = 1 + (len(candidates.members) if candidates else 0)
        if self._kept_members + size > KEPT_MEMBERS:
            self._kept.clear()
            self._kept_members = 0
        self._kept[key] = candidates
        self._kept_members += size
        return candidates

    def _work_out(self, tier: Tier, attempt: AttemptFacts, without: frozenset[str], now: float) -> Candidates | None:
        contact, excluded = attempt.contact, attempt.excluded
        selection = self.policy.selection
        belonging: dict[Geography, bool] = {}
        found: list[tuple[Member, float]] = []
        for member in self.picture.members:
            factor = factor_of(member, selection)
            if factor <= 0.0 or member.number in excluded or self._skip(member, contact.country, without):
                continue
            place = member.geography
            if place not in belonging:
                belonging[place] = belongs(tier, place, contact, quarter_of(now), selection.near_time_zone_hours)
            if belonging[place]:
                found.append((member, factor))
        if selection.skip_unhealthy:
            found = [pair for pair in found if not pair[0].resting] or found
        return Candidates(found, self.policy.rotation) if found else None

    def _skip(self, member: Member, country: str | None, without: frozenset[str]) -> SkipReason | None:
        return skip_reason(member, country, has_instruction=member.provider not in without)


def _may_call(member: Member, policy: CampaignPolicy) -> bool:
    """Whether the number may call anybody at all, if only the contacts that keep it although it is flagged."""
    if member.static_skip is SkipReason.SPAM_FLAGGED and policy.sticky.when_flagged is WhenFlagged.KEEP:
        return member.skip_if_kept is None
    return member.static_skip is None
