"""Limits, start rates and shares over several replicas under full load, judged by the carrier."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.support.crowd import CAMPAIGN_LIMITS, LIMITS, RATES, TENANT_LIMITS, TENANTS, campaign_of, tenant_of
from tests.support.daemon import pause
from tests.support.fleet import Fleet
from tests.support.verdict import SeenCall, most_at_once, shares, slot_seconds, spread

WARM_UP = 4.0
"""Until every slot was filled so often; the shares and the use of slots are counted from then on."""
AFTER_A_CHANGE = 1.0
"""How often every slot is used between two changes of limits."""
MORE_THAN_NEEDED = 1.5
"""How much more than all slots can take is published, so that work waits to the end. What the warm-up needs is published at
once, and the rest as it is needed: producer and broker share the machine, and a flood is another measurement (flood)."""
LOOKS_APART = 5
"""Pauses between two looks at the tally, so that the carrier does not spend its time on telling it."""
CHANGES: Sequence[tuple[int, int]] = ((9, 20), (1, 6), (9, 50), (7, 0), (2, 9), (7, 25), (1, 2), (2, 3))
"""Live changes in turn: (connection, new limit); they end where they began."""


@dataclass(frozen=True, slots=True)
class CapsVerdict:
    """What the carrier saw. Shares are multiples of the mean, over the tenants without a limit of their own."""

    seconds: float
    calls: int
    in_window: int
    per_s: float
    violations: Mapping[str, int]
    detail: Sequence[str]
    highest_tenant: Mapping[str, int]
    highest_campaign: Mapping[str, int]
    utilisation: float
    dead_ms: float
    """What a slot stood empty between two calls, on the connections that their limit binds."""
    least: float
    most: float
    rates: Mapping[str, tuple[float, int]]
    """By paced connection: the promised starts a second, and the most that any second saw."""
    paced_use: float
    """Starts on the paced connections against what the spacing allows."""


async def run(
    fleet: Fleet, rounds: float, changes: Sequence[tuple[int, int]] = CHANGES, *,
    warm_up: float = WARM_UP, after_a_change: float = AFTER_A_CHANGE, at_window: Callable[[], object] = lambda: None,
) -> CapsVerdict:  # fmt: skip
    """Publish the same backlog for everybody, more than can be called; watch until every slot was used `rounds` times,
    then change limits while the load goes on. Whether the time has come is asked of the carrier. `at_window`: called as
    the window in which shares and the use of slots are counted begins, and as it ends."""
    crowd = fleet.crowd
    ceiling = sum(crowd.ceiling(line) for line in range(len(LIMITS)))
    each = int(MORE_THAN_NEEDED * ceiling * (1 + warm_up + rounds + 2 * after_a_change * len(changes)) / TENANTS)
    jobs = [(t, c) for n in range(each) for t in range(TENANTS) for c in crowd.campaigns(t)]
    at_once = int(MORE_THAN_NEEDED * ceiling * (1 + warm_up))
    feeding = asyncio.create_task(fleet.publish(jobs, at_once, MORE_THAN_NEEDED * ceiling / crowd.call_s))
    await _accepted(fleet, ceiling * (1 + warm_up))
    begin = time.time()
    at_window()
    await _accepted(fleet, ceiling * rounds)
    steady_until = time.time()
    at_window()
    least_waiting = await fleet.least_waiting()
    for line, limit in changes:
        await fleet.change_limit(line, limit)
        await _accepted(fleet, ceiling * after_a_change)
    end = time.time()
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    assert least_waiting, "somebody had no work left: shares and the use of slots say nothing"
    calls = await fleet.carrier.calls()
    tally = await fleet.carrier.ask("tally")
    return _judge(calls, tally, begin, steady_until, end, fleet)


async def _accepted(fleet: Fleet, more: float) -> None:
    """Wait until the carrier has accepted so many more calls."""
    wanted = (await fleet.carrier.ask("tally"))["accepted"] + more
    async with asyncio.timeout(60 + more):
        while (await fleet.carrier.ask("tally"))["accepted"] < wanted:
            for _ in range(LOOKS_APART):
                await pause()


def _judge(
    calls: Sequence[SeenCall], tally: Mapping[str, object], begin: float, steady_until: float, end: float, fleet: Fleet
) -> CapsVerdict:
    crowd, span = fleet.crowd, steady_until - begin
    busy = slot_seconds(calls, begin, steady_until)
    limited = [n for n in range(len(LIMITS)) if n not in RATES]
    room = sum(crowd.limits[n] for n in limited) * span
    used = sum(busy.get(f"line{n}", 0.0) for n in limited)
    begun = [c for c in calls if begin <= c.accepted_at < steady_until]
    on_limited = sum(1 for c in begun if c.line in {f"line{n}" for n in limited})
    paced = sum(1 for c in begun if c.line in {f"line{n}" for n in RATES})
    served = shares(calls, begin, steady_until, tenant_of)
    least, most = spread(served, [f"t{t}" for t in range(TENANTS) if t not in TENANT_LIMITS])
    tenants = most_at_once(calls, lambda call: tenant_of(call.caller))
    campaigns = most_at_once(calls, lambda call: campaign_of(call.caller))
    accounts = tally["accounts"]
    assert isinstance(accounts, dict)
    counts, kept = tally["violation_counts"], tally["violations"]
    assert isinstance(counts, dict)
    assert isinstance(kept, list)
    return CapsVerdict(
        seconds=end - begin,
        calls=len(calls),
        in_window=len(begun),
        per_s=len(begun) / span,
        violations=counts,
        detail=[f"{v['account']} {v['kind']}: {v['detail']}" for v in kept[:5]],
        highest_tenant={t: tenants.get(t, 0) for t in (f"t{n}" for n in TENANT_LIMITS)},
        highest_campaign={c: campaigns.get(c, 0) for c in CAMPAIGN_LIMITS},
        utilisation=used / room,
        dead_ms=1000 * (room - used) / max(on_limited, 1),
        least=least,
        most=most,
        rates={f"line{n}": (rate, accounts[f"line{n}"]["highest_starts_in_a_second"]) for n, rate in RATES.items()},
        paced_use=paced / span * 1.05 / sum(RATES.values()),
    )
