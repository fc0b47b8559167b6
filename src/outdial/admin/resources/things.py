"""Tenants, connections, numbers and campaigns: listed, shown, changed key by key, paused and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import Field, RootModel

from outdial.admin.problems import Problem
from outdial.admin.routes import Answer, Asked, Because, Input, Route
from outdial.admin.tokens import Role
from outdial.operator import things
from outdial.operator.pause import set_paused
from outdial.operator.things import Thing, Things, ThingsChange
from outdial.rules.catalogue_rows import Kind


@dataclass(frozen=True, slots=True)
class Switched:
    """Whether the request changed anything; asked again, it does not."""

    changed: bool


class ChangeQuery(Input):
    """How to change it."""

    why: str = Field(min_length=1, max_length=500, description="Why, for the audit log.")
    dry_run: bool = Field(False, description="Only say what it would do.")


class Keys(RootModel[dict[str, Any]]):
    """Keys as in the catalogue file. Only these change; null sets a key back to its default (JSON Merge Patch)."""


class MemberKeys(Input):
    """What to change of one number in this pool; what is left out stays."""

    base_weight: float | None = Field(None, ge=0, le=1000, description="0 = only as primary or sticky.")
    paused: bool | None = Field(None, description="Not drawn in this campaign.")


class Members(Input):
    """Numbers to add to the pool or change in it, and numbers to take out."""

    put: dict[str, MemberKeys] = Field(default_factory=dict, max_length=1000)
    remove: tuple[str, ...] = Field((), max_length=1000)
    why: str = Field(min_length=1, max_length=500, description="Why, for the audit log.")
    dry_run: bool = Field(False, description="Only say what it would do, such as sticky assignments lost.")


class Document(Input):
    """A catalogue file as JSON: things by kind and name, all or nothing."""

    tenants: dict[str, Any] = Field(default_factory=dict)
    connections: dict[str, Any] = Field(default_factory=dict)
    numbers: dict[str, Any] = Field(default_factory=dict)
    campaigns: dict[str, Any] = Field(default_factory=dict)
    why: str = Field(min_length=1, max_length=500, description="Why, for the audit log.")
    dry_run: bool = Field(False, description="Only say what it would do.")


async def _apply(asked: Asked) -> ThingsChange:
    body: Document = asked.body
    document = {kind.value: things.nulls_are_defaults(getattr(body, kind.value)) for kind in Kind}
    return await things.change_catalogue(
        asked.pool, document, who=asked.caller.name, why=body.why, dry_run=body.dry_run
    )


async def _members(asked: Asked) -> ThingsChange:
    body: Members = asked.body
    return await things.change_members(
        asked.pool,
        asked.path["campaign"],
        put={number: keys.model_dump(exclude_none=True) for number, keys in body.put.items()},
        remove=body.remove,
        who=asked.caller.name,
        why=body.why,
        dry_run=body.dry_run,
    )


def _of_kind(kind: Kind) -> Iterator[Route]:
    one = kind.singular
    path = f"/{kind.value}/{{{one}}}"

    async def listing(asked: Asked) -> Things:
        return await things.list_things(asked.pool, kind)

    async def show(asked: Asked) -> Answer:
        thing = await things.read_thing(asked.pool, kind, asked.path[one])
        return Answer(thing, headers={"ETag": f'"{thing.etag}"'})

    async def change(asked: Asked) -> ThingsChange:
        query: ChangeQuery = asked.query
        return await things.change_thing(
            asked.pool,
            kind,
            asked.path[one],
            asked.body.root,
            who=asked.caller.name,
            why=query.why,
            if_match=_if_match(asked),
            dry_run=query.dry_run,
        )

    async def pause(asked: Asked) -> Switched:
        return await paused(asked, to=True)

    async def resume(asked: Asked) -> Switched:
        return await paused(asked, to=False)

    async def paused(asked: Asked, *, to: bool) -> Switched:
        name = asked.path[one]
        return Switched(await set_paused(asked.pool, kind, name, paused=to, who=asked.caller.name, why=asked.body.why))

    operator = Role.OPERATOR
    yield Route("GET", f"/{kind.value}", f"All {kind.value}, as they are set", listing, Things)
    yield Route("GET", path, f"One {one}, as it is set", show, Thing)
    yield Route(
        "PATCH", path, f"Change some keys of a {one}", change, ThingsChange, operator, ChangeQuery, Keys, (412, 428)
    )
    yield Route("POST", f"{path}/pause", "No new calls", pause, Switched, operator, body=Because)
    yield Route("POST", f"{path}/resume", "Calls again", resume, Switched, operator, body=Because)


def _if_match(asked: Asked) -> str:
    header = asked.headers.get("If-Match", "").strip()
    if not header:
        what = "say which state you change: send the ETag that it was shown with as If-Match"
        raise Problem(428, "if_match_needed", what)
    return header.removeprefix("W/").strip('"')


ROUTES: Final = (
    *(route for kind in Kind for route in _of_kind(kind)),
    Route(
        "POST",
        "/campaigns/{campaign}/members",
        "Add, change or take out numbers of a pool",
        _members,
        ThingsChange,
        Role.OPERATOR,
        body=Members,
        statuses=(412,),
    ),
    Route(
        "POST",
        "/catalogue",
        "Lay a whole document over the catalogue",
        _apply,
        ThingsChange,
        Role.OPERATOR,
        body=Document,
        statuses=(412,),
    ),
)
