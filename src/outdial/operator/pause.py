"""Pausing and resuming a tenant, campaign, connection or number: no new starts, no harm to calls under way."""

from __future__ import annotations

import asyncpg

from outdial.errors import NotFound
from outdial.postgres import catalogue
from outdial.postgres.pool import translate_errors
from outdial.rules.catalogue_rows import Kind


async def set_paused(pool: asyncpg.Pool, kind: Kind, name: str, *, paused: bool, who: str, why: str) -> bool:
    """Returns whether anything changed. Every replica sees it before its next pick. Raises `NotFound`."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction():
            # An apply that has read the old value must not write it back over ours.
            await catalogue.lock_catalogue(connection)
            before = await catalogue.set_paused(connection, kind, name, paused)
            if before is None:
                raise NotFound(f"there is no {kind.singular} named {name!r} (outdial show {kind.value})")
            if before == paused:
                return False
            await catalogue.record_change(
                connection,
                who=who,
                why=why,
                action="pause" if paused else "resume",
                subject=f"{kind.singular}/{name}",
                detail={},
            )
            return True
