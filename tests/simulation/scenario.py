"""One run's world, drawn from its seed: the catalogue, the jobs, and the script of what happens when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

from outdial.catalogue.policies import campaign_policy
from outdial.dispatch.dispatcher import Pauses
from outdial.rules.attempt import AttemptRequest, CancelRequest
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.catalogue_rows import CampaignRow, CatalogueRows, ConnectionRow, MemberRow, NumberRow, TenantRow
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.policy import CampaignPolicy
from tests.simulation.broker_model import Message
from tests.simulation.carrier_model import EPOCH

RING_S, TALK_S = 5, 10
HEALED_AT_S = 20.0
"""From then on nothing new goes wrong."""
ASLEEP = E164("+18085550188")
"""Hawaii: eight in the morning at the beginning of a run, an hour before anybody may be called there."""
CONTACTS = tuple(E164(f"+1{area}555{n:04d}") for n, area in enumerate((202, 212, 312, 415, 202, 617), 101))


@dataclass(slots=True)
class Scenario:
    """`sends`: (when, message); `events`: (when, what)."""

    catalogue: CatalogueRows
    limits: dict[LimitKey, Limit]
    sends: list[tuple[float, Message]]
    events: list[tuple[float, str]]
    workers: int
    pauses: Pauses
    suppressed: set[tuple[TenantId, E164]] = field(default_factory=set)
    unsearchable: frozenset[ConnectionId] = frozenset()
    skew_s: float = 0.0


def draw_scenario(rng: Random) -> Scenario:
    """Small worlds find bugs sooner: few slots, few contacts, few numbers, several workers."""
    catalogue, limits = _catalogue(rng)
    keys, sends = _jobs(rng, catalogue)
    events = _script(rng)
    paced = any(limit.calls_per_second for limit in limits.values())
    scenario = Scenario(
        catalogue=catalogue,
        limits=limits,
        sends=sorted(sends + _cancels(rng, keys), key=lambda pair: pair[0]),
        events=sorted(events),
        workers=rng.randint(1, 3),
        pauses=Pauses(poll_s=rng.uniform(2, 12), sweep_s=rng.uniform(2, 12), recover_s=rng.uniform(1, 9), leftovers_s=9.0),
        skew_s=0.001 if paced else rng.choice([0.0, 0.02, 1.0]),
    )  # fmt: skip
    if rng.random() < 0.2:
        scenario.suppressed.add((TenantId("t0"), rng.choice(CONTACTS)))
    if rng.random() < 0.25:
        scenario.unsearchable = frozenset([ConnectionId("c0")])
    return scenario


def _catalogue(rng: Random) -> tuple[CatalogueRows, dict[LimitKey, Limit]]:
    connections = {}
    for n in range(rng.randint(1, 2)):
        name = ConnectionId(f"c{n}")
        rate = rng.choice([None, None, 1.0, 2.0, 5.0])
        connections[name] = ConnectionRow(name, "sim", rng.randint(1, 4), rate)
    tenants, numbers, campaigns, members = {}, {}, {}, {}
    for t in range(rng.randint(1, 2)):
        tenant = TenantId(f"t{t}")
        tenants[tenant] = TenantRow(tenant, rng.choice([None, 1, 2, 3]))
        own = []
        for n in range(rng.choice([1, 2, 2, 3, 3, 5])):
            number = NumberId(f"{tenant}-n{n}")
            own.append(number)
            e164 = E164(f"+1{rng.choice((202, 212, 415))}555{t}{n}00")
            cap: dict[str, object] = {"max_calls_24h": rng.randint(1, 3)} if rng.random() < 0.06 else {}
            numbers[number] = NumberRow(number, e164, tenant, rng.choice(sorted(connections)), settings=cap)
        for c in range(rng.randint(1, 2)):
            campaign = CampaignId(f"{tenant}-k{c}")
            settings = _settings(rng)
            limit = rng.choice([None, None, 1, 2])
            campaigns[campaign] = CampaignRow(campaign, tenant, own[0], limit, settings=settings)
            members.update({(campaign, n): MemberRow(campaign, n, added_at=EPOCH - 1_000.0) for n in own})
    limits = {LimitKey(LimitKind.TENANT, t): Limit(max_calls=row.max_calls) for t, row in tenants.items()}
    limits |= {LimitKey(LimitKind.CAMPAIGN, c): Limit(max_calls=row.max_calls) for c, row in campaigns.items()}
    limits |= {
        LimitKey(LimitKind.CONNECTION, c): Limit(max_calls=row.max_calls, calls_per_second=row.calls_per_second)
        for c, row in connections.items()
    }
    return CatalogueRows(1, tenants, connections, numbers, campaigns, members), limits


def _settings(rng: Random) -> dict[str, object]:
    sticky: dict[str, object] = {"max_wait_s": rng.choice([2.0, 20.0]), "bind_on": rng.choice(["reached", "placed"])}
    if rng.random() < 0.2:
        sticky["enabled"] = False
    return {
        "ring_timeout_s": RING_S,
        "max_duration_s": TALK_S,
        "attempt_ttl_s": 240.0,
        "sticky": sticky,
        "selection": {"tier_spill_after_s": rng.choice([0.0, 3.0])},
        "machine_detection": rng.choice(["off", "off", "detect"]),
        "answer": {"sim": {"url": "https://answer.example.com"}},
        "optional_events": rng.choice([[], ["accepted", "placed", "answered"]]),
    }


def _jobs(rng: Random, catalogue: CatalogueRows) -> tuple[list[AttemptKey], list[tuple[float, Message]]]:
    keys, sends = [], []
    contacts = [*CONTACTS[: rng.randint(2, len(CONTACTS))], *([ASLEEP] if rng.random() < 0.06 else [])]
    for n in range(rng.randint(2, 8)):
        row = catalogue.campaigns[rng.choice(sorted(catalogue.campaigns))]
        key = AttemptKey(row.tenant, AttemptId(UUID(int=rng.getrandbits(128), version=4)))
        keys.append(key)
        when = rng.uniform(0.0, 10.0) if rng.random() < 0.5 else 0.1
        not_after = EPOCH + when + rng.uniform(5.0, 40.0) if rng.random() < 0.15 else None
        request = AttemptRequest(
            key=key, campaign=row.campaign, to=rng.choice(contacts), body_hash=b"%d" % n, raw={"to": ""},
            not_before=EPOCH + when + rng.uniform(1.0, 10.0) if rng.random() < 0.15 else None, not_after=not_after,
            priority=rng.randint(0, 9),
        )  # fmt: skip
        sends.append((when, Message(f"attempt-{n}", request)))
        if rng.random() < 0.1:  # a producer that repeats itself much later
            sends.append((when + rng.uniform(1.0, 15.0), Message(f"attempt-{n}-again", request)))
    if rng.random() < 0.1:
        sends.append((1.0, Message("unreadable", None)))
    return keys, sends


def _cancels(rng: Random, keys: Sequence[AttemptKey]) -> list[tuple[float, Message]]:
    if rng.random() < 0.6:
        return []
    canceled = [key for key in keys if rng.random() < 0.3]
    return [(rng.uniform(0.0, 15.0), Message(f"cancel-{n}", CancelRequest(key))) for n, key in enumerate(canceled)]


_EVENTS = (
    "kill", "kill", "kill_within_a_step", "pause", "kill_after_an_intent", "pause_after_an_intent",
    "cancel_after_an_intent", "pause_long", "end_in_order", "lose_broker", "lose_broker_with_a_delivery",
    "carrier_down", "restart_database",
    "limit", "limit", "pause_row", "number_off", "number_flagged", "do_not_call", "member_leaves", "sticky_off",
)  # fmt: skip


_AT_AN_INTENT = ("kill_after_an_intent", "kill_after_an_intent", "pause_after_an_intent", "cancel_after_an_intent")


def _script(rng: Random) -> list[tuple[float, str]]:
    """Each kind may happen or not in a run, so that runs differ."""
    kinds = [kind for kind in dict.fromkeys(_EVENTS) if rng.random() < 0.4]
    if not kinds:
        return []
    script = [(rng.uniform(0.2, HEALED_AT_S - 5), rng.choice(kinds)) for _ in range(rng.randint(0, 7))]
    if rng.random() < 0.65:  # the moments that matter most, hit on purpose
        script += [(rng.uniform(0.0, 10.0), rng.choice(_AT_AN_INTENT)) for _ in range(rng.randint(1, 3))]
    return script


def known_policy(row: CampaignRow, *, spam_threshold: float) -> CampaignPolicy:
    """`campaign_policy`, remembered: campaigns of many runs are alike, and reading one takes as long as ten turns."""
    key = repr(row)
    if key not in _POLICIES:
        _POLICIES[key] = campaign_policy(row, spam_threshold=spam_threshold)
    return _POLICIES[key]


_POLICIES: dict[str, CampaignPolicy] = {}
