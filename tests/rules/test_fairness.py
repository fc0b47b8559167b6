"""Round robin over tenants, then campaigns: a flood earns nothing, an absence neither."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.fairness import Dealer, Rota, allot
from outdial.rules.ids import CampaignId, TenantId


def dealt(queues: dict[str, dict[str, list[str]]], turns: int, rounds: int = 1) -> list[str]:
    tenants: Rota[TenantId] = Rota()
    campaigns: Rota[CampaignId] = Rota()
    served = []
    for _ in range(rounds):
        dealer: Dealer[tuple[str, str, str]] = Dealer(
            {
                TenantId(t): {CampaignId(c): [(t, c, i) for i in items] for c, items in by.items()}
                for t, by in queues.items()
            },
            tenants,
            campaigns,
        )
        for _ in range(turns):
            item = dealer.next()
            if item is None:
                break
            dealer.charge(TenantId(item[0]), CampaignId(item[1]))
            served.append(item[0])
    return served


def test_a_flood_does_not_delay_a_single_attempt() -> None:
    served = dealt({"flood": {"a": [str(n) for n in range(1000)]}, "small": {"b": ["1"]}}, turns=10)
    assert "small" in served[:2]


@given(st.integers(1, 7), st.integers(1, 40))
def test_equal_backlogs_get_equal_shares_over_many_turns(tenants: int, rounds: int) -> None:
    queues = {f"t{n}": {f"c{n}": ["x"] * 50} for n in range(tenants)}
    counts = Counter(dealt(queues, turns=3, rounds=rounds))
    assert max(counts.values()) - min(counts.get(f"t{n}", 0) for n in range(tenants)) <= 1


@given(st.integers(2, 9), st.integers(1, 4), st.integers(1, 60))
def test_those_who_were_not_dealt_this_turn_keep_their_place(tenants: int, room: int, rounds: int) -> None:
    """A turn claims for the least served only; that must not make it forget the others."""
    rota: Rota[TenantId] = Rota()
    names = [TenantId(f"t{n}") for n in range(tenants)]
    counts: Counter[str] = Counter()
    for _ in range(rounds):
        first = rota.order(names)[:room]
        dealer: Dealer[str] = Dealer({name: {CampaignId(f"c-{name}"): [name]} for name in first}, rota, Rota())
        while (item := dealer.next()) is not None:
            dealer.charge(TenantId(item), CampaignId(f"c-{item}"))
            counts[item] += 1
    assert max(counts.values()) - min(counts[name] for name in names) <= 1


def test_scarce_room_goes_to_as_many_tenants_as_possible() -> None:
    left = 7

    def room(_: str, wanted: int) -> int:
        nonlocal left
        got = min(left, wanted)
        left -= got
        return got

    assert allot(list("abcde"), room, budget=200) == {"a": 3, "b": 1, "c": 1, "d": 1, "e": 1}


def test_campaigns_of_one_tenant_take_turns() -> None:
    tenants: Rota[TenantId] = Rota()
    campaigns: Rota[CampaignId] = Rota()
    dealer: Dealer[str] = Dealer(
        {TenantId("t"): {CampaignId("a"): ["a"] * 5, CampaignId("b"): ["b"] * 5}}, tenants, campaigns
    )
    served = []
    for _ in range(6):
        item = dealer.next()
        assert item is not None
        dealer.charge(TenantId("t"), CampaignId(item))
        served.append(item)
    assert Counter(served) == {"a": 3, "b": 3}


def test_who_comes_back_starts_level() -> None:
    rota: Rota[str] = Rota()
    rota.order(["a"])
    rota.served("a", 100)
    assert rota.order(["a", "late"]) == ["a", "late"]


def test_a_tenant_without_room_is_not_dealt_again() -> None:
    dealer: Dealer[str] = Dealer({TenantId("t"): {CampaignId("c"): ["1", "2"]}}, Rota(), Rota())
    assert dealer.next() == "1"
    dealer.without_tenant(TenantId("t"))
    assert dealer.next() is None


@given(st.integers(0, 500), st.lists(st.integers(0, 60), min_size=1, max_size=12))
def test_claims_are_shared_in_equal_rounds_within_room(budget: int, rooms: list[int]) -> None:
    left = dict(enumerate(rooms))

    def room(key: int, wanted: int) -> int:
        got = min(left[key], wanted)
        left[key] -= got
        return got

    asked = allot(list(left), room, budget)
    assert sum(asked.values()) == min(budget, sum(rooms))
    assert all(count <= rooms[key] for key, count in asked.items())
