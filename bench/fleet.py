"""Three replicas as processes, as deployed, under full load while limits change: judged by the carrier's own tally.

Twenty tenants, ten connections of 1 to 50 slots (two of them bound by their start rate), calls of 1 s, work always
waiting. An hour of calls of 30 s goes by in two minutes; start rates are those of real time. The limits are scaled down
so that two cores carry replicas, broker, database and carrier: 99 slots, about 85 calls a second.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from bench.ground import Ground
from bench.processes import Use, use_of
from tests.support.caps import CapsVerdict, run
from tests.support.crowd import CAMPAIGN_LIMITS, TENANT_LIMITS, Crowd
from tests.support.fleet import fleet as started

LIMITS = (1, 1, 2, 2, 8, 3, 20, 4, 6, 50)
CHANGES: Sequence[tuple[int, int]] = ((9, 20), (1, 4), (9, 50), (7, 0), (2, 5), (7, 4), (1, 1), (2, 2))
"""(connection, new limit) in turn: lowered below use, raised, stopped, and back to where they began."""
REPLICAS = 3


@dataclass(frozen=True, slots=True)
class Span:
    """How often every slot is used: before the measurement, within it, and after each change of a limit."""

    warm_up: float = 4.0
    steady: float = 60.0
    changed: float = 6.0


QUICK = Span(steady=12.0, changed=1.0)


async def fleet(ground: Ground, span: Span) -> dict[str, float]:
    """The figures. Whoever is above a limit or a rate at any moment counts as a violation."""
    crowd = Crowd(limits=list(LIMITS))
    uses: list[Use] = []
    url = await ground.databases.fresh()
    try:
        async with started(url, ground.amqp_url, f"b{uuid.uuid4().hex[:8]}", crowd, REPLICAS) as one:

            def look() -> None:
                uses.append(use_of(replica.process_id for replica in one.replicas))

            rounds = {"warm_up": span.warm_up, "after_a_change": span.changed}
            seen = await run(one, span.steady, CHANGES, **rounds, at_window=look)
            await one.end()
    finally:
        await ground.databases.drop(url)
    for broken in seen.detail:
        print(f"fleet: {broken}")
    return figures_of(seen, uses[1].since(uses[0]))


def figures_of(seen: CapsVerdict, use: Use) -> dict[str, float]:
    """By name. `utilisation`: slot-seconds against the limits of the connections that their limit binds; `paced_use`:
    starts against what the spacing allows; `starts_above_rate`: in the fullest second, no jitter forgiven (0 or less is
    good); `share_worst_percent`: how far the tenant furthest from the mean is from it;
    `waited_for_cpu`: of the time the replicas could have run. CPU is the replicas' own, `machine_busy` everybody's."""
    over = sum(max(0, most - TENANT_LIMITS[int(t[1:])]) for t, most in seen.highest_tenant.items())
    over += sum(max(0, most - CAMPAIGN_LIMITS[c]) for c, most in seen.highest_campaign.items())
    return {
        "violations": float(sum(seen.violations.values()) + over),
        "utilisation": seen.utilisation,
        "dead_ms": seen.dead_ms,
        "paced_use": seen.paced_use,
        "starts_above_rate": max(most - promised for promised, most in seen.rates.values()),
        "share_worst_percent": 100 * max(1 - seen.least, seen.most - 1),
        "per_s": seen.per_s,
        "cpu_ms_per_call": 1000 * use.ran / max(seen.in_window, 1),
        "waited_for_cpu": use.waited / max(use.ran + use.waited, 1e-9),
        "machine_busy": use.machine_busy,
    }
