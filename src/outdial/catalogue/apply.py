"""Applies a catalogue file: one plan, one transaction, all or nothing.

The plan is made twice when an operator is asked in between: it is carried out only if nothing changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import asyncpg

from outdial.catalogue.carriers import check_carriers
from outdial.catalogue.diff import Plan, diff
from outdial.catalogue.merge import merge
from outdial.catalogue.problems import BadCatalogue, Problem
from outdial.catalogue.read import CatalogueFile
from outdial.errors import Permanent
from outdial.postgres import catalogue as store
from outdial.postgres.pool import translate_errors


class CatalogueMoved(Permanent):
    """The catalogue was changed between the plan that was agreed to and its application."""

    code = "catalogue_moved"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan and what it costs: sticky assignments voided by campaign, do-not-call entries lost by tenant."""

    plan: Plan
    version: int
    sticky_voided: Mapping[str, int] = field(default_factory=dict)
    suppressions_lost: Mapping[str, int] = field(default_factory=dict)

    @property
    def changes_nothing(self) -> bool:
        """Whether the database stands already as the file wants it."""
        return not self.plan.changes


async def propose(pool: asyncpg.Pool, file: CatalogueFile, *, prune: bool = False) -> Proposal:
    """What applying the file would do; changes nothing. Raises `BadCatalogue` with every problem."""
    with translate_errors():
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            return await _propose(connection, file, prune)


async def apply(
    pool: asyncpg.Pool,
    file: CatalogueFile,
    *,
    prune: bool = False,
    who: str,
    why: str = "",
    agreed: Proposal | None = None,
) -> Proposal:
    """Apply the file; what was done. A second time it changes nothing and writes nothing.

    `agreed`: the proposal that somebody said yes to; `CatalogueMoved` when it would be another one now.
    Raises `BadCatalogue` with every problem, and when something to remove is still in use.
    """
    with translate_errors():
        async with pool.acquire() as connection:
            async with connection.transaction():
                await store.lock_catalogue(connection)
                done = await _propose(connection, file, prune)
                if agreed is not None and done.plan != agreed.plan:
                    raise CatalogueMoved(
                        "somebody changed the catalogue meanwhile: look at the new plan and apply again"
                    )
                if done.changes_nothing:
                    return done
                if in_use := await store.write_catalogue(connection, done.plan.writes, who=who, why=why):
                    raise BadCatalogue(file.name, [_still_in_use(one) for one in in_use])
                version = await store.catalogue_version(connection)
            await store.purge_voided(connection, done.plan.writes)
    return Proposal(done.plan, version, done.sticky_voided, done.suppressions_lost)


async def _propose(connection: store.AnyConnection, file: CatalogueFile, prune: bool) -> Proposal:
    current = await store.load_catalogue(connection)
    wanted, problems = merge(current, file, prune=prune)
    problems = (*problems, *check_carriers(wanted, file))
    if problems:
        raise BadCatalogue(file.name, problems)
    plan = diff(current, wanted)
    return Proposal(
        plan,
        current.version,
        await store.count_voided(connection, plan.writes),
        await store.count_suppressions(connection, plan.writes),
    )


def _still_in_use(one: store.StillInUse) -> Problem:
    if one.what == "calls":
        what, cure = (
            f"cannot be removed: {one.how_many} of its calls are under way",
            "pause it and try again when they ended",
        )
    else:
        what, cure = (
            f"cannot be removed: {one.how_many} of its attempts wait",
            "cancel them, or let them end, and try again",
        )
    return Problem(f"{one.kind}.{one.name}", "", what, cure)
