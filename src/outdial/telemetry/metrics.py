"""Every metric of outdial, in one file: name, kind, labels, meaning. No label ever holds a phone number.

Names and labels are an interface; changing one is a changelog entry. Each app has its own registry. What is read from
the database (slots, waiting attempts, outbox) is the same on all replicas: dashboards take the maximum, never the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import generate_latest

from outdial import __version__
from outdial.rules.blocker import Blocker
from outdial.rules.outcome import Ending, Outcome
from outdial.rules.pool import SkipReason, Tier
from outdial.telemetry.metric_kinds import OPEN, Definitions, MetricFact
from outdial.telemetry.scopes import Scopes
from outdial.telemetry.shown import NUMBER_STATES, PoolFigures, SlotUse, bounded, show

__all__ = ["Metrics", "PoolFigures", "SlotUse"]

PLACE_RESULTS = ("accepted", "refused", "deferred", "not_sent", "ambiguous")
CALLBACK_RESULTS = ("applied", "unknown", "forged", "unreadable", "failed")
HANDED_ON_RESULTS = ("delivered", "refused", "failed", "dropped")
INTAKE_RESULTS = ("stored", "duplicate", "conflicting", "rejected", "canceled", "dead_lettered")
STICKY_EVENTS = ("bound", "moved", "reused")
WHY_NOT_CONSUMED = ("high_water", "broker")
INVARIANTS = ("several_calls_found", "slot_drift", "turn_refused")
READY_CHECKS = ("database", "broker", "schema", "draining")
BINDS, ANSWERED = ("connections", "tenant", "campaign"), ("yes", "no")

MOST_TENANTS, MOST_CAMPAIGNS = 100, 50
"""Tenants and campaigns that get series of their own, the busiest first; the rest is summed up as `_other`."""

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_CALL = (1, 5, 10, 20, 30, 45, 60, 120, 300, 900, 1800)


class Metrics:
    """The metrics of one replica. `scopes`: which connections and campaigns have series of their own."""

    def __init__(self, most_tenants: int = MOST_TENANTS, most_campaigns: int = MOST_CAMPAIGNS) -> None:
        self._most_tenants = most_tenants
        self.scopes = Scopes(most_campaigns, self._forget_campaign)
        self._define = Definitions()
        self.registry = self._define.registry
        self._define_intake()
        self._define_plan()
        self._define_place_and_follow()
        self._define_settle_and_relay()
        self._define_capacity()
        self._define_pools()
        self._define_process()

    def _define_intake(self) -> None:
        define = self._define
        self.attempts_received = define.counter(
            "outdial_attempts_received_total",
            "Messages taken from the attempt queues, by what became of them.",
            result=INTAKE_RESULTS,
        )
        self.redeliveries = define.counter(
            "outdial_redeliveries_total", "Messages that the broker had delivered before.", queue=OPEN
        )
        self.unknown_fields = define.counter("outdial_unknown_fields_total", "Unknown fields in messages, ignored.")
        self.ack_failures = define.counter(
            "outdial_ack_failures_total", "Acks on a dead channel; the delivery comes again."
        )
        self.queues_not_consumed = define.gauge(
            "outdial_queues_not_consumed",
            "Queues that this replica does not consume: above their high-water mark, or the broker does not let it.",
            why=WHY_NOT_CONSUMED,
        )
        self.dead_letters = define.gauge("outdial_dead_letters", "Dead letters not yet replayed.")

    def _define_plan(self) -> None:
        define = self._define
        self.waiting = define.gauge("outdial_waiting_attempts", "Attempts in the waiting room.", blocker=tuple(Blocker))
        self.parked = define.counter(
            "outdial_parked_total", "Attempts put aside while planning, by blocker.", blocker=tuple(Blocker)
        )
        self.picks = define.counter(
            "outdial_picks_total", "Numbers picked, by the tier that found them.", tier=tuple(Tier)
        )
        self.pick_skips = define.counter(
            "outdial_pick_skips_total",
            "Numbers that did not enter the draw of a pick, by the first reason that held.",
            reason=tuple(SkipReason),
        )
        self.intents = define.counter("outdial_intents_total", "Committed intents to dial.", campaign=OPEN)
        self.turn_seconds = define.histogram(
            "outdial_turn_seconds", "One turn: claim, lock, look, settle, reserve, park, commit.", _FAST
        )
        self.intake_to_start_seconds = define.histogram(
            "outdial_intake_to_start_seconds",
            "From intake to the start of the create request.",
            (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 900, 3600),
        )

    def _define_place_and_follow(self) -> None:
        define = self._define
        self.place_results = define.counter(
            "outdial_create_requests_total",
            "Create requests to carriers, by result.",
            provider=OPEN,
            connection=OPEN,
            result=PLACE_RESULTS,
        )
        self.place_seconds = define.histogram(
            "outdial_create_request_seconds",
            "From the intent's start time to the carrier's answer.",
            (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15),
            provider=OPEN,
        )
        self.calls_in_flight = define.gauge("outdial_calls_in_flight", "Create requests this replica has under way.")
        self.unconfirmed = define.gauge(
            "outdial_unconfirmed_attempts", "Attempts whose call may or may not exist; their slots are kept."
        )
        self.callbacks = define.counter(
            "outdial_callbacks_total",
            "Callbacks of carriers, by what became of them.",
            provider=OPEN,
            connection=OPEN,
            result=CALLBACK_RESULTS,
        )
        self.handed_on = define.counter(
            "outdial_callbacks_handed_on_total",
            "Callbacks handed on to customers' own applications, by what became of them.",
            result=HANDED_ON_RESULTS,
        )
        self.unknown_codes = define.counter(
            "outdial_unknown_carrier_codes_total", "Carrier codes that no table knows; recorded as they came."
        )

    def _define_settle_and_relay(self) -> None:
        define = self._define
        self.attempts_ended = define.counter(
            "outdial_attempts_ended_total",
            "Attempts that ended with a call, by outcome.",
            provider=OPEN,
            outcome=tuple(Outcome),
        )
        self.attempts_ended_without_call = define.counter(
            "outdial_attempts_ended_without_call_total", "Attempts that ended without a call.", outcome=tuple(Ending)
        )
        self.pool_attempts = define.counter(
            "outdial_pool_attempts_total",
            "Ended attempts that count for the answer rate of their pool.",
            campaign=OPEN,
            answered=ANSWERED,
        )
        self.corrections = define.counter(
            "outdial_corrections_total", "Settled outcomes that later evidence corrected."
        )
        self.sticky_events = define.counter(
            "outdial_sticky_total", "What happened to sticky assignments.", event=STICKY_EVENTS
        )
        self.call_seconds = define.histogram("outdial_call_seconds", "From answer to end, answered calls.", _CALL)
        self.ring_seconds = define.histogram(
            "outdial_ring_seconds", "From ringing to answer, or to the end of the call.", _CALL
        )
        self.events_published = define.counter("outdial_events_published_total", "Events confirmed by the broker.")
        self.events_unconfirmed = define.counter(
            "outdial_events_unconfirmed_total", "Publishes without a confirm; they are repeated."
        )
        self.outbox_pending = define.gauge("outdial_outbox_pending", "Events that wait in the outbox.")
        self.outbox_oldest_seconds = define.gauge(
            "outdial_outbox_oldest_seconds", "Age of the oldest event in the outbox; 0 when it is empty."
        )

    def _define_capacity(self) -> None:
        define = self._define
        self.slots_in_use = define.gauge(
            "outdial_slots_in_use",
            "Slots in use, read from the database: the same on all replicas.",
            kind=OPEN,
            id=OPEN,
        )
        self.slots_limit = define.gauge(
            "outdial_slots_limit", "The limit of slots; no series where there is none.", kind=OPEN, id=OPEN
        )
        self.slot_drift = define.gauge(
            "outdial_slot_drift", "Counters that differ from the calls themselves; must be 0."
        )
        self.circuits_open = define.gauge(
            "outdial_circuits_open", "1 while a connection's circuit lets no starts through, else 0.", connection=OPEN
        )

    def _define_pools(self) -> None:
        define = self._define
        self.pool_waiting = define.gauge("outdial_pool_waiting_attempts", "Waiting attempts.", campaign=OPEN)
        self.pool_in_line = define.gauge(
            "outdial_pool_in_line_attempts", "Waiting attempts that need nothing but room.", campaign=OPEN
        )
        self.pool_ceiling = define.gauge(
            "outdial_pool_ceiling", "Calls the pool could have at once; no series where unbounded.", campaign=OPEN
        )
        self.pool_free_slots = define.gauge(
            "outdial_pool_free_slots",
            "Slots that a call could take now, the pace aside; no series where unbounded.",
            campaign=OPEN,
        )
        self.pool_binds = define.gauge(
            "outdial_pool_binds", "1 where this sets the pool's ceiling.", campaign=OPEN, by=BINDS
        )
        self.pool_numbers = define.gauge(
            "outdial_pool_numbers",
            "Members of the pool that may call, or the first reason why they may call nobody.",
            campaign=OPEN,
            state=NUMBER_STATES,
        )

    def _define_process(self) -> None:
        define = self._define
        self.ready = define.gauge("outdial_ready", "Whether this replica is ready: 1 or 0.")
        self.ready_checks = define.gauge("outdial_ready_check", "Each check of readiness: 1 = ok.", check=READY_CHECKS)
        self.task_failures = define.counter("outdial_task_failures_total", "Failed background tasks.", task=OPEN)
        self.invariant_violations = define.counter(
            "outdial_invariant_violations_total", "What must never happen, and did.", invariant=INVARIANTS
        )
        self.event_loop_lag_seconds = define.histogram(
            "outdial_event_loop_lag_seconds", "How late the event loop woke up.", _FAST
        )
        self.clock_uncertainty_seconds = define.gauge(
            "outdial_clock_uncertainty_seconds", "By how much our time may differ from the database's."
        )
        self.clock_ahead_seconds = define.gauge(
            "outdial_clock_ahead_seconds", "How far our time is ahead of a database clock that was set back."
        )
        self.build_info = define.gauge("outdial_build_info", "Always 1; says which version runs.", version=OPEN)
        self.build_info.labels(version=__version__).set(1)

    def know(self, connections: Mapping[str, str], campaigns: Iterable[str]) -> None:
        """The catalogue's connections, each with its provider, and its campaigns. Their series exist at 0 from then on."""
        self.scopes.know(connections, campaigns)
        for connection, provider in connections.items():
            for result in PLACE_RESULTS:
                self.place_results.labels(provider, connection, result)
            for result in CALLBACK_RESULTS:
                self.callbacks.labels(provider, connection, result)
        for provider in set(connections.values()):
            for outcome in Outcome:
                self.attempts_ended.labels(provider, outcome)

    def intent(self, campaign: str) -> None:
        """An intent of that campaign was committed."""
        self.intents.labels(self.scopes.campaign(campaign)).inc()

    def asked(self, connection: str, result: str, seconds: float) -> None:
        """A create request through that connection had that result."""
        provider = self.scopes.provider(connection)
        self.place_results.labels(provider, self.scopes.connection(connection), result).inc()
        self.place_seconds.labels(provider).observe(seconds)

    def called_back(self, connection: str | None, result: str) -> None:
        """A callback of that connection (None = of no connection of ours) came to that."""
        known = self.scopes.connection(connection)
        self.callbacks.labels(self.scopes.provider(known), known, result).inc()

    def ended(self, connection: str, campaign: str, outcome: Outcome, answered: bool | None) -> None:
        """An attempt ended with a call; `answered` None = it says nothing about the pool's answer rate."""
        self.attempts_ended.labels(self.scopes.provider(connection), outcome).inc()
        if answered is not None:
            self.pool_attempts.labels(self.scopes.campaign(campaign), "yes" if answered else "no").inc()

    def show_slots(self, uses: Iterable[SlotUse]) -> None:
        """Show the limits rows as they are now."""
        shown = bounded(uses, self._most_tenants, self.scopes.campaigns())
        show(self.slots_in_use, {(use.kind, use.id): use.in_use for use in shown})
        show(self.slots_limit, {(use.kind, use.id): use.limit for use in shown})

    def show_circuits(self, connections: Mapping[str, bool]) -> None:
        """Whether the circuit of each connection is open."""
        show(self.circuits_open, {(name,): is_open for name, is_open in connections.items()})

    def show_pools(self, pools: Sequence[PoolFigures]) -> None:
        """Show these pools as they are now, and no others."""
        for one in pools:
            self.intents.labels(one.campaign)
        show(self.pool_waiting, {(one.campaign,): one.waiting for one in pools})
        show(self.pool_in_line, {(one.campaign,): one.in_line for one in pools})
        show(self.pool_ceiling, {(one.campaign,): one.ceiling for one in pools})
        show(self.pool_free_slots, {(one.campaign,): one.free_now for one in pools})
        show(self.pool_binds, {(one.campaign, by): by in one.binds for one in pools for by in BINDS})
        show(self.pool_numbers, {(one.campaign, of): one.numbers.get(of, 0) for one in pools for of in NUMBER_STATES})

    def _forget_campaign(self, campaign: str) -> None:
        self.intents.remove_by_labels({"campaign": campaign})
        self.pool_attempts.remove_by_labels({"campaign": campaign})

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def facts(self) -> Sequence[MetricFact]:
        """Every metric in order, for the reference page and for tests."""
        return self._define.facts
