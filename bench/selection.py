"""What one pick costs, decision record included: the median and the 99th percentile per pool size, as a table and JSON.

    python bench/selection.py [--picks 20000] [--json]

The target (medians, CPython 3.11): 25 µs for a pool of 10, 150 µs for a pool of 1,000. Picks go to contacts of eight
places in turn and another connection is busy each time, so nothing is measured that one repeated pick would flatter;
`excluded` is a pick with a number that the carrier refused, `sticky` one with an assignment, `cold` the first pick
after a refresh of the weights, `picture` what each refresh costs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from time import perf_counter

from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.picture_body import picture_body, picture_of
from outdial.rules.policy import CampaignPolicy, SelectionPolicy
from outdial.rules.pool import Geography, Member, NumberType
from outdial.rules.pool_index import PoolIndex
from outdial.rules.selection import Choice, choose
from outdial.rules.sticky import Assignment
from outdial.rules.waits import AttemptFacts

NOW = 1_790_000_000.0
PLACES = [
    Geography("US", "212", ("America/New_York",)),
    Geography("US", "312", ("America/Chicago",)),
    Geography("US", "213", ("America/Los_Angeles",)),
    Geography("CA", "416", ("America/Toronto",)),
    Geography("GB", None, ("Europe/London",)),
    Geography("DE", None, ("Europe/Berlin",)),
    Geography("FR", None, ("Europe/Paris",)),
    Geography("JP", None, ("Asia/Tokyo",)),
]
POLICY = CampaignPolicy(
    CampaignId("bench"),
    TenantId("bench"),
    "0123abcd",
    NumberId("number-0"),
    selection=SelectionPolicy(geomatch=True, tier_spill_after_s=0),
    answer={"twilio": {}, "telnyx": {}},
)
TARGET_US = {10: 25.0, 1_000: 150.0}


@dataclass(frozen=True)
class Row:
    """Costs in µs, sizes in bytes."""

    pool: int
    connections: int
    median: float
    p99: float
    excluded: float
    sticky: float
    cold: float
    picture: float
    record_bytes: int
    body_bytes: int


def make_pool(size: int, connections: int) -> list[Member]:
    """Numbers in six of the eight places, a tenth of them restricted to some countries."""
    rng = Random(size)
    return [
        Member(
            NumberId(f"number-{i}"),
            E164(f"+1202555{i:04}"),
            ConnectionId(f"connection-{i % connections}"),
            rng.choice(["twilio", "telnyx"]),
            rng.choice(PLACES[:6]),
            NumberType.LONG_CODE,
            1.0,
            rng.uniform(0.6, 1.4) ** 10,
            1.0,
            False,
            frozenset({"US", "CA"}) if i % 10 == 9 else frozenset(),
            None,
            NOW - 1e6,
        )
        for i in range(size)
    ]


def timed(picks: int, pick: Callable[[int], object]) -> list[float]:
    """µs of each pick, sorted."""
    times = []
    for n in range(picks):
        begun = perf_counter()
        pick(n)
        times.append((perf_counter() - begun) * 1e6)
    return sorted(times)


def measure(size: int, connections: int, picks: int) -> Row:
    """One row of the table."""
    members, rng = make_pool(size, connections), Random(1)
    picture = picture_of(POLICY.campaign, members, POLICY)
    index = PoolIndex(picture, POLICY)
    attempts = [AttemptFacts(place) for place in PLACES]
    refused = [AttemptFacts(place, excluded=frozenset({members[0].number})) for place in PLACES]
    assignment = Assignment(members[-1].number, 1, NOW - 60, None, "attempt 1")
    busy = [frozenset({ConnectionId(f"connection-{n}")}) for n in range(connections)]

    def pick(attempt: Sequence[AttemptFacts], n: int, sticky: Assignment | None = None) -> object:
        return choose(index, attempt[n % len(attempt)], sticky, busy[n % connections], NOW + n / 100, rng)

    drawn = timed(picks, lambda n: pick(attempts, n))
    choice = pick(attempts, 4)
    return Row(
        pool=size,
        connections=connections,
        median=statistics.median(drawn),
        p99=drawn[int(len(drawn) * 0.99)],
        excluded=statistics.median(timed(picks // 20, lambda n: pick(refused, n))),
        sticky=statistics.median(timed(picks, lambda n: pick(attempts[:1], n, assignment))),
        cold=statistics.median(
            timed(50, lambda n: choose(PoolIndex(picture, POLICY), attempts[n % 8], None, frozenset(), NOW, rng))
        ),
        picture=statistics.median(timed(50, lambda _: picture_of(POLICY.campaign, members, POLICY))),
        record_bytes=len(json.dumps(choice.record)) if isinstance(choice, Choice) else 0,
        body_bytes=len(json.dumps(picture_body(picture, POLICY))),
    )


def run(picks: int = 20_000) -> dict[str, object]:
    """The scenario: `rows` by pool size, `targets_us` of the medians, and the pool sizes that `missed` theirs."""
    rows = [measure(size, connections, picks) for size, connections in ((3, 2), (10, 3), (200, 10), (1_000, 20))]
    missed = [row.pool for row in rows if row.median > TARGET_US.get(row.pool, float("inf"))]
    return {"rows": [vars(row) for row in rows], "targets_us": TARGET_US, "missed": missed}


def print_table(result: Mapping[str, object]) -> None:
    """For a person."""
    rows = result["rows"]
    assert isinstance(rows, list)
    print("  ".join(f"{name:>12}" for name in rows[0]) + "   (µs, bytes)")
    for row in rows:
        print("  ".join(f"{value:>12.1f}" if isinstance(value, float) else f"{value:>12}" for value in row.values()))


def main() -> int:
    """Print the figures; exit code 1 when a median misses its target."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picks", type=int, default=20_000, help="picks measured per pool size")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    if options.picks < 20:
        parser.error(f"--picks {options.picks} is too few for a median: give 20 or more")
    result = run(options.picks)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)
    if result["missed"]:
        print(f"over the target: pools of {result['missed']}", file=sys.stderr)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
