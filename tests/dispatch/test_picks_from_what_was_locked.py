"""A catalogue that is read anew in the middle of a turn, by another loop of the replica, is not picked from.

The turn locked the limits of the connections that the older snapshot named; a number of the newer one may belong to a
connection whose limit nobody holds, and its slot would be taken from nothing.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any
from uuid import UUID

import pytest

from outdial.catalogue.live_pools import LivePools
from outdial.dispatch.board import Board
from outdial.dispatch.desk import Work
from outdial.dispatch.plan import Margins
from outdial.dispatch.turn import StaleSnapshot, TurnResult, TurnSetting, take_turn
from outdial.ports.records import LineAsk, MemberKey
from outdial.ports.store import NewAttempt
from outdial.rules.blocker import Blocker
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.catalogue_rows import CampaignRow, CatalogueRows, ConnectionRow, MemberRow, NumberRow, TenantRow
from outdial.rules.ids import E164, AttemptId, AttemptKey, CampaignId, ConnectionId, NumberId, TenantId
from tests.simulation.carrier_model import EPOCH
from tests.simulation.database_model import Database
from tests.simulation.recorder import Recorder
from tests.simulation.store_model import ModelStore
from tests.simulation.tables import Tables
from tests.simulation.turn_model import ModelTurn
from tests.simulation.weather import Weather
from tests.simulation.worker import METRICS
from tests.support.clock import FakeClock

TENANT, CAMPAIGN = TenantId("acme"), CampaignId("spring")
SETTINGS = {"calling_hours": "always", "answer": {"sim": {"url": "https://answer.example.com"}}}


def rows(version: int, number: str, connection: str) -> CatalogueRows:
    """One number on one connection."""
    of, name = ConnectionId(connection), NumberId(number)
    return CatalogueRows(
        version,
        {TENANT: TenantRow(TENANT, None)},
        {of: ConnectionRow(of, "sim", 5, None)},
        {name: NumberRow(name, E164("+12025550101"), TENANT, of)},
        {CAMPAIGN: CampaignRow(CAMPAIGN, TENANT, name, None, settings=SETTINGS)},
        {MemberKey(CAMPAIGN, name): MemberRow(CAMPAIGN, name, added_at=EPOCH - 1.0)},
    )


class Replica:
    """One replica on the database's model, with one attempt that waits."""

    def __init__(self) -> None:
        self.tables, clock = Tables(Recorder(), rows(1, "a", "one")), FakeClock(EPOCH)
        scopes = [(LimitKind.TENANT, TENANT), (LimitKind.CAMPAIGN, CAMPAIGN)]
        scopes += [(LimitKind.CONNECTION, "one"), (LimitKind.CONNECTION, "two")]
        self.tables.limits.update({LimitKey(kind, name): Limit(max_calls=5) for kind, name in scopes})
        self.store = ModelStore(Database(self.tables, Weather(at_once=1.0), Random(1)), UUID(int=1))
        self.pools = LivePools(self.store.load_catalogue, self.store.load_weights, clock, spam_threshold=0.75)
        self.setting = TurnSetting(
            store=self.store, pools=self.pools, board=Board(self.pools, batch=5, ahead_s=0.25), clock=clock,
            metrics=METRICS, margins=Margins(10.0, 10.0), ahead_s=0.25, sweep_batch=5, rng=Random(1),
            new_id=lambda: UUID(int=7, version=4),
        )  # fmt: skip

    async def begin(self) -> None:
        """Read the catalogue; the attempt arrives."""
        await self.pools.reload()
        key = AttemptKey(TENANT, AttemptId(UUID(int=1, version=4)))
        await self.store.take_in([NewAttempt(
            key=key, campaign=CAMPAIGN, contact=E164("+13125550100"), request={}, body_hash=b"", received_at=EPOCH,
            urgency=4, attempt_no=None, due_at=EPOCH, not_after=EPOCH + 500, blocker=Blocker.IN_LINE, look_at=EPOCH + 500,
        )])  # fmt: skip

    async def turn(self) -> TurnResult:
        """A turn for that attempt."""
        async with asyncio.timeout(5):
            return await take_turn(self.setting, Work(), [LineAsk(CAMPAIGN, "", 1)])


@pytest.mark.parametrize("step", ["_lock_limits", "catalogue_version", "contact_facts"])
async def test_a_catalogue_read_anew_within_a_turn_undoes_it(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica()
    await replica.begin()
    real = getattr(ModelTurn, step)

    async def meanwhile(turn: ModelTurn, *arguments: Any) -> Any:
        if step == "contact_facts":
            answer = await real(turn, *arguments)
        replica.tables.catalogue = rows(2, "b", "two")
        await replica.pools.reload()
        return answer if step == "contact_facts" else await real(turn, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(ModelTurn, step, meanwhile)
        with pytest.raises(StaleSnapshot):
            await replica.turn()
    assert len(replica.tables.waiting) == 1
    assert not replica.tables.calls
    result = await replica.turn()
    assert [intent.slots.connection for intent in result.intents] == ["two"]
    assert replica.tables.limits[LimitKey(LimitKind.CONNECTION, "two")].in_use == 1


async def test_weights_read_anew_within_a_turn_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same catalogue with newer weights is as good: turns would be undone for nothing every few seconds."""
    replica = Replica()
    await replica.begin()
    real = ModelTurn._lock_limits

    async def meanwhile(turn: ModelTurn, keys: Any) -> Any:
        await replica.pools.refresh()
        return await real(turn, keys)

    monkeypatch.setattr(ModelTurn, "_lock_limits", meanwhile)
    assert [intent.number for intent in (await replica.turn()).intents] == ["a"]
