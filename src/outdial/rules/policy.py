"""A campaign's policy as the rules see it: frozen, complete (every default filled in), hashable by `version`.

`catalogue/` builds it from what the operator wrote; the rules never see TOML, JSON or pydantic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Literal

from outdial.rules.ids import CampaignId, NumberId, TenantId


class BindOn(StrEnum):
    """When a sticky assignment is made (SPEC 3.3)."""

    REACHED = "reached"
    PLACED = "placed"


class WhenFlagged(StrEnum):
    """What a sticky assignment does once its number is spam-flagged (SPEC 3.3)."""

    REPLACE = "replace"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class StickyPolicy:
    """SPEC 3.3. `ttl_s` 0 = for ever; `max_wait_s` is how long an attempt waits for its own busy number."""

    enabled: bool = True
    bind_on: BindOn = BindOn.REACHED
    when_flagged: WhenFlagged = WhenFlagged.REPLACE
    ttl_s: float = 8 * 86_400.0
    max_wait_s: float = 600.0


@dataclass(frozen=True, slots=True)
class RotationParams:
    """The parameters of the rotation share; names, defaults and meaning are those of docs/explanation/rotation.md."""

    volume_budget_24h: int = 80
    over_budget_factor: float = 1 / 3
    rest_index: float = 0.6
    exponent: float = 10.0
    prior: float = 5.0
    memory_slow: float = 100.0
    memory_fast: float = 5.0
    prior_fast: float = 2.0
    half_life_s: float = 86_400.0
    fast_margin: float = 1.25
    warm_up: int = 20
    warm_up_lead: float = 0.1
    floor: float = 0.05
    max_share: float | None = None
    baseline_half_life_s: float = 6 * 3_600.0


@dataclass(frozen=True, slots=True)
class CallingWindow:
    """Contact-local opening hours of the days in `days` (0 = Monday); `end` is exclusive, `end` 00:00 means midnight."""

    days: frozenset[int]
    start: time
    end: time


EVERY_DAY_9_TO_20 = (CallingWindow(frozenset(range(7)), time(9), time(20)),)


@dataclass(frozen=True, slots=True)
class SelectionPolicy:
    """Which number may be drawn, in which order of tiers, with which weights (SPEC 3.4 to 3.6)."""

    prefer_country_match: bool = True
    geomatch: bool = False
    near_time_zone_hours: float = 1.0
    tier_spill_after_s: float = 30.0
    skip_unhealthy: bool = False
    long_code_weight: float = 1.0
    toll_free_weight: float = 1.0
    mobile_weight: float = 1.0
    spam_threshold: float = 0.75


@dataclass(frozen=True, slots=True)
class CampaignPolicy:
    """All that steers one campaign's attempts."""

    campaign: CampaignId
    tenant: TenantId
    version: str
    """Short content hash of the policy, kept in decision records."""
    primary: NumberId
    sticky_epoch: int = 1
    """Raised whenever sticky is switched off or all assignments are cleared: rows of an older epoch count as absent."""
    sticky: StickyPolicy = StickyPolicy()
    selection: SelectionPolicy = SelectionPolicy()
    rotation: RotationParams = RotationParams()
    calling_hours: tuple[CallingWindow, ...] = EVERY_DAY_9_TO_20
    fallback_time_zone: str | None = None
    attempt_ttl_s: float = 86_400.0
    ring_timeout_s: int = 30
    max_duration_s: int = 1_800
    machine_detection: Literal["off", "detect"] = "off"
    record: bool = False
    answer: dict[str, object] = field(default_factory=dict)
    """Provider name -> what the carrier does on answer; the job's own map wins key by key."""
    voicemail_is_reached: bool = False
    machine_counts_as_answer: bool = False
    optional_events: frozenset[str] = frozenset()
    """Which of `accepted`, `placed`, `answered` are published besides the events that always are."""
