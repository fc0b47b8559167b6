"""The catalogue and the weights as of one moment, laid out for picks by the very code that a replica uses.

Who is asked all the time (the admin port) keeps the catalogue: it is read whole only when its version has moved since,
which every look checks in its own transaction. So what is shown is never older than the question.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from outdial.catalogue.live_pools import LivePools
from outdial.errors import NotFound
from outdial.ports.catalogue import PoolView
from outdial.postgres.catalogue import load_catalogue, settled_version
from outdial.postgres.pool import translate_errors
from outdial.postgres.reports import explain as reports
from outdial.postgres.weights import load_weights, load_weights_of
from outdial.rules.catalogue_rows import CatalogueRows, MemberRow
from outdial.rules.ids import CampaignId, NumberId
from outdial.rules.pool_weights import PoolWeights

if TYPE_CHECKING:
    import asyncpg

_T = TypeVar("_T")
SPAM_THRESHOLD = 0.75
"""The platform's default; whoever knows the settings passes theirs."""


class KeptCatalogue:
    """The catalogue as last read, for one process and one database."""

    def __init__(self) -> None:
        self._rows: CatalogueRows | None = None
        self._derived: dict[object, Any] = {}

    def derived(self, rows: CatalogueRows, make: Callable[[CatalogueRows], _T]) -> _T:
        """What `make` says of these rows: asked once for those that are kept."""
        if rows is not self._rows:
            return make(rows)
        if make not in self._derived:
            self._derived[make] = make(rows)
        found: _T = self._derived[make]
        return found

    async def read(self, connection: Any) -> CatalogueRows:
        """As it stands for this connection's transaction."""
        version, settled = await settled_version(connection)
        if self._rows is not None and self._rows.version == version:
            return self._rows
        rows = await load_catalogue(connection)
        if settled and rows.version == version:
            self._rows, self._derived = rows, {}
        return rows


_KEPT: ContextVar[KeptCatalogue | None] = ContextVar("kept_catalogue", default=None)


@contextmanager
def keeping(kept: KeptCatalogue) -> Iterator[None]:
    """Whatever is asked within goes by the kept catalogue."""
    token = _KEPT.set(kept)
    try:
        yield
    finally:
        _KEPT.reset(token)


async def catalogue_now(connection: Any) -> CatalogueRows:
    """The whole catalogue as it stands: the kept one, as long as it is that."""
    kept = _KEPT.get()
    return await (kept.read(connection) if kept is not None else load_catalogue(connection))


def derived(rows: CatalogueRows, make: Callable[[CatalogueRows], _T]) -> _T:
    """What `make` says of a catalogue, worked out once for as long as that one is kept."""
    kept = _KEPT.get()
    return kept.derived(rows, make) if kept is not None else make(rows)


@dataclass(frozen=True, slots=True)
class Membership:
    """Who is in which pool, from both sides."""

    of_campaign: Mapping[CampaignId, list[MemberRow]]
    of_number: Mapping[NumberId, list[MemberRow]]


def membership(rows: CatalogueRows) -> Membership:
    """Of the whole catalogue; ask for it by `derived`."""
    found = Membership({name: [] for name in rows.campaigns}, {name: [] for name in rows.numbers})
    for member in rows.members.values():
        found.of_campaign[member.campaign].append(member)
        found.of_number[member.number].append(member)
    return found


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What stood at that moment (Unix seconds). `of`: the only campaigns whose members and weights it has, None = all."""

    at: float
    rows: CatalogueRows
    weights: PoolWeights
    pools: LivePools
    of: frozenset[str] | None

    def view(self, campaign: str) -> PoolView:
        """The campaign as the next pick sees it. Raises `NotFound`."""
        assert self.of is None or campaign in self.of
        view = self.pools.view(CampaignId(campaign))
        if view is None:
            raise NotFound(f"there is no campaign named {campaign!r} (outdial show campaigns)")
        return view

    async def with_rows(self, rows: CatalogueRows, *, spam_threshold: float) -> Snapshot:
        """The same moment with another catalogue."""
        return await _laid_out(self.at, rows, self.weights, spam_threshold, self.of)


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


async def read_snapshot(
    connection: Any,
    *,
    spam_threshold: float,
    at: float | None = None,
    of: Collection[str] | None = None,
    numbers: Collection[str] = (),
    rows: CatalogueRows | None = None,
) -> Snapshot:
    """Everything as it stands. `at`: judged as of then instead of now; `of`: the only campaigns that are looked at, and
    `numbers`: further numbers that are; `rows`: what `catalogue_now` said in this transaction."""
    when = at if at is not None else await reports.clock(connection)
    rows = rows or await catalogue_now(connection)
    if of is None:
        return await _laid_out(when, rows, await load_weights(connection, when), spam_threshold, None)
    pools = derived(rows, membership).of_campaign
    members = [member for campaign in of for member in pools.get(CampaignId(campaign), ())]
    wanted = {member.number for member in members} | set(numbers)
    narrowed = replace(rows, members={(member.campaign, member.number): member for member in members})
    weights = await load_weights_of(connection, when, of, wanted)
    return await _laid_out(when, narrowed, weights, spam_threshold, frozenset(of))


async def _laid_out(
    at: float, rows: CatalogueRows, weights: PoolWeights, spam_threshold: float, of: frozenset[str] | None
) -> Snapshot:
    async def catalogue() -> CatalogueRows:
        return rows

    async def weighed(_: float) -> PoolWeights:
        return weights

    pools = LivePools(catalogue, weighed, _Moment(at), spam_threshold=spam_threshold)
    await pools.reload()
    return Snapshot(at, rows, weights, pools, of)
