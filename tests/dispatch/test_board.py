"""The board of hints: room is shared in turn, what is added while the database is asked is not forgotten, nothing spins."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from outdial.dispatch.board import ALONE, Board
from outdial.ports.store import ANY_LINE, Line, LineAsk
from outdial.rules.capacity import Limit, LimitKey, LimitKind, Slots
from outdial.rules.circuit import Circuit
from outdial.rules.ids import CampaignId, ConnectionId, TenantId

NOW = 1_790_000_000.0
AHEAD = 0.25
LINE = LimitKey(LimitKind.CONNECTION, "line")


@dataclass
class Pools:
    """Campaign "t1-a" is tenant t1's; all go through the same connections."""

    connections: frozenset[ConnectionId] = frozenset({ConnectionId("line")})
    version: int = 1
    unknown: set[str] = field(default_factory=set)

    def view(self, campaign: CampaignId) -> Any:
        if campaign in self.unknown:
            return None
        policy = SimpleNamespace(tenant=TenantId(campaign.split("-")[0]))
        return SimpleNamespace(policy=policy, connections=self.connections)


def board_of(*campaigns: str, batch: int = 200, **limit: Any) -> Board:
    board = Board(Pools(), batch=batch, ahead_s=AHEAD)  # type: ignore[arg-type]  # only what the board asks for
    board.add_campaigns(CampaignId(name) for name in campaigns)
    board.saw({LINE: Limit(**limit)})
    return board


def asked(board: Board, freed: tuple[Slots, ...] = ()) -> dict[str, int]:
    return {ask.campaign: ask.at_most for ask in board.asks(NOW, freed)}


def test_scarce_room_goes_to_as_many_tenants_as_possible() -> None:
    board = board_of("t1-a", "t1-b", "t2-a", "t3-a", max_calls=6)
    got = asked(board)
    assert sum(got.values()) == 6
    assert {got.get("t1-a", 0) + got.get("t1-b", 0), got["t2-a"], got["t3-a"]} <= {1, 2, 3}


def test_nothing_is_asked_of_a_full_connection_until_a_slot_is_freed() -> None:
    board = board_of("t1-a", max_calls=5, in_use=5)
    assert asked(board) == {}
    slots = Slots(TenantId("t1"), CampaignId("t1-a"), ConnectionId("line"))
    assert asked(board, (slots,)) == {"t1-a": 1}


def test_a_tenant_without_room_leaves_all_of_it_to_the_others() -> None:
    board = board_of("t1-a", "t2-a", max_calls=10)
    board.saw({LimitKey(LimitKind.TENANT, "t1"): Limit(max_calls=3, in_use=3)})
    assert asked(board) == {"t2-a": 10}


def test_what_came_while_the_database_was_asked_is_not_forgotten() -> None:
    board = board_of("t1-a")
    mark = board.mark()
    board.add_campaigns([CampaignId("t2-a")])
    board.replace([], mark)
    assert set(asked(board)) == {"t2-a"}
    mark = board.mark()
    board.add_campaigns([CampaignId("t2-a")])
    board.emptied([Line(CampaignId("t2-a"), ANY_LINE)], mark)
    assert set(asked(board)) == {"t2-a"}


def test_an_empty_line_is_asked_no_more() -> None:
    board = board_of("t1-a", "t2-a")
    board.emptied([Line(CampaignId("t1-a"), ANY_LINE)], board.mark())
    assert set(asked(board)) == {"t2-a"}
    board.replace([], board.mark())
    assert board.asks(NOW) == []


def test_a_connections_own_line_is_asked_before_the_campaigns() -> None:
    board = board_of("t1-a", max_calls=1)
    board.add([Line(CampaignId("t1-a"), "line")])
    assert board.asks(NOW) == [LineAsk(CampaignId("t1-a"), "line", 1)]


OPEN = Circuit(open_until=NOW + 30.0)


@pytest.mark.parametrize(
    ("limit", "at"),
    [
        (Limit(max_calls=5, calls_per_second=2.0, next_start_at=NOW + 1.0), NOW + 1.0 - ALONE * AHEAD),
        (Limit(max_calls=5, backoff_until=NOW + 7.0), NOW + 7.0),
        (Limit(max_calls=5, circuit=OPEN), NOW + 30.0),
        (Limit(max_calls=5, circuit=OPEN, backoff_until=NOW + 40.0), NOW + 40.0),
        (Limit(max_calls=5, in_use=5, backoff_until=NOW + 7.0), None),
        (Limit(max_calls=5, paused=True), None),
        (Limit(max_calls=5, circuit=Circuit(open_until=NOW - 1.0, probe="p")), None),
        (Limit(max_calls=5), None),
    ],
    ids=["pace", "back-off", "circuit", "the later of both", "no slot", "paused", "probe under way", "room now"],
)
def test_only_what_time_alone_opens_is_waited_for_by_time(limit: Limit, at: float | None) -> None:
    """A probe under way or a full connection opens by a report: a time for it would be a hot loop."""
    board = board_of("t1-a")
    board.saw({LINE: limit})
    assert board.next_look(NOW) == at


def test_a_paced_start_is_no_reason_for_a_turn_as_soon_as_it_may_be_committed() -> None:
    """It rides with one that is taken anyway. Once it is the reason, all that may be committed go with it."""
    start = NOW + 1.0
    board = board_of("t1-a", max_calls=50, calls_per_second=100.0, next_start_at=start)
    early, late = start - 0.99 * AHEAD, start - 0.99 * ALONE * AHEAD
    assert [board.asks(at, alone=True) for at in (early, start - 1.01 * ALONE * AHEAD)] == [[], []]
    assert board.asks(early) == [LineAsk(CampaignId("t1-a"), ANY_LINE, 1)]
    assert board.asks(late, alone=True) == board.asks(late) == [LineAsk(CampaignId("t1-a"), ANY_LINE, 10)]


def test_room_that_needs_no_time_is_asked_for_at_once() -> None:
    board = board_of("t1-a", max_calls=5, in_use=4)
    assert board.asks(NOW, alone=True) == [LineAsk(CampaignId("t1-a"), ANY_LINE, 1)]


def test_the_earliest_connection_decides_when_to_look() -> None:
    pools = Pools(frozenset({ConnectionId("line"), ConnectionId("other")}))
    board = Board(pools, batch=10, ahead_s=AHEAD)  # type: ignore[arg-type]  # only what the board asks for
    board.add_campaigns([CampaignId("t1-a")])
    later = Limit(max_calls=5, backoff_until=NOW + 7.0)
    board.saw({LINE: later, LimitKey(LimitKind.CONNECTION, "other"): replace(later, backoff_until=NOW + 3.0)})
    assert board.next_look(NOW) == NOW + 3.0


def test_a_campaign_that_left_the_catalogue_asks_for_nothing() -> None:
    board = Board(Pools(unknown={"t1-a"}), batch=10, ahead_s=AHEAD)  # type: ignore[arg-type]  # only what it asks for
    board.add_campaigns([CampaignId("t1-a")])
    assert board.asks(NOW) == []
    assert board.next_look(NOW) is None
