"""The catalogue in PostgreSQL: read whole at one version, changed in one transaction.

Lock order of a change: the catalogue's advisory lock, then limits rows by (kind, id), then everything else; the version
is bumped last. A tenant's limits row is the mutex of its sticky assignments, so whoever voids them holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from outdial.postgres import statements
from outdial.postgres.pool import translate_errors
from outdial.rules.catalogue_rows import (
    CampaignRow,
    CatalogueRows,
    CatalogueWrites,
    ConnectionRow,
    Kind,
    MemberRow,
    NumberRow,
    NumberState,
    TenantRow,
)

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    AnyConnection = asyncpg.Connection | PoolConnectionProxy

_SQL = statements.load("catalogue")
_PURGE_AT_ONCE = 5_000
"""Void assignments deleted per statement: some tens of milliseconds."""


async def catalogue_version(connection: AnyConnection) -> int:
    """The version that stands now; each change of the catalogue or of a number's health raises it."""
    with translate_errors():
        version: int = await connection.fetchval(_SQL["read_version"])
        return version


async def settled_version(connection: AnyConnection) -> tuple[int, bool]:
    """The version that stands for this transaction, and whether it has written nothing: what it sees is committed."""
    with translate_errors():
        row: Any = await connection.fetchrow(_SQL["read_settled_version"])
        return row["version"], row["settled"]


async def load_catalogue(connection: AnyConnection) -> CatalogueRows:
    """The whole catalogue as of one moment."""
    with translate_errors():
        async with _one_moment(connection):
            return CatalogueRows(
                version=await connection.fetchval(_SQL["read_version"]),
                tenants={row["tenant"]: TenantRow(*row) for row in await connection.fetch(_SQL["read_tenants"])},
                connections={
                    row["connection"]: ConnectionRow(*row) for row in await connection.fetch(_SQL["read_connections"])
                },
                numbers={row["number"]: _number(row) for row in await connection.fetch(_SQL["read_numbers"])},
                campaigns={
                    row["campaign"]: CampaignRow(*row) for row in await connection.fetch(_SQL["read_campaigns"])
                },
                members={
                    (row["campaign"], row["number"]): MemberRow(*row)
                    for row in await connection.fetch(_SQL["read_members"])
                },
            )


def _one_moment(connection: AnyConnection) -> Any:
    """Several statements see one picture; inside a change the catalogue's lock sees to that."""
    if connection.is_in_transaction():
        return nullcontext()
    return connection.transaction(isolation="repeatable_read", readonly=True)


def _number(row: asyncpg.Record) -> NumberRow:
    number, e164, tenant, connection, state, paused, settings = row
    return NumberRow(number, e164, tenant, connection, NumberState(state), paused, settings)


async def lock_catalogue(connection: AnyConnection) -> None:
    """Wait until no other change of the catalogue is under way; until the transaction ends."""
    await connection.execute(_SQL["lock_catalogue"])


async def count_voided(connection: AnyConnection, writes: CatalogueWrites) -> dict[str, int]:
    """How many sticky assignments that hold now the change makes void, by campaign."""
    campaigns = [*writes.drop_campaigns, *writes.epochs_raised]
    now = await connection.fetchval(_SQL["read_time"])
    rows = await connection.fetch(_SQL["count_voided"], campaigns, *_columns(writes.leaving, 2), now)
    return {row["campaign"]: row["how_many"] for row in rows}


async def count_suppressions(connection: AnyConnection, writes: CatalogueWrites) -> dict[str, int]:
    """How many do-not-call entries would go with the tenants that are removed."""
    rows = await connection.fetch(_SQL["count_suppressions"], list(writes.drop_tenants))
    return {row["tenant"]: row["how_many"] for row in rows}


@dataclass(frozen=True, slots=True)
class StillInUse:
    """Why something cannot be removed: `what` is `calls` (under way) or `waiting attempts`."""

    kind: Kind
    name: str
    what: str
    how_many: int


async def write_catalogue(
    connection: AnyConnection, writes: CatalogueWrites, *, who: str, why: str
) -> tuple[StillInUse, ...]:
    """Write it all in the transaction that the caller has open, under `lock_catalogue`.

    Returned is what forbids a removal: when there is any, the caller must roll back. It is asked after the removal,
    when no replica can add to it any more.
    """
    await connection.execute(_SQL["lock_limits"], *_columns(writes.locks, 2))
    now: float = await connection.fetchval(_SQL["read_time"])
    await _save(connection, writes, now)
    await _drop(connection, writes)
    in_use = await connection.fetch(
        _SQL["still_in_use"],
        list(writes.drop_tenants),
        list(writes.drop_connections),
        list(writes.drop_numbers),
        list(writes.drop_campaigns),
    )
    audit = _columns([(entry.action, entry.subject, dict(entry.detail)) for entry in writes.audit], 3)
    await connection.execute(_SQL["write_audit"], who, why, *audit, now)
    await connection.fetchval(_SQL["bump_version"])
    return tuple(StillInUse(Kind(kind), name, what, how_many) for kind, name, what, how_many in in_use)


async def _save(connection: AnyConnection, writes: CatalogueWrites, now: float) -> None:
    """In the order of the references."""
    tenants, connections, campaigns = writes.save_tenants, writes.save_connections, writes.save_campaigns
    await connection.execute(_SQL["save_tenants"], *_columns([(r.tenant, dict(r.settings)) for r in tenants], 2))
    await connection.execute(
        _SQL["save_connections"], *_columns([(r.connection, r.provider, dict(r.settings)) for r in connections], 3)
    )
    await connection.execute(_SQL["save_limits"], *_columns(_limits(writes), 5))
    await connection.execute(_SQL["save_numbers"], *_columns([_number_values(r) for r in writes.save_numbers], 7))
    await connection.execute(
        _SQL["save_campaigns"],
        *_columns([(r.campaign, r.tenant, r.primary, r.sticky_epoch, dict(r.settings)) for r in campaigns], 5),
    )
    members = [(r.campaign, r.number, r.base_weight, r.paused) for r in writes.save_members]
    await connection.execute(_SQL["save_members"], *_columns(members, 4), now)
    await connection.execute(_SQL["rejoin_members"], *_columns(writes.rejoin, 2), now)


def _limits(writes: CatalogueWrites) -> list[tuple[str, str, int | None, float | None, bool]]:
    return [
        *(("tenant", r.tenant, r.max_calls, None, r.paused) for r in writes.save_tenants),
        *(("connection", r.connection, r.max_calls, r.calls_per_second, r.paused) for r in writes.save_connections),
        *(("campaign", r.campaign, r.max_calls, None, r.paused) for r in writes.save_campaigns),
    ]


def _number_values(row: NumberRow) -> tuple[object, ...]:
    return row.number, row.e164, row.tenant, row.connection, row.state.value, row.paused, dict(row.settings)


async def _drop(connection: AnyConnection, writes: CatalogueWrites) -> None:
    """Against the order of the references."""
    await connection.execute(_SQL["drop_members"], *_columns(writes.drop_members, 2))
    await connection.execute(_SQL["drop_campaigns"], list(writes.drop_campaigns))
    await connection.execute(_SQL["drop_numbers"], list(writes.drop_numbers))
    await connection.execute(_SQL["drop_connections"], list(writes.drop_connections))
    await connection.execute(_SQL["drop_tenants"], list(writes.drop_tenants))
    await connection.execute(_SQL["drop_campaign_statistics"], list(writes.drop_campaigns))
    await connection.execute(_SQL["drop_number_history"], list(writes.drop_numbers))
    limits = [
        *(("campaign", name) for name in writes.drop_campaigns),
        *(("connection", name) for name in writes.drop_connections),
        *(("tenant", name) for name in writes.drop_tenants),
    ]
    await connection.execute(_SQL["drop_limits"], *_columns(limits, 2))


async def purge_voided(connection: AnyConnection, writes: CatalogueWrites) -> int:
    """Delete the assignments that a committed change has made void; how many.

    They count as absent already, so a crash half-way harms nobody. It runs outside the change's transaction and in
    small statements because a campaign may have millions, and the change holds the tenant's lock, which its calls need.
    """
    campaigns = [*writes.drop_campaigns, *writes.epochs_raised]
    purged = 0
    with translate_errors():
        while got := _affected(await connection.execute(_SQL["purge_campaign_sticky"], campaigns, _PURGE_AT_ONCE)):
            purged += got
        pairs = _columns(writes.leaving, 2)
        while got := _affected(await connection.execute(_SQL["purge_member_sticky"], *pairs, _PURGE_AT_ONCE)):
            purged += got
    return purged


async def set_paused(connection: AnyConnection, kind: Kind, name: str, paused: bool) -> bool | None:
    """Pause or resume one thing; whether it was paused before, None = there is no such thing. Inside a transaction."""
    before: bool | None
    if kind is Kind.NUMBER:
        before = await connection.fetchval(_SQL["pause_number"], name, paused)
    else:
        before = await connection.fetchval(_SQL["pause_limit"], kind.singular, name, paused)
    return before


async def record_change(
    connection: AnyConnection, *, who: str, why: str, action: str, subject: str, detail: Mapping[str, object]
) -> float:
    """One audit entry and the bump of the version, for changes that are not an `apply`; returns their time."""
    now = await record(connection, who=who, why=why, action=action, subject=subject, detail=detail)
    await connection.fetchval(_SQL["bump_version"])
    return now


async def read_time(connection: AnyConnection) -> float:
    """The database's clock, Unix seconds: asked after the locks are ours, it orders changes."""
    now: float = await connection.fetchval(_SQL["read_time"])
    return now


async def record(
    connection: AnyConnection, *, who: str, why: str, action: str, subject: str, detail: Mapping[str, object]
) -> float:
    """One audit entry alone, for changes that no snapshot holds; returns its time, Unix seconds."""
    now: float = await connection.fetchval(_SQL["read_time"])
    await connection.execute(_SQL["write_audit"], who, why, [action], [subject], [dict(detail)], now)
    return now


def _affected(command_tag: str) -> int:
    """The number at the end of `DELETE 17`."""
    return int(command_tag.rsplit(" ", 1)[-1])


def _columns(rows: Iterable[Sequence[object]], width: int) -> list[list[Any]]:
    """Rows turned into one array per column, as `unnest` takes them."""
    columns: list[list[Any]] = [[] for _ in range(width)]
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            column.append(value)
    return columns
