"""What a turn writes to the model, in the order of postgres/turn.py: refused as a whole, or one effect at the commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from outdial.dispatch.place import identity_of
from outdial.errors import DatabaseRefused, Permanent
from outdial.ports.records import Intent, OpenCall, Parked, TurnChanges, WaitingAttempt
from outdial.postgres.plan import carry_of
from outdial.postgres.settle import RELAY_GRACE_S
from outdial.rules.blocker import Blocker
from outdial.rules.call_fate import CallFacts
from outdial.rules.ids import AttemptKey, CampaignId, NumberId
from outdial.rules.number_health import NumberHealth
from tests.simulation.database_model import Database
from tests.simulation.model_rows import wake
from tests.simulation.row_locks import Transaction
from tests.simulation.tables import OutcomeRow, Seat
from tests.simulation.witness import Witness


class TurnWrite:
    """One turn's changes on their way into the tables."""

    def __init__(
        self, database: Database, transaction: Transaction, worker: UUID, changes: TurnChanges, now: float,
        looked_at: float,
    ) -> None:  # fmt: skip
        self._database, self._tables, self._transaction = database, database.tables, transaction
        self._worker, self._changes, self._now, self._looked_at = worker, changes, now, looked_at
        self._over = [e.call.identity for e in changes.ended if e.call is not None]
        self._over += [call.identity for call, *_ in changes.given_back]
        self._woken: list[AttemptKey] = []

    def prepare(self) -> Sequence[CampaignId]:
        """Check and lock; returns the campaigns of attempts that this wakes."""
        self._refuse_what_is_not_there()
        self._find_sleepers()
        self._transaction.effects.append(self._effect)
        return [self._tables.waiting[key].attempt.campaign for key in self._woken]

    def _refuse_what_is_not_there(self) -> None:
        tables, changes = self._tables, self._changes
        for identity in self._over:
            row = tables.calls.get(identity.key)
            if row is None or row.call.identity.placement != identity.placement:
                raise Permanent("a call vanished while it was locked")
        for key in [*changes.ended_waiting, *(i.attempt.key for i in changes.intents)]:
            if key not in tables.waiting:
                raise Permanent("an attempt left the waiting room while it was locked")
        closing = {identity.key for identity in self._over}
        busy = {(k.tenant, r.call.identity.contact) for k, r in tables.calls.items() if k not in closing}
        for intent in changes.intents:
            contact = (intent.attempt.key.tenant, intent.attempt.contact)
            if contact in busy:
                self._database.book.violate("a contact would be in two calls; only the unique index noticed")
                raise DatabaseRefused("23505", "UniqueViolationError")
            busy.add(contact)

    def _find_sleepers(self) -> None:
        contacts = {(i.key.tenant, i.contact) for i in self._over}
        gone = {*self._changes.ended_waiting, *(i.attempt.key for i in self._changes.intents)}
        parked = {p.key: p for _, p in self._changes.parked}
        for key, seat in self._tables.waiting.items():
            blocker = parked[key].blocker if key in parked else seat.attempt.blocker
            sleeps = blocker is Blocker.CONTACT_IN_CALL and (key.tenant, seat.attempt.contact) in contacts
            if sleeps and key not in gone and self._database.locks.try_lock(self._transaction, ("waiting", key)):
                self._woken.append(key)

    def _effect(self) -> None:
        tables, changes = self._tables, self._changes
        Witness(self._database, changes, self._looked_at, self._now).look()
        for identity, facts in changes.updated_calls:
            if (row := tables.calls.get(identity.key)) is not None:
                row.call = replace(row.call, facts=facts)
        for identity in self._over:
            tables.close_call(identity.key)
        for key in changes.ended_waiting:
            tables.waiting.pop(key, None)
        for ended in changes.ended:
            tables.outcomes[ended.key] = OutcomeRow(ended, ended.outcome)
        for call, parked, excluded, picks in changes.given_back:
            tables.waiting[call.identity.key] = _waits_again(call, parked, excluded, picks)
        for intent in changes.intents:
            self._reserve(intent)
        for _, parked in changes.parked:
            _park(tables.waiting[parked.key], parked)
        tables.update_limits(changes.limits)
        self._learn()
        self._correct()
        tables.add_events(changes.events, self._now + RELAY_GRACE_S)
        for key in self._woken:
            wake(tables.waiting[key])
        if changes.eligibility_changed:
            tables.bump()
        self._check()
        if changes.intents and self._transaction.owner is not None:
            for listener in self._database.on_intents:
                listener(self._transaction.owner, changes.intents[0].attempt.key)

    def _reserve(self, intent: Intent) -> None:
        tables = self._tables
        del tables.waiting[intent.attempt.key]
        hour = self._now - self._now % 3_600
        tables.volumes[intent.number, hour] = tables.volumes.get((intent.number, hour), 0) + 1
        tables.open_call(_call_of(intent), self._worker)

    def _learn(self) -> None:
        tables, changes = self._tables, self._changes
        tables.members.update(changes.members)
        tables.baselines.update(changes.baselines)
        tables.health.update(changes.health)
        tables.numbers_out.update(number for number, health in changes.health.items() if _is_in_trouble(health))
        tables.spam_signals.update(dict.fromkeys(changes.spam_signals, self._now))
        tables.sticky.update(changes.assignments)

    def _correct(self) -> None:
        for past, facts, outcome in self._changes.corrected:
            row = self._tables.outcomes[past.call.identity.key]
            row.corrections += outcome != row.outcome
            row.outcome = outcome
            row.ended = replace(row.ended, outcome=outcome, facts=_corrected(row.ended.facts or CallFacts(), facts))

    def _check(self) -> None:
        changes = self._changes
        touched = {e.key for e in changes.ended} | {c.identity.key for c, *_ in changes.given_back}
        touched |= {i.attempt.key for i in changes.intents} | {p.key for _, p in changes.parked}
        started = {key for i in changes.intents for key in i.slots.limit_keys()}
        ended = {key for i in self._over for key in i.slots.limit_keys()}
        self._tables.check(sorted(touched), sorted(started | ended | changes.limits.keys()), sorted(started))


def _is_in_trouble(health: NumberHealth) -> bool:
    return health.carrier_rejected_at is not None or health.failing_since is not None or health.own_score > 0


def _call_of(intent: Intent) -> OpenCall:
    return OpenCall(
        identity=identity_of(intent), facts=CallFacts(next_check_at=intent.next_check_at), intent_at=intent.intent_at,
        place_at=intent.place_at, deadline=intent.deadline, counted=intent.counted, h=intent.h, r=intent.r,
        baseline_class=intent.baseline_class, sticky_epoch=intent.sticky_epoch, cancel_requested=False, from_number=intent.from_number,
        decision=dict(intent.decision), carry=carry_of(intent.attempt, intent.intent_at), request=intent.attempt.request,
    )  # fmt: skip


def _waits_again(call: OpenCall, p: Parked, excluded: frozenset[NumberId], picks: int) -> Seat:
    carry = call.carry
    attempt = WaitingAttempt(
        key=call.identity.key, campaign=call.identity.slots.campaign, contact=call.identity.contact, line=p.line,
        urgency=carry["urgency"], due_at=carry["due_at"], not_after=carry["not_after"], blocker=p.blocker,
        blocked_since=p.blocked_since, spilled=p.spilled, sticky_waited=p.sticky_waited, excluded=excluded, picks=picks,
        attempt_no=carry["attempt_no"], received_at=carry["received_at"], request=call.request, waited=p.waited,
    )  # fmt: skip
    return Seat(attempt, min(p.look_at, carry["not_after"]), p.next_eligible_at)


def _park(seat: Seat, p: Parked) -> None:
    seat.attempt = replace(
        seat.attempt, line=p.line, blocker=p.blocker, blocked_since=p.blocked_since, spilled=p.spilled,
        sticky_waited=p.sticky_waited, waited=p.waited,
    )  # fmt: skip
    seat.look_at, seat.next_eligible_at = min(p.look_at, seat.attempt.not_after), p.next_eligible_at


def _corrected(old: CallFacts, new: CallFacts) -> CallFacts:
    """As correct_outcomes: identity and times keep what they had, words are replaced if there are new ones."""
    return replace(
        old,
        answered_by=new.answered_by,
        answered_at=old.answered_at if old.answered_at is not None else new.answered_at,
        provider_status=new.provider_status or old.provider_status,
        provider_code=new.provider_code or old.provider_code,
        carrier_call_id=old.carrier_call_id or new.carrier_call_id,
        accepted_at=old.accepted_at if old.accepted_at is not None else new.accepted_at,
        ringing_at=old.ringing_at if old.ringing_at is not None else new.ringing_at,
    )
