"""Every event name that outdial logs, with its meaning: a closed list, because people and alerts search for them.

One line per name; a test compares it with the calls in the source. Fields besides the event: timestamp (UTC), level,
service, version, and where they apply tenant_id, campaign_id, attempt_id, connection, number (its surrogate name),
provider, carrier_call_id, tier, outcome, reason, duration_ms, trace_id, error_type, error_message.
"""

from __future__ import annotations

from collections.abc import Mapping

LOG_EVENTS: Mapping[str, str] = {
    "admin.failed": "an answer of the admin port could not be made, for a bug or trouble of ours",
    "attempt.conflicting": "a known attempt_id came with a different body; the first one stands",
    "broker.connected": "a connection to RabbitMQ is set up; `purpose` says which",
    "broker.lost": "a connection to RabbitMQ was lost; a new one is made",
    "broker.unavailable": "a connection to RabbitMQ could not be set up; tried again after a pause",
    "callback.not_handed_on": "a callback did not reach the customer's own application; `reason` says why",
    "carrier.unknown_code": "a carrier said something that no table knows; recorded as it came",
    "catalogue.retry": "the catalogue could not be read again; the snapshot at hand stays in use",
    "circuit.closed": "a connection works again: its probe came through",
    "circuit.opened": "a connection keeps failing, or its account is blocked; nothing is dialled through it but one probe at a time",
    "connection.cannot_be_opened": "a connection of the catalogue has settings or credentials that cannot work; it is not dialled through",
    "database.stuck_session_ended": "another replica stopped in the middle of a statement and held locks; they are free",
    "daemon.started": "this replica is dispatching",
    "daemon.stop_failed": "a part did not stop cleanly or in time; the others are stopped all the same",
    "daemon.stopped": "this replica has ended in order",
    "delivery.ack_failed": "acks came too late for their channel; the deliveries come again and change nothing",
    "event.unconfirmed": "events were not confirmed by the broker; they are published again",
    "intake.retry": "deliveries could not be stored; they stay unacked and are tried again",
    "library.message": "a library's own log line; its text is in `message`",
    "loop.complaint": "the event loop met an exception that nobody fetched, or a broken callback",
    "message.dead_lettered": "a message could not be understood and lies in the dead-letter table",
    "number.report_of_unknown": "reputation services reported numbers that are none of the tenant's; `reports` says how many",
    "place.failed": "an adapter raised while placing; the call is treated as one that may exist",
    "process.uncaught": "an exception ended the process or a thread",
    "queue.not_consumed": "a queue cannot be consumed just now; tried again, the other queues go on",
    "queue.paused": "as many attempts of a queue wait as may; the rest of its messages stay at the broker",
    "queue.resumed": "a queue is consumed again",
    "recovery.cannot_ask": "a carrier could not be asked about a call; asked again later",
    "recovery.several_calls": "a search found more than one call for one attempt; the first was adopted",
    "relay.left_to_others": "the relay could not publish or clean up; what is left is found again in the outbox",
    "slots.drift": "a counter of slots differed from the calls themselves and was set right; an invariant was broken",
    "task.cancelled": "background tasks did not end in time and were cancelled",
    "task.died": "a background task ended although nobody asked it to",
    "task.failed": "a background loop failed in one turn; it goes on after a pause",
    "task.retry": "a background loop met an expected trouble; it goes on after a pause",
    "task.stuck": "cancelled background tasks still run; the process ends without them",
    "tenant.not_bound": "tenants could not be bound to their queues; done again on a new connection",
    "tenant.not_tidied": "bindings of earlier times could not be taken away; tried again at the next start",
    "turn.refused": "PostgreSQL refused a turn for what it says, even alone: an invariant is broken",
    "turn.retry": "a turn was undone (the database is away or busy); it is made again",
}
