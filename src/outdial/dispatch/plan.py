"""Step 2, plan: for each claimed attempt, in fair order, either an intent (number, slots, start time) or a blocker.

Everything that forbids a call is looked at here under the lock that would dial it: cancel, `not_after`, suppression,
contact in call, calling hours, slots, pace, circuit, the number's own cap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from random import Random
from uuid import UUID

from outdial.dispatch.announce import Announcer
from outdial.dispatch.settle import ring_timeout
from outdial.ports.catalogue import Pools, PoolView
from outdial.ports.store import ANY_LINE, ContactFacts, EndedAttempt, Intent, Parked, TurnChanges, WaitingAttempt
from outdial.rules.blocker import Blocker
from outdial.rules.calling_hours import Closed, check
from outdial.rules.capacity import Ledger, LimitKind, Slots
from outdial.rules.fairness import Dealer
from outdial.rules.ids import E164, CampaignId, NumberId, Placement, TenantId
from outdial.rules.outcome import Ending
from outdial.rules.phone import geography
from outdial.rules.picture_body import picture_body
from outdial.rules.pool import SkipReason, Tier
from outdial.rules.selection import LOOK_AGAIN_S, Blocked, Choice, choose
from outdial.rules.waits import AttemptFacts
from outdial.telemetry.metrics import Metrics

PICTURE_STANDS_S = 43_200.0
"""A picture that is in use is written again after that, so that it is not forgotten as one that nobody sees any more."""
NEVER_OPEN_LOOK_S = 3_600.0
"""An attempt whose contact has no known zone is looked at again hourly: somebody may name a fallback zone."""


@dataclass(frozen=True, slots=True)
class Margins:
    """Seconds that intents carry. `adopt_after`: nobody adopts a placing call earlier; `hang_up_after`: past all limits."""

    adopt_after_s: float
    hang_up_after_s: float


class Planning:
    """One turn's planning over the claimed attempts."""

    def __init__(
        self,
        pools: Pools,
        ledger: Ledger,
        facts: ContactFacts,
        volumes: Mapping[NumberId, int],
        changes: TurnChanges,
        announcer: Announcer,
        metrics: Metrics,
        margins: Margins,
        rng: Random,
        new_id: Callable[[], UUID],
        now: float,
        stored_pictures: Mapping[str, float] = {},
    ) -> None:
        """`stored_pictures`: when pool pictures, by hash, were written; for some hours that need not be done again."""
        self._pools, self._ledger, self._facts, self._changes = pools, ledger, facts, changes
        self._announce, self._metrics, self._margins = announcer, metrics, margins
        self._rng, self._new_id, self._now, self._stored_pictures = rng, new_id, now, stored_pictures
        self._volumes = dict(volumes)
        self._probed: set[NumberId] = set()
        self._skips: dict[tuple[CampaignId, str | None, frozenset[str]], Counter[SkipReason]] = {}
        self._in_call: set[tuple[TenantId, E164]] = set(facts.in_call)

    def free_contacts(self, ended: Sequence[tuple[TenantId, E164]]) -> None:
        """These contacts' calls end in this very turn."""
        self._in_call.difference_update(ended)

    def deal(self, dealer: Dealer[WaitingAttempt]) -> None:
        """Serve the attempts in the dealer's order while there is room."""
        while (attempt := dealer.next()) is not None:
            tenant, campaign = attempt.key.tenant, attempt.campaign
            if self._ledger.left(LimitKind.TENANT, tenant) < 1:
                dealer.without_tenant(tenant)
            elif self._ledger.left(LimitKind.CAMPAIGN, campaign) < 1:
                dealer.without_campaign(tenant, campaign)
            elif self.serve(attempt):
                dealer.charge(tenant, campaign)

    def serve(self, attempt: WaitingAttempt) -> bool:
        """One attempt; True = it got an intent."""
        view = self._pools.view(attempt.campaign)
        if view is None or self._forbidden(attempt, view):
            return False
        capped = frozenset(n for n, cap in view.capped.items() if self._volumes.get(n, 0) >= cap)
        asked = AttemptFacts(
            contact=geography(attempt.contact),
            answers=frozenset(attempt.request.get("answer") or ()),
            excluded=attempt.excluded | self._probed,
            waits=attempt.waits,
            capped=capped,
        )
        assignment = self._facts.assignments.get((attempt.campaign, attempt.contact))
        picked = choose(
            view.index, asked, assignment, self._ledger.without_room(view.connections), self._now, self._rng
        )
        if isinstance(picked, Blocked):
            self._block(attempt, view, picked)
            return False
        self._intend(attempt, view, picked)
        self._count_skips(asked, view)
        return True

    # -- what forbids it

    def _forbidden(self, attempt: WaitingAttempt, view: PoolView) -> bool:
        key = attempt.key
        contact = (key.tenant, attempt.contact)
        if attempt.canceled or key in self._facts.canceled:
            self.end(attempt, Ending.CANCELED, "canceled")
        elif attempt.not_after <= self._now:
            self.end(attempt, Ending.EXPIRED, "not_after")
        elif contact in self._facts.suppressed:
            self.end(attempt, Ending.REJECTED_REQUEST, "suppressed")
        elif contact in self._in_call:
            self.park(attempt, Blocker.CONTACT_IN_CALL, attempt.not_after, None)
        else:
            return self._outside_hours(attempt, view)
        return True

    def _outside_hours(self, attempt: WaitingAttempt, view: PoolView) -> bool:
        policy = view.policy
        zones = geography(attempt.contact).zones
        hours = check(zones, policy.calling_hours, policy.fallback_time_zone, self._now)
        if isinstance(hours, Closed):
            opening = hours.next_opening
            look_at = opening if opening is not None else self._now + NEVER_OPEN_LOOK_S
            self.park(attempt, Blocker.OUTSIDE_CALLING_HOURS, look_at, opening)
            return True
        return False

    # -- what becomes of it

    def end(self, attempt: WaitingAttempt, ending: Ending, reason: str) -> None:
        """It leaves the waiting room without a call."""
        self._changes.ended_waiting.append(attempt.key)
        self._changes.ended.append(
            EndedAttempt(
                key=attempt.key,
                campaign=attempt.campaign,
                contact=attempt.contact,
                outcome=ending,
                reason=reason,
                ended_at=self._now,
                received_at=attempt.received_at,
            )
        )
        self._announce.attempt_ended(attempt.key, attempt.campaign, attempt.request, ending, reason, self._now)

    def park(self, attempt: WaitingAttempt, blocker: Blocker, look_at: float, eligible_at: float | None) -> None:
        """It sleeps until `look_at`."""
        since = attempt.blocked_since if attempt.blocker is blocker else self._now
        self._park(
            attempt,
            Parked(
                key=attempt.key,
                line=None,
                blocker=blocker,
                look_at=look_at,
                next_eligible_at=eligible_at,
                blocked_since=since,
                spilled=attempt.spilled,
                sticky_waited=attempt.sticky_waited,
                waited=attempt.waits.until(self._now),
            ),
        )
        self._metrics.parked.labels(blocker=blocker).inc()

    def wake(self, attempt: WaitingAttempt) -> None:
        """Its time to be looked at has come: it joins the any-line, where the next turn finds it, unless it is over."""
        if attempt.canceled:
            self.end(attempt, Ending.CANCELED, "canceled")
            return
        if attempt.not_after <= self._now:
            self.end(attempt, Ending.EXPIRED, "not_after")
            return
        keeps = attempt.blocker in (Blocker.STICKY_NUMBER_BUSY, Blocker.TIER_BUSY)
        self._park(
            attempt,
            Parked(
                key=attempt.key,
                line=ANY_LINE,
                blocker=attempt.blocker if keeps else Blocker.IN_LINE,
                look_at=attempt.not_after,
                next_eligible_at=None,
                blocked_since=attempt.blocked_since if keeps else None,
                spilled=attempt.spilled,
                sticky_waited=attempt.sticky_waited,
                waited=attempt.waited,
            ),
        )

    def _block(self, attempt: WaitingAttempt, view: PoolView, blocked: Blocked) -> None:
        blocker = blocked.blocker
        line: str | None = str(self._line_of(attempt, blocked)) if blocked.lines else None
        if blocker is Blocker.CONNECTIONS_AT_CAPACITY:
            blocker = Blocker.IN_LINE
            if view.connections <= set(blocked.lines):
                line = ANY_LINE  # any room helps; else it would stand before those whom the other connections can serve
            waits_on = (blocked.spilled, blocked.sticky_waited) == (attempt.spilled, attempt.sticky_waited)
            if waits_on and attempt.line == line:
                return  # it stays in its line: room is all it needs
        if blocker in (Blocker.NO_ELIGIBLE_NUMBER, Blocker.NUMBERS_AT_DAILY_CAP):
            self._announce.nobody_may_call(attempt.key.tenant, attempt.campaign, blocker, self._now)
        sleeps_until = blocked.look_at
        if sleeps_until is None:
            sleeps_until = attempt.not_after if line is not None else self._now + LOOK_AGAIN_S
        self._park(
            attempt,
            Parked(
                key=attempt.key,
                line=line,
                blocker=blocker,
                look_at=sleeps_until,
                next_eligible_at=blocked.next_eligible_at,
                blocked_since=blocked.blocked_since,
                spilled=blocked.spilled,
                sticky_waited=blocked.sticky_waited,
                waited=blocked.waited,
            ),
        )
        self._metrics.parked.labels(blocker=blocker).inc()

    def _park(self, attempt: WaitingAttempt, parked: Parked) -> None:
        self._changes.parked.append((attempt.campaign, parked))

    def _line_of(self, attempt: WaitingAttempt, blocked: Blocked) -> str:
        """One of the connections that could serve it; spread, so that their lines empty alike."""
        return blocked.lines[attempt.key.attempt_id.int % len(blocked.lines)]

    def _intend(self, attempt: WaitingAttempt, view: PoolView, choice: Choice) -> None:
        member, policy = choice.member, view.policy
        placement = Placement(self._new_id())
        slots = Slots(attempt.key.tenant, attempt.campaign, member.connection)
        place_at = self._ledger.take(slots, str(placement))
        klass = self._class_of(attempt)
        country = geography(attempt.contact).country or ""
        limit = attempt.request.get("max_duration_s") or policy.max_duration_s
        talk_and_ring = ring_timeout(attempt.request, policy) + limit
        self._changes.intents.append(
            Intent(
                placement=placement,
                attempt=attempt,
                slots=slots,
                number=member.number,
                from_number=member.e164,
                intent_at=self._now,
                place_at=place_at,
                deadline=place_at + talk_and_ring + self._margins.hang_up_after_s,
                next_check_at=self._now + self._margins.adopt_after_s,
                counted=choice.counted,
                h=view.baseline.rate(country, klass, self._now, policy.rotation),
                r=member.index,
                baseline_class=klass,
                sticky_epoch=policy.sticky_epoch,
                decision=choice.record,
            )
        )
        picture = view.index.picture
        is_stored = self._now - self._stored_pictures.get(picture.hash, -inf) < PICTURE_STANDS_S
        if not is_stored and picture.hash not in self._changes.pictures:
            self._changes.pictures[picture.hash] = (attempt.campaign, picture_body(picture, policy))
        if member.number in view.probing:
            self._probe(member.number, view)
        self._in_call.add((attempt.key.tenant, attempt.contact))
        self._volumes[member.number] = self._volumes.get(member.number, 0) + 1
        self._metrics.picks.labels(tier=choice.tier).inc()
        if choice.tier is Tier.STICKY:
            self._metrics.sticky_events.labels(event="reused").inc()

    def _count_skips(self, asked: AttemptFacts, view: PoolView) -> None:
        """Looked up once per turn, country and set of instructions: a pool may have a thousand numbers."""
        without = view.index.without_instruction(asked)
        key = (view.policy.campaign, asked.contact.country, without)
        if key not in self._skips:
            self._skips[key] = Counter(reason for _, reason in view.index.skips(asked, without))
        for reason, count in self._skips[key].items():
            self._metrics.pick_skips.labels(reason=reason).inc(count)

    def _probe(self, number: NumberId, view: PoolView) -> None:
        """The number was failing; this call is its one probe for a while, on every replica."""
        self._changes.health.setdefault(number, view.probing[number].probing(self._now))
        self._changes.eligibility_changed = True
        self._probed.add(number)

    def _class_of(self, attempt: WaitingAttempt) -> str:
        """First attempts and retries answer differently: the producer's count decides, else earlier calls."""
        if attempt.attempt_no is not None:
            return "first" if attempt.attempt_no <= 1 else "retry"
        return "retry" if attempt.key in self._facts.called_before else "first"
