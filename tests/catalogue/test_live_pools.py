"""What a reading of the weights makes anew: members of whom something is new, their pool, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outdial.catalogue.live_pools import REMADE_S, LivePools
from outdial.ports.catalogue import PoolView
from outdial.rules.catalogue_rows import CampaignRow, CatalogueRows, ConnectionRow, MemberRow, NumberRow, TenantRow
from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.number_health import PROBE_AFTER_S, NumberHealth
from outdial.rules.pool import SkipReason
from outdial.rules.pool_weights import PoolWeights
from outdial.rules.rotation import BaselineSums, MemberStats
from tests.support.clock import FakeClock

ACME, LINE = TenantId("acme"), ConnectionId("line")
SPRING, AUTUMN = CampaignId("spring"), CampaignId("autumn")
A, B = NumberId("a"), NumberId("b")
WARM = MemberStats(attempts=100, answered=20, y=20.0, e=30.0, yf=3.0, ef=5.0)


def catalogue(version: int = 1) -> CatalogueRows:
    """Two campaigns over the same two numbers."""
    numbers = {n: NumberRow(n, E164(f"+1202555010{k}"), ACME, LINE) for k, n in enumerate((A, B))}
    members = {(c, n): MemberRow(c, n, added_at=1.0) for c in (SPRING, AUTUMN) for n in (B, A)}
    campaigns = {c: CampaignRow(c, ACME, A) for c in (SPRING, AUTUMN)}
    lines = {LINE: ConnectionRow(LINE, "twilio", 10)}
    return CatalogueRows(version, {ACME: TenantRow(ACME)}, lines, numbers, campaigns, members)


class Replica:
    """Pools over a catalogue and weights that a test sets."""

    def __init__(self) -> None:
        self.clock, self.rows, self.weights = FakeClock(), catalogue(), PoolWeights()
        self.pools = LivePools(self._catalogue, self._weights, self.clock, spam_threshold=0.75)

    async def _catalogue(self) -> CatalogueRows:
        return self.rows

    async def _weights(self, _: float) -> PoolWeights:
        return self.weights

    async def view(self, campaign: CampaignId = SPRING) -> PoolView:
        """As the next reading makes it."""
        if self.pools.version != self.rows.version:
            await self.pools.reload()
        else:
            await self.pools.refresh()
        found = self.pools.view(campaign)
        assert found is not None
        return found

    def stats(self, campaign: CampaignId, number: NumberId) -> dict[tuple[CampaignId, NumberId], MemberStats]:
        """A warm member."""
        return {(campaign, number): replace(WARM, at=self.clock.now())}


async def test_where_nothing_is_new_the_pool_is_the_same_and_only_its_baseline_is_read() -> None:
    replica = Replica()
    before = await replica.view()
    replica.clock.jump(5)
    replica.weights = PoolWeights(baselines={SPRING: {("US", "first"): BaselineSums(30.0, 100.0, 1.0)}})
    after = await replica.view()
    assert after.index is before.index
    assert after.baseline != before.baseline


@pytest.mark.parametrize("campaign", [SPRING, AUTUMN])
async def test_a_member_with_news_is_made_anew_and_the_others_stay(campaign: CampaignId) -> None:
    """What a number did for one campaign is where it starts from in another."""
    replica = Replica()
    before = await replica.view()
    replica.weights = PoolWeights(stats=replica.stats(campaign, B))
    after = await replica.view()
    assert after.index.member(A) is before.index.member(A)
    new, old = after.index.member(B), before.index.member(B)
    assert new is not None
    assert old is not None
    assert new.index != old.index
    assert after.index.picture.hash != before.index.picture.hash


@pytest.mark.parametrize(
    ("weights", "skip"),
    [
        (PoolWeights(dials_24h={B: 5_000}), None),
        (PoolWeights(spam_scores={B: 0.8}), SkipReason.SPAM_FLAGGED),
        (PoolWeights(health={B: NumberHealth(carrier_rejected_at=1.0)}), SkipReason.CARRIER_REJECTED),
    ],
)
async def test_whatever_is_new_is_seen_at_the_next_reading_and_its_end_too(
    weights: PoolWeights, skip: SkipReason | None
) -> None:
    replica = Replica()
    before = (await replica.view()).index.member(B)
    replica.weights = weights
    during = (await replica.view()).index.member(B)
    replica.weights = PoolWeights()
    after = (await replica.view()).index.member(B)
    assert during is not None
    assert during.static_skip is skip
    assert during != before
    assert after == before


async def test_what_time_alone_ends_is_seen_at_the_next_reading() -> None:
    replica = Replica()
    now = replica.clock.now()
    replica.weights = PoolWeights(health={B: NumberHealth(failing_since=now, probe_after=now + PROBE_AFTER_S)})
    failing = (await replica.view()).index.member(B)
    replica.clock.jump(PROBE_AFTER_S + 1)
    probed = await replica.view()
    assert failing is not None
    assert failing.static_skip is SkipReason.FAILING
    member = probed.index.member(B)
    assert member is not None
    assert member.static_skip is None
    assert probed.probing.keys() == {B}


async def test_what_fades_is_made_anew_once_a_minute() -> None:
    replica = Replica()
    replica.weights = PoolWeights(stats=replica.stats(SPRING, B))
    first = await replica.view()
    replica.clock.jump(REMADE_S - 1)
    assert (await replica.view()).index is first.index
    replica.clock.jump(2)
    faded, was = (await replica.view()).index.member(B), first.index.member(B)
    assert faded is not None
    assert was is not None
    assert faded.index != was.index


async def test_what_is_made_anew_and_comes_out_the_same_changes_no_pool() -> None:
    replica = Replica()
    first = await replica.view()
    replica.clock.jump(REMADE_S + 1)
    assert (await replica.view()).index is first.index


async def test_another_catalogue_makes_all_anew() -> None:
    replica = Replica()
    await replica.view()
    rows = catalogue(2)
    replica.rows = replace(rows, campaigns={**rows.campaigns, SPRING: CampaignRow(SPRING, ACME, B)})
    assert (await replica.view()).policy.primary == B
