"""A plan as an operator reads it, and as a program does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from outdial.catalogue.apply import Proposal
from outdial.catalogue.diff import Action, Change
from outdial.catalogue.toml_text import inline

_MARKS = {Action.ADDED: "+", Action.CHANGED: "~", Action.REMOVED: "-"}


def lines(proposal: Proposal) -> Iterator[str]:
    """One line a thing with its keys below it, then the sums, then what would be lost."""
    for change in proposal.plan.changes:
        yield f"{_MARKS[change.action]} {change.kind.value}.{change.name}"
        yield from _fields(change)
    if proposal.changes_nothing:
        yield "no changes"
        return
    yield ", ".join(f"{proposal.plan.count(action)} {action.value}" for action in Action)
    for campaign, count in proposal.sticky_voided.items():
        yield f"voids {count} sticky {_plural('assignment', count)} of campaigns.{campaign}"
    for tenant, count in proposal.suppressions_lost.items():
        yield f"loses {count} do-not-call {_plural('entry', count)} of tenants.{tenant}"


def _fields(change: Change) -> Iterator[str]:
    for one in change.fields:
        if one.key.startswith("pool.") and (one.old is None or one.new is None):
            number = one.key.removeprefix("pool.")
            yield f"    pool: {'- ' if one.new is None else '+ '}{number}{_membership(one.new)}"
        elif change.action is Action.ADDED:
            yield f"    {one.key} = {_value(one.new)}"
        else:
            yield f"    {one.key}: {_value(one.old)} -> {_value(one.new)}"


def _membership(member: object) -> str:
    """Only what is not the ordinary case."""
    return "" if member is None or member == {"base_weight": 1.0, "paused": False} else f" {inline(member)}"


def _value(value: object) -> str:
    return "default" if value is None else inline(value)


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def as_data(proposal: Proposal, *, applied: bool) -> dict[str, Any]:
    """For `--json`. A key's `null` is its default; `version` is the catalogue's, after the change if it was applied."""
    return {
        "applied": applied,
        "version": proposal.version,
        "changes": [
            {
                "action": change.action.value,
                "kind": change.kind.value,
                "name": change.name,
                "fields": {one.key: {"old": one.old, "new": one.new} for one in change.fields},
            }
            for change in proposal.plan.changes
        ],
        "sticky_voided": dict(proposal.sticky_voided),
        "suppressions_lost": dict(proposal.suppressions_lost),
    }
