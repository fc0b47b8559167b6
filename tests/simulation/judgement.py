"""The promises (facts/reliability C), checked from what the carrier, the broker and the tables wrote down themselves."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from outdial.ports.records import MemberKey
from outdial.rules.attempt import AttemptRequest, CancelRequest
from outdial.rules.capacity import LimitKey, LimitKind
from outdial.rules.ids import CampaignId, NumberId
from outdial.rules.outcome import Ending, Outcome, answer_for_rate, is_answered
from tests.simulation.broker_model import Broker
from tests.simulation.carrier_model import EPOCH, Create, Exchange
from tests.simulation.scenario import known_policy
from tests.simulation.tables import OutcomeRow, Tables
from tests.simulation.worker import PLACE_WITHIN_S, Worker

ON_THE_WAY_S = 0.05
"""A create request takes no longer to reach the carrier after its last check."""
_FINAL = ("ended", "rejected", "expired")
_UNPROVEN = {Outcome.AMBIGUOUS, Outcome.UNKNOWN}


class Judgement:
    """Watches create requests as they reach the carrier, and judges the rest at the end."""

    def __init__(self, tables: Tables, broker: Broker, exchange: Exchange) -> None:
        self._tables, self._broker, self._exchange, self._book = tables, broker, exchange, tables.book
        self._limits: dict[LimitKey, list[tuple[float, int | None]]] = {
            key: [(-1.0, limit.max_calls)] for key, limit in tables.limits.items()
        }
        self.numbers_out: set[NumberId] = set()
        """Numbers that an operator took out, flagged or removed at some time."""
        self.epochs_raised: set[CampaignId] = set()
        exchange.on_create.append(self._created)

    def limit_changed(self, key: LimitKey, most: int | None) -> None:
        """An operator's change took effect."""
        self._limits[key].append((self._book.now(), most))

    # -- at every create request

    def _created(self, create: Create) -> None:
        tables, book = self._tables, self._book
        key = tables.keys.get(create.placement)
        row = tables.calls.get(key) if key is not None else None
        if key is None or row is None or row.call.identity.placement != create.placement:
            book.violate(f"a create request without an open intent: {create.placement}")
            if key is None:
                return
        call = row.call if row is not None else tables.outcomes[key].ended.call if key in tables.outcomes else None
        if call is not None and create.at + EPOCH - call.intent_at > PLACE_WITHIN_S + 2.0 + ON_THE_WAY_S:
            book.violate(f"a create request {create.at + EPOCH - call.intent_at:.1f} s after its intent")
        earlier = [c for c in self._exchange.creates[:-1] if tables.keys.get(c.placement) == key and not c.proven]
        if earlier:
            book.violate(f"a second create request for attempt {key.attempt_id}")
        if create.call is not None:
            self._count(create)

    def _count(self, create: Create) -> None:
        under_way: Counter[LimitKey] = Counter()
        contacts: Counter[tuple[str, str]] = Counter()
        for call in self._exchange.calls.values():
            if call.created_at <= create.at < call.ends_at:
                identity = self._identity(call.placement)
                if identity is not None:
                    under_way.update(identity.slots.limit_keys())
                    contacts[identity.key.tenant, identity.contact] += 1
        for key, count in sorted(under_way.items()):
            most = self._most(key, create.at)
            if most is not None and count > most:
                self._book.violate(f"{key.kind} {key.id}: {count} calls at the carrier, limit {most}")
        if contacts and max(contacts.values()) > 1:
            self._book.violate("a contact is in two calls of one tenant at the carrier")

    def _most(self, key: LimitKey, at: float) -> float | None:
        """The highest limit in force between the earliest moment of the intent and now."""
        since = at - PLACE_WITHIN_S - ON_THE_WAY_S
        history = self._limits[key]
        standing = [most for when, most in history if when <= since][-1:]
        inside = [most for when, most in history if since < when <= at]
        values = standing + inside
        return None if None in values else max(most for most in values if most is not None)

    def _identity(self, placement: Any) -> Any:
        key = self._tables.keys.get(placement)
        if key is None:
            return None
        row, past = self._tables.calls.get(key), self._tables.outcomes.get(key)
        for call in (row.call if row else None, past.ended.call if past else None):
            if call is not None and call.identity.placement == placement:
                return call.identity
        return None

    # -- at the end

    def judge(self, *, ended_in_time: bool, workers: Sequence[Worker]) -> None:
        """All of them."""
        if not ended_in_time:
            self._tell_what_is_stuck()
            return
        self._attempts()
        self._one_call_each()
        self._start_rate()
        self._slots()
        self._events()
        self._answer_rates()
        self._stickies()
        for worker in workers:
            if not worker.process.dead and "turns" not in worker.background.alive():
                self._book.violate(f"{worker.process.name} has lost its turns")

    def _tell_what_is_stuck(self) -> None:
        tables = self._tables
        waiting = [f"{s.attempt.blocker} line {s.attempt.line!r}" for s in tables.waiting.values()]
        calls = [f"{r.call.facts.state} check {r.call.facts.next_check_at - EPOCH:.0f}" for r in tables.calls.values()]
        unacked = [name for name in self._broker.sent if name not in self._broker.acked]
        self._book.violate(
            f"not all has ended: waiting {waiting}, calls {calls}, outbox {len(tables.outbox)}, unacked {unacked}, "
            f"at the broker {[m.name for m in self._broker.ready]}, at the carrier {len(self._exchange.pending)}"
        )

    def _attempts(self) -> None:
        tables, known = self._tables, set()
        for message in self._broker.sent.values():
            if isinstance(message.request, AttemptRequest):
                known.add(message.request.key)
                if message.request.key not in tables.outcomes:
                    self._book.violate(f"attempt {message.request.key.attempt_id} has no outcome")
            elif isinstance(message.request, CancelRequest):
                self._cancel(message.request)
        for key in tables.attempts.keys() - known:
            self._book.violate(f"attempt {key.attempt_id} came from nowhere")
        if sum(m.request is None for m in self._broker.sent.values()) > tables.dead_letters:
            self._book.violate("an unreadable message is not among the dead letters")

    def _cancel(self, cancel: CancelRequest) -> None:
        """Once acked before the intent, it forbids the call."""
        row = self._tables.outcomes.get(cancel.key)
        acked = min(
            (self._broker.acked[name] for name, m in self._broker.sent.items() if m.request == cancel), default=0.0
        )
        if row is not None and row.ended.call is not None and row.ended.call.intent_at > EPOCH + acked + 3.0:
            self._book.violate(f"attempt {cancel.key.attempt_id} was dialled after its cancel")

    def _one_call_each(self) -> None:
        calls: dict[Any, list[str]] = defaultdict(list)
        for call in self._exchange.calls.values():
            calls[self._tables.keys.get(call.placement)].append(call.id)
        for key, ids in calls.items():
            if len(ids) > 1:
                self._book.violate(f"{len(ids)} calls for attempt {key.attempt_id if key else key}")
            row = self._tables.outcomes.get(key)
            if row is not None:
                self._is_true(row, ids[0])

    def _is_true(self, row: OutcomeRow, call_id: str) -> None:
        call = self._exchange.calls[call_id]
        if row.ended.call is None:
            self._book.violate(f"attempt {row.ended.key.attempt_id} ended as {row.outcome} without its call")
            return
        if row.outcome in _UNPROVEN:
            self._book.reach("call_without_known_outcome")
            if row.outcome == Outcome.AMBIGUOUS and call.connection not in self._exchange.unsearchable:
                self._book.violate(f"attempt {row.ended.key.attempt_id} ended as ambiguous, its call was in the list")
        elif row.outcome == Ending.EXPIRED:
            self._book.violate(f"attempt {row.ended.key.attempt_id} ended as expired in spite of its call")
        elif is_answered(Outcome(row.outcome)) != is_answered(call.outcome):
            self._book.violate(f"attempt {row.ended.key.attempt_id} ended as {row.outcome}, the call as {call.outcome}")
        if row.ended.ended_at - EPOCH < call.ends_at - 1.5:
            self._book.violate(f"attempt {row.ended.key.attempt_id} ended before its call")

    def _start_rate(self) -> None:
        starts: dict[str, list[float]] = defaultdict(list)
        for create in self._exchange.creates:
            starts[create.connection].append(create.at)
        for connection, times in starts.items():
            rate = self._tables.limits[LimitKey(LimitKind.CONNECTION, connection)].calls_per_second
            if rate is None:
                continue
            most = int(rate) or 1
            for first, last in zip(times, times[most:], strict=False):
                if last - first < 1.0:
                    self._book.violate(f"{connection}: {most + 1} starts within {last - first:.3f} s, rate {rate:g}")

    def _slots(self) -> None:
        for key, limit in self._tables.limits.items():
            if limit.in_use != 0:
                self._book.violate(f"{key.kind} {key.id}: {limit.in_use} in use after all has ended")

    def _events(self) -> None:
        told: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
        for event in self._broker.bodies.values():
            body = json.loads(event.body)
            if body["type"].startswith("call_attempt."):
                kind = body["type"].split(".")[1]
                told[body["subject"]].append((kind, body["sequence"], str(body["data"].get("outcome"))))
        for event_id in self._tables.outbox_ever - self._broker.published.keys():
            self._book.violate(f"event {event_id} was never published")
        for key, row in self._tables.outcomes.items():
            events = told[str(key.attempt_id)]
            final = [kind for kind, *_ in events if kind in _FINAL]
            corrected = [outcome for kind, _, outcome in sorted(events, key=lambda e: e[1]) if kind == "corrected"]
            if len(final) != 1:
                self._book.violate(f"attempt {key.attempt_id} has {len(final)} final events")
            if len(corrected) != row.corrections:
                self._book.violate(
                    f"attempt {key.attempt_id}: {len(corrected)} corrections told, {row.corrections} made"
                )
            self._last_word(row, events)

    def _last_word(self, row: OutcomeRow, events: list[tuple[str, int, str]]) -> None:
        """The event of the highest sequence says what the outcome is."""
        if not events:
            return
        last = max(events, key=lambda e: e[1])
        shown = "rejected" if row.outcome == Ending.REJECTED_REQUEST else row.outcome
        if last[2] != shown:
            self._book.violate(f"attempt {row.ended.key.attempt_id} is {row.outcome}, its last event says {last[2]}")

    def _answer_rates(self) -> None:
        """The counters are the fold of the outcomes."""
        counted: Counter[MemberKey] = Counter()
        answered: Counter[MemberKey] = Counter()
        for row in self._tables.outcomes.values():
            if row.ended.call is None or not row.ended.call.counted or row.outcome == Ending.EXPIRED:
                continue
            policy = known_policy(self._tables.catalogue.campaigns[row.ended.campaign], spam_threshold=0.75)
            said = answer_for_rate(Outcome(row.outcome), policy)
            if said is not None:
                member = MemberKey(row.ended.campaign, row.ended.call.identity.number)
                counted[member] += 1
                answered[member] += said
        for member in counted.keys() | self._tables.members.keys():
            stats = self._tables.members.get(member)
            have = (stats.attempts, stats.answered) if stats else (0, 0)
            if have != (counted[member], answered[member]):
                should = (counted[member], answered[member])
                self._book.violate(f"{member.campaign}/{member.number}: counters {have}, outcomes say {should}")

    def _stickies(self) -> None:
        """A contact's number is that of the call that bound it, and never moves without a reason."""
        for (campaign, contact), assignment in self._tables.sticky.items():
            by = assignment.bound_by.removeprefix("attempt ")
            row = next((r for k, r in self._tables.outcomes.items() if str(k.attempt_id) == by), None)
            if row is None or row.ended.call is None:
                self._book.violate("a sticky assignment by a call that there never was")
            elif row.ended.call.identity.number != assignment.number or row.ended.contact != contact:
                self._book.violate("a sticky assignment to a number that did not call the contact")
            elif campaign != row.ended.campaign:
                self._book.violate("a sticky assignment in another campaign than its call's")
