"""Looks at every turn as it commits: which interesting states it brings, and promises that only the commit can show."""

from __future__ import annotations

from outdial.ports.records import CallIdentity, Intent, MemberKey, OpenCall, TurnChanges
from outdial.rules import call_fate as fate
from outdial.rules.attempt import MAY_BECOME, AttemptState
from outdial.rules.blocker import Blocker
from outdial.rules.catalogue_rows import NumberState
from outdial.rules.ids import E164, CampaignId, NumberId
from outdial.rules.outcome import Outcome
from outdial.rules.sticky import Assignment
from tests.simulation.carrier_model import Line
from tests.simulation.database_model import Database


class Witness:
    """One committing turn. `looked_at`: when it read the catalogue's version under its locks."""

    def __init__(self, database: Database, changes: TurnChanges, looked_at: float, now: float) -> None:
        self._tables, self._book = database.tables, database.book
        self._changes, self._looked_at, self._now = changes, looked_at, now

    def look(self) -> None:
        """Before the tables change."""
        for intent in self._changes.intents:
            self._intent(intent)
        for identity, facts in self._changes.updated_calls:
            before = self._tables.calls[identity.key].call.facts if identity.key in self._tables.calls else facts
            self._goes_on(identity, before, facts)
            if facts.state is fate.CallState.UNCONFIRMED and before.state is fate.CallState.PLACING:
                self._book.reach("unconfirmed")
            if facts.state is fate.CallState.PLACED and before.state is fate.CallState.UNCONFIRMED:
                self._book.reach("unconfirmed_call_found")
        self._ended()
        for _, parked in self._changes.parked:
            self._book.reach(f"blocker_{parked.blocker}")
        for call, parked, _, _ in self._changes.given_back:
            self._book.reach(f"given_back_{parked.blocker}")
            if call.facts.state is fate.CallState.UNCONFIRMED:
                self._book.reach("given_back_by_the_worker_that_was_thought_dead")
            elif call.facts.state is fate.CallState.PLACED:
                self._book.violate(f"attempt {call.identity.key.attempt_id} given back although placed")
        for past, _, outcome in self._changes.corrected:
            self._book.reach("outcome_corrected" if outcome != past.outcome else "outcome_annotated")
        for limit in self._changes.limits.values():
            if limit.circuit.open_until is not None:
                self._book.reach("circuit_probed" if limit.circuit.probe else "circuit_opened")

    def _ended(self) -> None:
        for ended in self._changes.ended:
            self._book.note(f"ended {ended.key.attempt_id} {ended.outcome} {ended.reason}")
            self._book.reach(f"ended_{ended.outcome}")
            if ended.call is not None and ended.call.facts.state is fate.CallState.UNCONFIRMED:
                ambiguous = ended.outcome == Outcome.AMBIGUOUS
                if ambiguous:
                    self._was_looked_for(ended.call)
                self._book.reach("unconfirmed_ended_ambiguous" if ambiguous else "unconfirmed_ended_with_outcome")
        for (campaign, contact), assignment in self._changes.assignments.items():
            self._sticks(campaign, contact, assignment)

    def _goes_on(self, identity: CallIdentity, before: fate.CallFacts, after: fate.CallFacts) -> None:
        """An open call only goes forward."""
        steps = MAY_BECOME[AttemptState(before.state)] | {AttemptState(before.state)}
        if AttemptState(after.state) not in steps or after.progress < before.progress:
            self._book.violate(f"call {identity.placement} went from {before.state} back to {after.state}")
        if before.carrier_call_id not in (None, after.carrier_call_id):
            self._book.violate(f"call {identity.placement} has become another call of its carrier")
        if before.answered_at is not None and (after.answered_at is None or after.answered_at > before.answered_at):
            self._book.violate(f"call {identity.placement} was answered, and later was not")

    def _was_looked_for(self, call: OpenCall) -> None:
        """Given up only after the carrier's settle time and a second search, or at the deadline where no search proves."""
        waited = self._now - call.intent_at
        if waited < fate.SEARCH_GAP_S + Line.settle_time_s - 3.0 and self._now < call.deadline - 3.0:
            self._book.violate(f"attempt {call.identity.key.attempt_id} was given up {waited:.1f} s after its intent")

    def _sticks(self, campaign: CampaignId, contact: E164, new: Assignment) -> None:
        """The first number that wins a contact keeps it for as long as it may call."""
        tables, book = self._tables, self._book
        epoch = tables.catalogue.campaigns[campaign].sticky_epoch
        if new.epoch != epoch:
            book.violate(f"an assignment of epoch {new.epoch} was made in epoch {epoch}")
        old, caller = tables.sticky.get((campaign, contact)), self._caller(new)
        is_new = old is None or old.bound_by != new.bound_by
        if is_new and caller is not None and caller.sticky_epoch != epoch:
            book.violate(f"a call of epoch {caller.sticky_epoch} bound its number in epoch {epoch}")
        if old is None or old.epoch != epoch:
            return
        member = tables.catalogue.members.get(MemberKey(campaign, old.number))
        if member is None or old.bound_at < (member.added_at or 0.0):
            return
        if old.number == new.number:
            if (old.bound_at, old.bound_by) != (new.bound_at, new.bound_by):
                book.violate("an assignment that held was made anew")
            return
        book.reach("sticky_moved")
        if not self._had_a_reason(old.number, new):
            book.violate(f"a contact was moved from {old.number} to {new.number} without a reason")

    def _caller(self, new: Assignment) -> OpenCall | None:
        calls = ((key, row.call) for key, row in self._tables.calls.items())
        return next((call for key, call in calls if new.bound_by == f"attempt {key.attempt_id}"), None)

    def _had_a_reason(self, left: NumberId, new: Assignment) -> bool:
        tables, mover = self._tables, self._caller(new)
        rejected = mover is not None and left in mover.carry["excluded"]
        capped = "max_calls_24h" in tables.catalogue.numbers[left].settings
        return left in tables.numbers_out or rejected or capped

    def _intent(self, intent: Intent) -> None:
        attempt, tables, book = intent.attempt, self._tables, self._book
        book.note(f"intent {attempt.key.attempt_id} {intent.placement} from {intent.number}")
        book.reach(f"tier_{intent.decision.get('tier')}")
        number = tables.catalogue.numbers.get(intent.number)
        if number is None or number.state is not NumberState.ACTIVE or number.paused:
            book.violate(f"number {intent.number} was not in use at the intent")
        elif (attempt.campaign, intent.number) not in tables.catalogue.members:
            book.violate(f"number {intent.number} was not in the pool at the intent")
        if number is not None and number.connection != intent.slots.connection:
            book.violate("the intent goes through another connection than its number's")
        if attempt.not_after <= self._now - 1.0:
            book.violate(f"attempt {attempt.key.attempt_id} was planned after its not_after")
        if attempt.key in tables.cancellations:
            book.violate(f"attempt {attempt.key.attempt_id} was planned although it was canceled")
        if (attempt.key.tenant, attempt.contact) in tables.suppressed:
            book.violate(f"attempt {attempt.key.attempt_id} was planned although its contact is suppressed")
        limits = [tables.limits[key] for key in intent.slots.limit_keys()]
        if any(limit.paused for limit in limits):
            book.violate("an intent on a paused tenant, campaign or connection")
        if attempt.blocker is Blocker.CONTACT_IN_CALL:
            book.violate("an attempt was planned while it slept for its contact's other call")
