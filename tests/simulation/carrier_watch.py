"""Promises that show at the carrier, at the moment at which a create request or a hang-up reaches it."""

from __future__ import annotations

from collections import Counter

from outdial.ports.carriers import Refused, RefusedForNow
from outdial.ports.records import CallIdentity, OpenCall
from outdial.rules.attempt import AttemptRequest
from outdial.rules.call_fate import DEFAULT_BACKOFF_S, MAX_PICKS
from outdial.rules.capacity import LimitKey, LimitKind
from outdial.rules.ids import E164, AttemptKey, Placement
from outdial.rules.outcome import Outcome
from tests.simulation.broker_model import Broker
from tests.simulation.carrier_model import EPOCH, Call, Create, Exchange
from tests.simulation.model_rows import find_identity
from tests.simulation.scenario import ASLEEP
from tests.simulation.tables import Tables
from tests.simulation.worker import LATE_START_S, PLACE_WITHIN_S

ON_THE_WAY_S = 0.05
"""A create request takes no longer to reach the carrier after its last check."""


class CarrierWatch:
    """Judges every create request and every hang-up by what the carrier knows. `skew_s`: how far off clocks may be."""

    def __init__(self, tables: Tables, broker: Broker, exchange: Exchange, skew_s: float) -> None:
        self._tables, self._broker, self._exchange, self._book = tables, broker, exchange, tables.book
        self._apart_s = 2 * skew_s + 0.001
        """Two clocks may differ by so much."""
        self._limits: dict[LimitKey, list[tuple[float, int | None]]] = {
            key: [(-1.0, limit.max_calls)] for key, limit in tables.limits.items()
        }
        self._creates: dict[AttemptKey, list[Create]] = {}
        exchange.on_create.append(self._created)
        exchange.on_hang_up.append(self._hung_up)

    def limit_changed(self, key: LimitKey, most: int | None) -> None:
        """An operator's change took effect."""
        self._limits[key].append((self._book.now(), most))

    def _created(self, create: Create) -> None:
        tables, book = self._tables, self._book
        key = tables.keys.get(create.placement)
        if key is None:
            book.violate(f"a create request without an intent: {create.placement}")
            return
        row = tables.calls.get(key)
        if row is None or row.call.identity.placement != create.placement:
            book.violate(f"a create request without an open intent: {create.placement}")
        call = row.call if row is not None else tables.outcomes[key].ended.call if key in tables.outcomes else None
        if call is not None and create.at + EPOCH - call.intent_at > PLACE_WITHIN_S + 2.0 + ON_THE_WAY_S:
            book.violate(f"a create request {create.at + EPOCH - call.intent_at:.1f} s after its intent")
        if call is not None:
            self._paced(create, call)
        for earlier in self._creates.get(key, ()):
            self._again(key, earlier, create)
        self._creates.setdefault(key, []).append(create)
        self._in_its_time(key, create)
        if create.call is not None:
            self._count(create)

    def _paced(self, create: Create, call: OpenCall) -> None:
        """A start that has its place in a connection's pace is made then or given back."""
        limit = self._tables.limits[LimitKey(LimitKind.CONNECTION, create.connection)]
        late = create.at + EPOCH - call.place_at
        if limit.calls_per_second is not None and late > LATE_START_S + ON_THE_WAY_S + self._apart_s:
            self._book.violate(f"{create.connection}: a paced start came {late:.2f} s late")

    def _again(self, key: AttemptKey, earlier: Create, create: Create) -> None:
        """A further request of one attempt: only after a proof, with another number, and not before the carrier said."""
        match earlier.result:
            case Refused(outcome=Outcome.CALLER_ID_REJECTED):
                if create.from_number == earlier.from_number:
                    self._book.violate(f"attempt {key.attempt_id} calls again from the number that was rejected")
                if len(self._creates[key]) >= MAX_PICKS and self._all_rejected(key):
                    self._book.violate(f"attempt {key.attempt_id} is given a number for the {MAX_PICKS + 1}th time")
            case RefusedForNow(delay_s=delay_s):
                if create.at < earlier.at + (delay_s or DEFAULT_BACKOFF_S) - self._apart_s:
                    self._book.violate(f"attempt {key.attempt_id} calls again sooner than the carrier asked")
            case _:
                self._book.violate(f"a second create request for attempt {key.attempt_id}")

    def _all_rejected(self, key: AttemptKey) -> bool:
        results = [create.result for create in self._creates[key]]
        return all(isinstance(one, Refused) and one.outcome is Outcome.CALLER_ID_REJECTED for one in results)

    def _in_its_time(self, key: AttemptKey, create: Create) -> None:
        messages = self._broker.sent.values()
        request = next(m.request for m in messages if isinstance(m.request, AttemptRequest) and m.request.key == key)
        assert isinstance(request, AttemptRequest)
        if request.not_before is not None and create.at + EPOCH < request.not_before - self._apart_s:
            self._book.violate(f"attempt {key.attempt_id} was dialled before its time")
        if create.to == ASLEEP:
            self._book.violate(f"attempt {key.attempt_id} was dialled outside calling hours")
        self._is_within_its_cap(create.from_number)

    def _is_within_its_cap(self, e164: E164) -> None:
        rows = self._tables.catalogue.numbers.values()
        cap = next(
            (r.settings["max_calls_24h"] for r in rows if r.e164 == e164 and "max_calls_24h" in r.settings), None
        )
        if isinstance(cap, int) and sum(c.from_number == e164 for c in self._exchange.creates) > cap:
            self._book.violate(f"a number dials more than {cap} times a day")

    def _count(self, create: Create) -> None:
        under_way: Counter[LimitKey] = Counter()
        contacts: Counter[tuple[str, str]] = Counter()
        for call in self._exchange.calls.values():
            if call.created_at <= create.at < call.ends_at:
                identity = self._identity(call.placement)
                if identity is not None:
                    under_way.update(identity.slots.limit_keys())
                    contacts[identity.key.tenant, identity.contact] += 1
        mine = self._identity(create.placement)
        for key in mine.slots.limit_keys() if mine is not None else ():  # others may be above a limit lowered since
            most = self._most(key, create.at)
            if most is not None and under_way[key] > most:
                self._book.violate(f"{key.kind} {key.id}: {under_way[key]} calls at the carrier, limit {most}")
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

    def _identity(self, placement: Placement) -> CallIdentity | None:
        return find_identity(self._tables, placement)

    def _hung_up(self, call: Call) -> None:
        """Only what is over its limits, or cancelled before anybody answered."""
        key = self._tables.keys.get(call.placement)
        row = self._tables.calls.get(key) if key is not None else None
        if row is None or row.call.identity.placement != call.placement:
            return  # it ended while this was on its way
        if row.call.cancel_requested and self._book.now() + EPOCH < row.call.deadline - self._apart_s:
            self._book.reach("hung_up_by_cancel")
        elif self._book.now() + EPOCH >= row.call.deadline - self._apart_s:
            self._book.reach("hung_up_at_its_limits")
        else:
            self._book.violate(f"call {call.id} was hung up though nobody asked for it")
