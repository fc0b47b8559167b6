"""Names of queues, and which one a tenant has: the same in every process and for ever."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from outdial.rules.attempt_queues import QueueNames, Wish
from outdial.rules.catalogue_rows import TenantRow
from outdial.rules.ids import TenantId

NAMES = QueueNames("outdial", 8)


def queue(tenant: str, wish: Wish = None, names: QueueNames = NAMES) -> str:
    """The queue of a tenant."""
    return names.of(TenantId(tenant), wish)


def test_names() -> None:
    assert (NAMES.exchange, NAMES.events) == ("outdial.attempts", "outdial.events")
    assert (NAMES.unrouted, NAMES.dead) == ("outdial.attempts.unrouted", "outdial.attempts.dead")
    assert NAMES.numbered == tuple(f"outdial.attempts.{n}" for n in range(8))


def test_the_hash_is_the_same_for_ever() -> None:
    """A change here would leave messages behind in queues that tenants are bound to no more."""
    assert {name: queue(name).rsplit(".", 1)[1] for name in ("acme", "bolt", "demo", "a", "tenant-1", "tenant-2")} == {
        "acme": "1", "bolt": "7", "demo": "0", "a": "7", "tenant-1": "3", "tenant-2": "5",
    }  # fmt: skip


def test_tenants_spread_over_the_queues() -> None:
    counts = Counter(queue(f"tenant-{n}") for n in range(8_000))
    assert set(counts) == set(NAMES.numbered)
    assert max(counts.values()) < 1_150


def test_wishes() -> None:
    assert queue("acme", 3) == "outdial.attempts.3"
    assert queue("acme", 8) == queue("acme", -1) == queue("acme"), "an index that is none counts as no wish"
    assert queue("acme", "vip") == "outdial.attempts.own.vip"


@given(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True))
def test_a_queue_by_name_is_never_another_one(name: str) -> None:
    assert NAMES.own(name) not in {*NAMES.numbered, NAMES.unrouted, NAMES.dead, NAMES.events, NAMES.exchange}


def test_the_catalogue_says_the_wish() -> None:
    rows = {
        TenantId("a"): TenantRow(TenantId("a"), settings={"queue": 2}),
        TenantId("b"): TenantRow(TenantId("b"), settings={"queue": "b-own"}),
        TenantId("c"): TenantRow(TenantId("c"), settings={}),
        TenantId("d"): TenantRow(TenantId("d"), settings={"queue": True}),
    }
    assert NAMES.assign(rows) == {
        "a": "outdial.attempts.2", "b": "outdial.attempts.own.b-own", "c": queue("c"), "d": queue("d"),
    }  # fmt: skip
