"""A turn: settle and plan in one transaction, so that a slot that is freed is given on by the same commit.

Claim waiting attempts, lock the limits in order, look with fresh statements, decide by the rules, write once.
Nothing here talks to a carrier or a broker; what must happen after the commit is returned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import structlog

from outdial.clock import Clock
from outdial.dispatch.announce import Announcer
from outdial.dispatch.board import Board
from outdial.dispatch.desk import Work
from outdial.dispatch.late import Corrections
from outdial.dispatch.learning import NOTHING_SEEN, Learning, country_of
from outdial.dispatch.plan import Margins, Planning
from outdial.dispatch.settle import Settlement, tell_circuit
from outdial.errors import Retryable
from outdial.ports.catalogue import Pools
from outdial.ports.messages import OutgoingEvent
from outdial.ports.store import (
    Intent,
    Line,
    LineAsk,
    Locks,
    Store,
    TurnChanges,
    TurnTransaction,
    WaitingAttempt,
)
from outdial.rules.call_fate import Report
from outdial.rules.capacity import Ledger, LimitKey, LimitKind
from outdial.rules.fairness import Dealer
from outdial.rules.ids import CampaignId, NumberId, Placement, TenantId
from outdial.rules.outcome import Ending
from outdial.telemetry.crashpoints import crashpoint
from outdial.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
PICTURES_REMEMBERED = 10_000


class StaleSnapshot(Retryable):
    """The catalogue changed since this replica read it: reload, then take the turn again."""

    code = "stale_snapshot"


@dataclass(slots=True)
class TurnResult:
    """What a committed turn leaves to do: intents to place, events to publish, whether more work waits."""

    intents: list[Intent] = field(default_factory=list)
    events: list[OutgoingEvent] = field(default_factory=list)
    progressed: bool = False
    swept: int = 0
    known: set[Placement] = field(default_factory=set)
    """The calls, open or past, that the reports were about."""
    committed_at: float = 0.0
    """Monotonic seconds, taken before the commit: intents are no older than this says."""


@dataclass(frozen=True, slots=True)
class TurnSetting:
    """What every turn of a replica goes by."""

    store: Store
    pools: Pools
    board: Board
    clock: Clock
    metrics: Metrics
    margins: Margins
    ahead_s: float
    sweep_batch: int
    rng: Random
    new_id: Callable[[], UUID]
    stored_pictures: dict[str, float] = field(default_factory=dict)
    """Pool pictures by hash that are in the database for sure, and when they were written: not for ever."""


async def take_turn(setting: TurnSetting, work: Work, asks: Sequence[LineAsk]) -> TurnResult:
    """One turn. Raises `DatabaseUnavailable` or `StaleSnapshot`, and then nothing of it happened."""
    result = TurnResult()
    async with setting.store.turn() as turn:
        changes, ledger = await _decide(setting, turn, work, asks, result)
        changes.limits = ledger.changes()
        woken = await turn.write(changes, setting.clock.now())
        if changes.intents:
            crashpoint("before_intent_commit")
        if changes.ended:
            crashpoint("before_settle_commit")
    if changes.ended:
        crashpoint("after_settle_commit")
    if len(setting.stored_pictures) > PICTURES_REMEMBERED:
        setting.stored_pictures.clear()
    setting.stored_pictures.update(dict.fromkeys(changes.pictures, setting.clock.now()))
    setting.board.saw(ledger.all())
    setting.board.add_campaigns(woken)
    setting.board.add(_lines_of(changes))
    result.intents, result.events = changes.intents, changes.events
    result.progressed |= bool(changes.intents or changes.parked or changes.ended_waiting)
    for intent in changes.intents:
        setting.metrics.intent(intent.attempt.campaign)
    for connection, is_open in ledger.circuits_turned():
        if is_open:
            log.warning("circuit.opened", connection_id=connection)
        else:
            log.info("circuit.closed", connection_id=connection)
    return result


async def _decide(
    setting: TurnSetting, turn: TurnTransaction, work: Work, asks: Sequence[LineAsk], result: TurnResult
) -> tuple[TurnChanges, Ledger]:
    before, mark = setting.clock.now(), setting.board.mark()
    keys = [key for key, _ in work.canceled]
    canceled = {a.key: a for a in await turn.claim_canceled(keys)} if keys else {}
    due = list(await turn.claim_due(before, setting.sweep_batch)) if work.sweep else []
    version = setting.pools.version  # another loop may reload it meanwhile: what is locked must be what is picked from
    claimed, limits = await turn.claim_and_lock(asks, _locks(setting, work, asks, before))
    short = _short(asks, claimed)
    claimed = [attempt for attempt in claimed if attempt.key not in canceled]
    result.committed_at = setting.clock.monotonic()
    now = setting.clock.now()
    if late := [key for key in keys if key not in canceled]:
        await turn.cancel(late, now)  # before the look: what settles now must know of it
    identities = list({identity.placement: identity for identity, *_ in work.reports}.values())
    await turn.look(identities, {i.placement: country_of(i.contact) for i in identities}, claimed, short, now)
    if short:
        setting.board.emptied(short.keys() - await turn.lines_left(short), mark)
    if await turn.catalogue_version() != version:
        raise StaleSnapshot("the catalogue changed")
    ledger, changes = Ledger(limits, now, setting.ahead_s), TurnChanges()
    announcer = Announcer(changes.events, setting.metrics)
    await _settle(setting, turn, work, ledger, changes, announcer, result, now)
    facts = await turn.contact_facts(claimed, now)
    planning = Planning(
        setting.pools, ledger, facts, await _volumes(setting.pools, turn, claimed, now), changes, announcer,
        setting.metrics, setting.margins, setting.rng, setting.new_id, now, setting.stored_pictures,
    )  # fmt: skip
    if setting.pools.version != version:
        raise StaleSnapshot("the snapshot was read anew")
    planning.free_contacts([(e.key.tenant, e.contact) for e in changes.ended if e.call is not None])
    planning.free_contacts([(c.identity.key.tenant, c.identity.contact) for c, *_ in changes.given_back])
    for attempt in canceled.values():
        planning.end(attempt, Ending.CANCELED, "canceled")
    taken = {*canceled, *(attempt.key for attempt in claimed)}
    for attempt in due:
        if attempt.key not in taken:
            planning.wake(attempt)
    planning.deal(_dealer(setting.board, claimed))
    result.swept = len(due)
    return changes, ledger


def _short(asks: Sequence[LineAsk], claimed: Sequence[WaitingAttempt]) -> dict[Line, int]:
    """How much the lines gave that gave less than was asked. They are empty, or other replicas hold the rest just now:
    their turns may leave it waiting, and the slot that this replica frees next is then its own to give."""
    gave = Counter(Line(attempt.campaign, attempt.line or "") for attempt in claimed)
    asked = {Line(ask.campaign, ask.line): ask.at_most for ask in asks}
    return {line: gave[line] for line, at_most in asked.items() if gave[line] < at_most}


async def _settle(
    setting: TurnSetting, turn: TurnTransaction, work: Work, ledger: Ledger, changes: TurnChanges,
    announcer: Announcer,
    result: TurnResult,
    now: float,
) -> None:  # fmt: skip
    if not work.reports:
        return
    reports: dict[Placement, list[Report]] = {}
    identities = {}
    for identity, report, _ in work.reports:
        reports.setdefault(identity.placement, []).append(report)
        identities[identity.placement] = identity
        tell_circuit(ledger, identity, [report], now)
    calls = await turn.open_calls(list(identities.values()))
    late = [placement for placement in reports if placement not in calls]
    past = await turn.past_calls(late) if late else {}
    settlement = Settlement(setting.pools, ledger, changes, announcer, now)
    settlement.judge([(call, reports[placement]) for placement, call in calls.items()])
    corrections = Corrections(setting.pools, changes, announcer, now)
    corrections.judge(past, reports)
    needing = settlement.needing_statistics() + corrections.needing_statistics()
    countries = {call.identity.placement: country_of(call.identity.contact) for call, _ in needing}
    seen = await turn.statistics(needing, countries, now) if needing else NOTHING_SEEN
    learning = Learning(setting.pools, seen, changes, announcer, now)
    settlement.apply(learning)
    corrections.apply(learning)
    result.known = {*calls, *past}


async def _volumes(
    pools: Pools, turn: TurnTransaction, claimed: Sequence[WaitingAttempt], now: float
) -> dict[NumberId, int]:
    capped = set()
    for campaign in {attempt.campaign for attempt in claimed}:
        view = pools.view(campaign)
        capped |= set(view.capped) if view is not None else set()
    return dict(await turn.volumes(sorted(capped), now)) if capped else {}


def _locks(setting: TurnSetting, work: Work, asks: Sequence[LineAsk], now: float) -> Locks:
    """What the turn may change. Of a pool's connections only those that are believed to have room, or are about to: full
    ones are other replicas' business, and whoever locks them waits for those."""
    keys = {LimitKey(LimitKind.TENANT, key.tenant) for key, _ in work.canceled}
    for identity, *_ in work.reports:
        keys.update(identity.slots.limit_keys())
    roomy = {slots.connection for slots in work.frees()}
    with_campaign = {}
    for campaign in {ask.campaign for ask in asks}:
        view = setting.pools.view(campaign)
        if view is None:
            continue
        roomy.update(c for c in view.connections if c not in roomy and setting.board.may_start(c, now))
        through = [LimitKey(LimitKind.CONNECTION, c) for c in view.connections if c in roomy]
        scopes = [LimitKey(LimitKind.TENANT, view.policy.tenant), LimitKey(LimitKind.CAMPAIGN, campaign)]
        with_campaign[campaign] = [*scopes, *through]
    return Locks(keys, with_campaign)


def _dealer(board: Board, claimed: Sequence[WaitingAttempt]) -> Dealer[WaitingAttempt]:
    queues: dict[TenantId, dict[CampaignId, list[WaitingAttempt]]] = {}
    for attempt in sorted(claimed, key=lambda a: (a.urgency, a.due_at, a.key.attempt_id)):
        queues.setdefault(attempt.key.tenant, {}).setdefault(attempt.campaign, []).append(attempt)
    return Dealer(queues, board.tenants, board.campaigns)


def _lines_of(changes: TurnChanges) -> list[Line]:
    given_back = [
        Line(call.identity.slots.campaign, parked.line)
        for call, parked, *_ in changes.given_back
        if parked.line is not None
    ]
    return given_back + [Line(campaign, parked.line) for campaign, parked in changes.parked if parked.line is not None]
