"""The catalogue and all weights as of one moment, laid out for picks by the very code that a replica uses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outdial.catalogue.live_pools import LivePools
from outdial.errors import NotFound
from outdial.ports.catalogue import PoolView
from outdial.postgres.catalogue import load_catalogue
from outdial.postgres.pool import translate_errors
from outdial.postgres.reports import explain as reports
from outdial.postgres.weights import load_weights
from outdial.rules.catalogue_rows import CatalogueRows
from outdial.rules.ids import CampaignId
from outdial.rules.pool_weights import PoolWeights

if TYPE_CHECKING:
    import asyncpg

SPAM_THRESHOLD = 0.75
"""The platform's default; whoever knows the settings passes theirs."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What stood at that moment (Unix seconds)."""

    at: float
    rows: CatalogueRows
    weights: PoolWeights
    pools: LivePools

    def view(self, campaign: str) -> PoolView:
        """The campaign as the next pick sees it. Raises `NotFound`."""
        view = self.pools.view(CampaignId(campaign))
        if view is None:
            raise NotFound(f"there is no campaign named {campaign!r} (outdial show campaigns)")
        return view

    async def with_rows(self, rows: CatalogueRows, *, spam_threshold: float) -> Snapshot:
        """The same moment with another catalogue."""
        return await _laid_out(self.at, rows, self.weights, spam_threshold)


class _Moment:
    """A clock that stands."""

    def __init__(self, at: float) -> None:
        self._at = at

    def now(self) -> float:
        return self._at

    def monotonic(self) -> float:
        return self._at

    async def sleep(self, seconds: float) -> None:
        raise RuntimeError("nobody waits by a clock that stands")

    async def sleep_until(self, when: float) -> None:
        raise RuntimeError("nobody waits by a clock that stands")


@asynccontextmanager
async def one_moment(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    """A connection on which every statement sees the same, and nothing can be changed."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            yield connection


async def read_snapshot(connection: Any, *, spam_threshold: float, at: float | None = None) -> Snapshot:
    """Everything as it stands. `at`: judged as of then instead of now."""
    when = at if at is not None else await reports.clock(connection)
    return await _laid_out(when, await load_catalogue(connection), await load_weights(connection, when), spam_threshold)


async def _laid_out(at: float, rows: CatalogueRows, weights: PoolWeights, spam_threshold: float) -> Snapshot:
    async def catalogue() -> CatalogueRows:
        return rows

    async def weighed(_: float) -> PoolWeights:
        return weights

    pools = LivePools(catalogue, weighed, _Moment(at), spam_threshold=spam_threshold)
    await pools.reload()
    return Snapshot(at, rows, weights, pools)
