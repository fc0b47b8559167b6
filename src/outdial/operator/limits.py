"""How many calls at once every tenant and connection has under way and may have, and what holds a connection back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outdial.operator.snapshot import catalogue_now, derived, one_moment
from outdial.postgres.reports import explain as reports
from outdial.rules.capacity import Limit, LimitKey, LimitKind
from outdial.rules.catalogue_rows import CatalogueRows, NumberState
from outdial.rules.pool_capacity import ConnectionRoom, Room, connection_room, room_of

if TYPE_CHECKING:
    import asyncpg


@dataclass(frozen=True, slots=True)
class TenantLimit:
    """A tenant's calls over all its campaigns. `numbers`: its active ones."""

    tenant: str
    room: Room
    campaigns: int
    numbers: int


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """A connection with its `room`, which counts its active numbers, whichever pools they are in."""

    connection: str
    provider: str
    room: ConnectionRoom


@dataclass(frozen=True, slots=True)
class Limits:
    """All of them at that moment, by name."""

    at: float
    tenants: tuple[TenantLimit, ...]
    connections: tuple[ConnectionLimit, ...]


@dataclass(frozen=True, slots=True)
class _Sizes:
    campaigns: Counter[str]
    numbers: Counter[str]
    through: Counter[str]


async def all_limits(pool: asyncpg.Pool) -> Limits:
    """As they stand now."""
    async with one_moment(pool) as connection:
        rows = await catalogue_now(connection)
        at = await reports.clock(connection)
        limits = await reports.limits(
            connection,
            [
                *(LimitKey(LimitKind.TENANT, name) for name in rows.tenants),
                *(LimitKey(LimitKind.CONNECTION, name) for name in rows.connections),
            ],
        )
    sizes = derived(rows, _sizes)
    return Limits(
        at=at,
        tenants=tuple(
            TenantLimit(
                tenant=name,
                room=room_of(limits.get(LimitKey(LimitKind.TENANT, name), Limit(row.max_calls, paused=row.paused))),
                campaigns=sizes.campaigns[name],
                numbers=sizes.numbers[name],
            )
            for name, row in sorted(rows.tenants.items())
        ),
        connections=tuple(
            ConnectionLimit(
                connection=name,
                provider=row.provider,
                room=connection_room(
                    name,
                    limits.get(LimitKey(LimitKind.CONNECTION, name), Limit(row.max_calls, paused=row.paused)),
                    sizes.through[name],
                    at,
                ),
            )
            for name, row in sorted(rows.connections.items())
        ),
    )


def _sizes(rows: CatalogueRows) -> _Sizes:
    active = [row for row in rows.numbers.values() if row.state is NumberState.ACTIVE]
    return _Sizes(
        campaigns=Counter(row.tenant for row in rows.campaigns.values()),
        numbers=Counter(row.tenant for row in active),
        through=Counter(row.connection for row in active),
    )
