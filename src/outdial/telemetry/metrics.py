"""Every metric of outdial, in one file: name, kind, labels, meaning. No label ever holds a phone number.

Names and labels are an interface; changing one is a changelog entry. Each app has its own registry.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from outdial.rules.blocker import Blocker
from outdial.rules.outcome import Outcome
from outdial.rules.pool import Tier

PLACE_RESULTS = ("accepted", "refused", "deferred", "not_sent", "ambiguous")
CALLBACK_RESULTS = ("applied", "unknown", "forged", "unreadable", "failed")
INTAKE_RESULTS = ("stored", "duplicate", "conflicting", "rejected", "canceled", "dead_lettered")


class Metrics:
    """The metrics of one replica."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.attempts_received = self._counter(
            "outdial_attempts_received_total",
            "Messages taken from the attempt queues, by what became of them.",
            {"result": INTAKE_RESULTS},
        )
        self.unknown_fields = self._counter("outdial_unknown_fields_total", "Unknown fields in messages, ignored.")
        self.attempts_ended = self._counter(
            "outdial_attempts_ended_total",
            "Attempts that ended with a call, by outcome.",
            {"outcome": tuple(Outcome)},
        )
        self.attempts_ended_without_call = self._counter(
            "outdial_attempts_ended_without_call_total",
            "Attempts that ended without a call.",
            {"outcome": ("rejected_request", "expired", "canceled")},
        )
        self.picks = self._counter(
            "outdial_picks_total", "Numbers picked, by the tier that found them.", {"tier": tuple(Tier)}
        )
        self.parked = self._counter(
            "outdial_parked_total", "Attempts put aside while planning, by blocker.", {"blocker": tuple(Blocker)}
        )
        self.place_results = self._counter(
            "outdial_create_requests_total", "Create requests to carriers, by result.", {"result": PLACE_RESULTS}
        )
        self.place_seconds = self._histogram(
            "outdial_create_request_seconds",
            "From the intent's start time to the carrier's answer.",
            (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
        )
        self.intake_to_start_seconds = self._histogram(
            "outdial_intake_to_start_seconds",
            "From intake to the start of the create request.",
            (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300),
        )
        self.callbacks = self._counter(
            "outdial_callbacks_total", "Callbacks of carriers, by what became of them.", {"result": CALLBACK_RESULTS}
        )
        self.unknown_codes = self._counter(
            "outdial_unknown_carrier_codes_total", "Carrier codes that no table knows; recorded as they came."
        )
        self.turn_seconds = self._histogram(
            "outdial_turn_seconds",
            "One turn: claim, lock, look, settle, reserve, park, commit.",
            (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1),
        )
        self.intents = self._counter("outdial_intents_total", "Committed intents to dial.")
        self.calls_in_flight = self._gauge("outdial_calls_in_flight", "Create requests this replica has under way.")
        self.events_published = self._counter("outdial_events_published_total", "Events confirmed by the broker.")
        self.events_unconfirmed = self._counter(
            "outdial_events_unconfirmed_total", "Publishes without a confirm; they are repeated."
        )
        self.outbox_pending = self._gauge("outdial_outbox_pending", "Events that wait in the outbox.")
        self.dead_letters = self._gauge("outdial_dead_letters", "Dead letters not yet replayed.")
        self.unconfirmed = self._gauge("outdial_unconfirmed_attempts", "Attempts whose call may or may not exist.")
        self.waiting = self._gauge("outdial_waiting_attempts", "Attempts in the waiting room.")
        self.slots_in_use = self._gauge(
            "outdial_slots_in_use", "Slots in use, read from the database: the same on all replicas.", ("kind", "id")
        )
        self.slots_limit = self._gauge("outdial_slots_limit", "The limit of slots.", ("kind", "id"))
        self.slot_drift = self._gauge(
            "outdial_slot_drift", "Counters that differ from the calls themselves; must be 0."
        )
        self.ack_failures = self._counter(
            "outdial_ack_failures_total", "Acks on a dead channel; the delivery comes again."
        )
        self.task_failures = self._counter("outdial_task_failures_total", "Failed background tasks.", labels=("task",))
        self.event_loop_lag_seconds = self._histogram(
            "outdial_event_loop_lag_seconds",
            "How late the event loop woke up.",
            (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1),
        )
        self.invariant_violations = self._counter(
            "outdial_invariant_violations_total", "What must never happen, and did.", labels=("invariant",)
        )
        self.ready = self._gauge("outdial_ready", "Whether this replica is ready: 1 or 0.")

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    def described(self) -> list[tuple[str, str, tuple[str, ...], str]]:
        """(name, kind, labels, meaning) of every metric, for the reference page."""
        return [
            (family.name, family.type, _label_names(self.registry, family.name), family.documentation)
            for family in self.registry.collect()
        ]

    def _counter(
        self, name: str, meaning: str, closed: dict[str, Iterable[str]] | None = None, labels: tuple[str, ...] = ()
    ) -> Counter:
        counter = Counter(name, meaning, tuple(closed) if closed else labels, registry=self.registry)
        for values in product(*(closed or {}).values()):
            if values:
                counter.labels(*values)  # a series that exists at 0 has a rate from the start
        return counter

    def _gauge(self, name: str, meaning: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, meaning, buckets=buckets, registry=self.registry)


def _label_names(registry: CollectorRegistry, name: str) -> tuple[str, ...]:
    collector = registry._names_to_collectors.get(name) or registry._names_to_collectors.get(name + "_total")
    return tuple(collector._labelnames) if isinstance(collector, MetricWrapperBase) else ()
