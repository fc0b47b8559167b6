"""What gauges show at once, as it stands in the database: limits and pools. What is no longer there is not shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from prometheus_client import Gauge

from outdial.rules.pool import SkipReason
from outdial.telemetry.scopes import OTHER

NUMBER_STATES = (
    "usable",
    "resting",
    *(one for one in SkipReason if one not in (SkipReason.COUNTRY_NOT_ALLOWED, SkipReason.NO_ANSWER_INSTRUCTION)),
)
"""A member of a pool may call (`usable`; `resting` when it is far behind its pool), or the reason why it may call nobody."""


class SlotUse(NamedTuple):
    """A limits row as metrics show it. `limit` None = no limit of its own."""

    kind: str
    id: str
    in_use: int
    limit: int | None


@dataclass(frozen=True, slots=True)
class PoolFigures:
    """A campaign's pool as metrics show it. `ceiling`, `free_now` None = unbounded; `numbers`: by state."""

    campaign: str
    waiting: int
    in_line: int
    ceiling: int | None
    free_now: int | None
    binds: Collection[str] = ()
    numbers: Mapping[str, int] = field(default_factory=dict)


def bounded(uses: Iterable[SlotUse], most_tenants: int, campaigns: Collection[str]) -> list[SlotUse]:
    """All connections, the busiest tenants and the campaigns given by themselves; one row each for the rest."""
    by_kind: dict[str, list[SlotUse]] = {}
    for use in uses:
        by_kind.setdefault(use.kind, []).append(use)
    tenants = sorted(by_kind.pop("tenant", []), key=lambda use: (-use.in_use, use.id))
    of_campaigns = by_kind.pop("campaign", [])
    ours = [use for use in of_campaigns if use.id in campaigns]
    others = [use for use in of_campaigns if use.id not in campaigns]
    rest = [use for uses in by_kind.values() for use in uses]
    return [*rest, *tenants[:most_tenants], *_sum(tenants[most_tenants:]), *ours, *_sum(others)]


def _sum(uses: list[SlotUse]) -> list[SlotUse]:
    return [SlotUse(uses[0].kind, OTHER, sum(use.in_use for use in uses), None)] if uses else []


def show(gauge: Gauge, values: Mapping[tuple[str, ...], float | None]) -> None:
    """Set the series of these labels and take all others away; None = none. Never empty in between: a scrape goes on
    in a thread of its own."""
    for labels, value in values.items():
        if value is not None:
            gauge.labels(*labels).set(value)
    for family in gauge.collect():
        for sample in family.samples:
            labels = tuple(sample.labels.values())
            if values.get(labels) is None:
                gauge.remove(*labels)
