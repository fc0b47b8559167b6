"""Step 1, intake: deliveries become attempts in the waiting room, or outcomes with a reason, or dead letters; then they are acked.

Nothing is acked before it is durably ours, nothing is held while it waits, nothing is ever requeued.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from outdial.clock import Clock
from outdial.dispatch.announce import Announcer
from outdial.dispatch.board import Board
from outdial.dispatch.desk import Desk
from outdial.errors import DatabaseRefused
from outdial.ports.catalogue import Pools
from outdial.ports.messages import BadMessage, Decoder, Delivery, Inbox, OutgoingEvent
from outdial.ports.store import DeadLetter, Doors, NewAttempt, Store, TakenIn
from outdial.rules.attempt import AttemptRequest, CancelRequest, HealthReport, Request
from outdial.rules.blocker import Blocker
from outdial.rules.destination import refuse_destination
from outdial.rules.events import attempt_event
from outdial.rules.outcome import Ending
from outdial.rules.phone import geography, is_possible
from outdial.telemetry.crashpoints import crashpoint
from outdial.telemetry.metrics import Metrics
from outdial.telemetry.traces import span

log = structlog.get_logger(__name__)

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(slots=True)
class _Batch:
    """A batch of deliveries, sorted by what they are."""

    attempts: list[tuple[Delivery, AttemptRequest]]
    cancels: list[CancelRequest]
    reports: list[HealthReport]
    letters: list[DeadLetter]


class Intake:
    """Takes in one batch of deliveries after the other."""

    def __init__(
        self,
        inbox: Inbox,
        decode: Decoder,
        store: Store,
        pools: Pools,
        board: Board,
        desk: Desk,
        clock: Clock,
        metrics: Metrics,
        batch: int,
        offer: Callable[[Iterable[OutgoingEvent]], None],
        spam_threshold: float = 0.75,
    ) -> None:
        """`offer` takes the events of what was stored, to be published at once; `spam_threshold` is the platform's."""
        self._inbox, self._decode, self._store, self._pools = inbox, decode, store, pools
        self._board, self._desk, self._clock, self._metrics = board, desk, clock, metrics
        self._batch, self._offer, self._spam_threshold = batch, offer, spam_threshold

    async def receive(self) -> Sequence[Delivery]:
        """The next batch; empty once the inbox is closed."""
        deliveries = await self._inbox.receive(self._batch)
        if deliveries:
            crashpoint("after_receive")
        return deliveries

    async def take_in(self, deliveries: Sequence[Delivery]) -> None:
        """Make a batch ours, then ack it. Raises `DatabaseUnavailable`: then call it again with the same batch."""
        now = self._clock.now()
        batch = self._sorted(deliveries, now)
        new = await self._at_the_door(batch.attempts, now)
        await self._keep([(d, a) for (d, _), a in zip(batch.attempts, new, strict=True)], batch)
        if batch.letters:
            await self._store.keep_dead_letters(batch.letters)
            self._metrics.attempts_received.labels(result="dead_lettered").inc(len(batch.letters))
        if batch.reports:
            await self._note(batch.reports, now)
        await asyncio.gather(*self._desk.cancel([cancel.key for cancel in batch.cancels]))
        crashpoint("before_ack")
        await self._inbox.ack(deliveries)
        self._board.add_campaigns({a.campaign for a in new if a.ended is None and not a.sleeps})
        self._desk.wake()

    async def _note(self, reports: Sequence[HealthReport], now: float) -> None:
        strangers, events = await self._store.report_health(reports, now, self._spam_threshold)
        if strangers:
            log.warning("number.report_of_unknown", reports=strangers)
        self._offer(events)

    def _sorted(self, deliveries: Sequence[Delivery], now: float) -> _Batch:
        batch = _Batch([], [], [], [])
        for delivery in deliveries:
            try:
                request, unknown = self._decode(delivery)
            except BadMessage as error:
                known = error.field.partition(".")[0]  # what follows may be a key that the producer chose
                log.warning("message.dead_lettered", queue=delivery.queue, reason=error.reason, field=known)
                batch.letters.append(_letter(delivery, error.reason, error.field, now))
                continue
            self._metrics.unknown_fields.inc(len(unknown))
            _put(batch, delivery, request)
        return batch

    async def _at_the_door(self, attempts: Sequence[tuple[Delivery, AttemptRequest]], now: float) -> list[NewAttempt]:
        if not attempts:
            return []
        doors = await self._store.doors([(r.key.tenant, r.campaign, r.to) for _, r in attempts])
        if any(
            d.campaign_known and self._pools.view(r.campaign) is None for d, (_, r) in zip(doors, attempts, strict=True)
        ):
            await self._pools.reload()  # created since this replica read the catalogue
        return [self._at_its_door(request, door, now) for (_, request), door in zip(attempts, doors, strict=True)]

    def _at_its_door(self, request: AttemptRequest, door: Doors, now: float) -> NewAttempt:
        key = request.key
        parent = request.raw.get("traceparent")
        with span("attempt.take_in", parent, attempt_id=str(key.attempt_id), tenant=key.tenant):
            return self._new(request, door, now)

    def _new(self, request: AttemptRequest, door: Doors, now: float) -> NewAttempt:
        view = self._pools.view(request.campaign)
        policy = view.policy if view is not None and door.campaign_known else None
        refusal = self._refusal(request, door)
        not_after = (
            request.not_after if request.not_after is not None else now + (policy.attempt_ttl_s if policy else 0)
        )
        early = request.not_before is not None and request.not_before > now
        ended: tuple[str, str] | None = (Ending.REJECTED_REQUEST, refusal) if refusal else None
        if ended is None and not_after <= now:
            ended = (Ending.EXPIRED, "not_after")
        return NewAttempt(
            key=request.key,
            campaign=request.campaign,
            contact=request.to,
            request=request.raw,
            body_hash=request.body_hash,
            received_at=now,
            urgency=request.urgency,
            attempt_no=request.attempt_no,
            due_at=max(request.not_before or now, now),
            not_after=not_after,
            blocker=Blocker.NOT_DUE if early else Blocker.IN_LINE,
            look_at=request.not_before if early and request.not_before is not None else not_after,
            ended=ended,
            event=self._event(request, ended, policy is not None and "accepted" in policy.optional_events, now),
        )

    def _refusal(self, request: AttemptRequest, door: Doors) -> str | None:
        if not door.tenant_known:
            return "unknown_tenant"
        if not door.campaign_known:
            return "unknown_campaign"
        if not is_possible(request.to):
            return "impossible_number"
        if door.suppressed:
            return "suppressed"
        tenant = self._pools.tenant(request.key.tenant)
        countries = tenant.allowed_countries if tenant else frozenset()
        kinds = tenant.allowed_kinds if tenant else frozenset()
        return refuse_destination(request.to, geography(request.to), countries, kinds)

    def _event(
        self, request: AttemptRequest, ended: tuple[str, str] | None, wants_accepted: bool, now: float
    ) -> OutgoingEvent | None:
        if ended is not None:
            collected: list[OutgoingEvent] = []
            Announcer(collected, self._metrics).attempt_ended(
                request.key, request.campaign, request.raw, ended[0], ended[1], now
            )
            return collected[0]
        if wants_accepted:
            return OutgoingEvent(*attempt_event(request.key, request.campaign, "accepted", now, request.raw, {}))
        return None

    async def _keep(self, new: Sequence[tuple[Delivery, NewAttempt]], batch: _Batch) -> None:
        """Store the batch; one that PostgreSQL refuses is halved down to the guilty message, which is put aside."""
        if not new:
            return
        try:
            taken = await self._store.take_in([attempt for _, attempt in new])
        except DatabaseRefused as error:
            if not error.blames_data:
                raise
            if len(new) == 1:
                delivery, attempt = new[0]
                batch.letters.append(_letter(delivery, "database_refused", error.sqlstate, attempt.received_at))
                return
            middle = len(new) // 2
            await self._keep(new[:middle], batch)
            await self._keep(new[middle:], batch)
            return
        crashpoint("after_intake")
        for (delivery, attempt), verdict in zip(new, taken, strict=True):
            result = "rejected" if verdict is TakenIn.STORED and attempt.ended else verdict.value
            self._metrics.attempts_received.labels(result=result).inc()
            if verdict in (TakenIn.STORED, TakenIn.CANCELED) and attempt.event is not None:
                self._offer([attempt.event])
            if verdict is TakenIn.CANCELED:
                batch.cancels.append(CancelRequest(attempt.key))
            if verdict is TakenIn.CONFLICTING:
                log.warning("attempt.conflicting", queue=delivery.queue, attempt_id=str(attempt.key.attempt_id))


def _put(batch: _Batch, delivery: Delivery, request: Request) -> None:
    match request:
        case AttemptRequest():
            batch.attempts.append((delivery, request))
        case CancelRequest():
            batch.cancels.append(request)
        case HealthReport():
            batch.reports.append(request)


def _letter(delivery: Delivery, reason: str, field: str, now: float) -> DeadLetter:
    return DeadLetter(
        queue=delivery.queue,
        routing_key=_storable(delivery.routing_key),
        message_id=delivery.message_id and _storable(delivery.message_id),
        message_type=delivery.type and _storable(delivery.type),
        body=delivery.body,
        headers={_storable(str(k)): _storable(str(v)) for k, v in delivery.headers.items()},
        reason=reason,
        field=field,
        received_at=now,
    )


def _storable(text: str) -> str:
    """What stands around a body is the producer's too, and PostgreSQL stores neither NUL nor half a character."""
    return _UNSTORABLE.sub("\ufffd", text)
