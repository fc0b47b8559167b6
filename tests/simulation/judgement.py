"""The promises (facts/reliability C), checked from what the carrier, the broker and the tables wrote down themselves."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from outdial.ports.records import MemberKey
from outdial.rules.attempt import AttemptRequest, CancelRequest
from outdial.rules.call_progress import CallNews, Progress
from outdial.rules.capacity import LimitKey, LimitKind
from outdial.rules.ids import AttemptKey, Placement
from outdial.rules.outcome import Ending, Outcome, answer_for_rate, is_answered
from tests.simulation.broker_model import Broker
from tests.simulation.carrier_model import EPOCH, Exchange
from tests.simulation.scenario import known_policy
from tests.simulation.tables import OutcomeRow, Tables
from tests.simulation.worker import Worker

_FINAL = ("ended", "rejected", "expired")
_UNPROVEN = {Outcome.AMBIGUOUS, Outcome.UNKNOWN}


class Judgement:
    """Looks at what was promised to whoever called back, and judges the rest at the end."""

    def __init__(self, tables: Tables, broker: Broker, exchange: Exchange) -> None:
        self._tables, self._broker, self._exchange, self._book = tables, broker, exchange, tables.book

    def called_back(self, placement: Placement, news: Sequence[CallNews]) -> None:
        """A replica has thanked for that news: from now on it must be known whatever happens to that replica."""
        tables = self._tables
        key = tables.keys[placement]
        row = tables.calls.get(key)
        if row is not None and row.call.identity.placement == placement:
            facts, rank = row.call.facts, max(one.progress for one in news)
            ours = facts.carrier_call_id in (None, news[0].carrier_call_id)
            if ours and facts.progress < rank:
                self._book.violate(f"a callback was answered before it was stored: {rank.name} of {placement}")
        elif key in tables.outcomes:
            final = next((one for one in news if one.progress is Progress.FINAL), None)
            if final is not None and tables.outcomes[key].outcome in _UNPROVEN:
                self._book.violate(f"the true end of {placement} was answered and not stored")

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
            self._optional(key, row, {kind for kind, *_ in events})
            if len(final) != 1:
                self._book.violate(f"attempt {key.attempt_id} has {len(final)} final events")
            if len(corrected) != row.corrections:
                self._book.violate(
                    f"attempt {key.attempt_id}: {len(corrected)} corrections told, {row.corrections} made"
                )
            self._last_word(row, events)

    def _optional(self, key: AttemptKey, row: OutcomeRow, told: set[str]) -> None:
        """What the campaign asked to be told."""
        settings = self._tables.catalogue.campaigns[row.ended.campaign].settings
        wanted = settings["optional_events"]
        facts = row.ended.facts
        assert isinstance(wanted, list)
        happened = {
            "accepted": row.ended.outcome != Ending.REJECTED_REQUEST and row.ended.received_at < row.ended.ended_at
        }
        if facts is not None and row.corrections == 0:
            happened |= {"placed": facts.accepted_at is not None}
        for kind in told & {"accepted", "placed", "answered"} - set(wanted):
            self._book.violate(f"attempt {key.attempt_id}: {kind} was told though nobody asked for it")
        for kind in wanted:
            if happened.get(kind) and kind not in told:
                self._book.violate(f"attempt {key.attempt_id}: {kind} was not told")

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
