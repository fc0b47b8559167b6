"""From what the operator wrote to what the rules see: presets below, own settings above, defaults for the rest.

Stored settings were checked when they were applied, so nothing is refused here: a key that this release does not know
(a newer one wrote it) is left alone, and the replica goes on dialling.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import time
from types import MappingProxyType
from typing import Any

from outdial.catalogue import hours
from outdial.rules.catalogue_rows import CampaignRow, Settings
from outdial.rules.policy import (
    EVERY_DAY_9_TO_20,
    BindOn,
    CampaignPolicy,
    RotationParams,
    SelectionPolicy,
    StickyPolicy,
    WhenFlagged,
)

_EIGHT_DAYS_S = 8 * 86_400
PRESETS: Mapping[str, Settings] = MappingProxyType(
    {
        "campaign": {},
        "carrier": {
            "sticky": {"bind_on": "placed", "when_flagged": "keep", "ttl_s": _EIGHT_DAYS_S},
            "selection": {"toll_free_weight": 0.0},
        },
    }
)
"""SPEC 3.3. `campaign` is what all defaults are made for."""

_PLAIN = (
    "fallback_time_zone",
    "attempt_ttl_s",
    "ring_timeout_s",
    "max_duration_s",
    "machine_detection",
    "record",
    "voicemail_is_reached",
    "machine_counts_as_answer",
)


def effective(settings: Settings) -> dict[str, Any]:
    """The settings with their preset below them, table by table."""
    preset = PRESETS.get(str(settings.get("preset", "campaign")), {})
    merged: dict[str, Any] = dict(preset)
    for key, value in settings.items():
        below = merged.get(key)
        merged[key] = {**below, **value} if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def sticky_enabled(settings: Settings) -> bool:
    """Whether contacts stick at all (SPEC 3.3: on unless switched off)."""
    return bool(effective(settings).get("sticky", {}).get("enabled", StickyPolicy().enabled))


def campaign_policy(row: CampaignRow, *, spam_threshold: float) -> CampaignPolicy:
    """`spam_threshold`: the platform's, from the settings; a campaign has none of its own."""
    settings = effective(row.settings)
    sticky = _known(settings.get("sticky", {}), StickyPolicy)
    selection = _known(settings.get("selection", {}), SelectionPolicy)
    if selection.get("tier_spill_after_s") == "never":
        selection["tier_spill_after_s"] = math.inf
    if "bind_on" in sticky:
        sticky["bind_on"] = BindOn(sticky["bind_on"])
    if "when_flagged" in sticky:
        sticky["when_flagged"] = WhenFlagged(sticky["when_flagged"])
    policy = CampaignPolicy(
        campaign=row.campaign,
        tenant=row.tenant,
        version="",
        primary=row.primary,
        sticky_epoch=row.sticky_epoch,
        sticky=StickyPolicy(**sticky),
        selection=SelectionPolicy(**{**selection, "spam_threshold": spam_threshold}),
        rotation=RotationParams(**_known(settings.get("rotation", {}), RotationParams)),
        calling_hours=hours.windows(settings["calling_hours"]) if "calling_hours" in settings else EVERY_DAY_9_TO_20,
        answer=dict(settings.get("answer", {})),
        optional_events=frozenset(settings.get("optional_events", ())),
        **{key: settings[key] for key in _PLAIN if key in settings},
    )
    return replace(policy, version=policy_version(policy))


def complete(row: CampaignRow) -> dict[str, Any]:
    """A campaign's settings with every default filled in, under the keys of the catalogue file."""
    policy, settings = campaign_policy(row, spam_threshold=SelectionPolicy().spam_threshold), effective(row.settings)
    selection = {key: value for key, value in asdict(policy.selection).items() if key != "spam_threshold"}
    if policy.selection.tier_spill_after_s == math.inf:
        selection["tier_spill_after_s"] = "never"
    return {
        "primary": row.primary,
        "max_calls": row.max_calls,
        "paused": row.paused,
        "preset": settings.get("preset", "campaign"),
        "calling_hours": settings.get("calling_hours", [{"days": hours.EVERY_DAY, "start": "09:00", "end": "20:00"}]),
        **{key: getattr(policy, key) for key in _PLAIN},
        "optional_events": sorted(policy.optional_events),
        "answer": dict(policy.answer),
        "sticky": asdict(policy.sticky),
        "selection": selection,
        "rotation": asdict(policy.rotation),
    }


def policy_version(policy: CampaignPolicy) -> str:
    """Twelve hex digits of a hash over all of the policy but this; the same in every process."""
    body = asdict(replace(policy, version=""))
    text = json.dumps(body, sort_keys=True, default=_plain_value)
    return hashlib.blake2s(text.encode(), digest_size=6).hexdigest()


def _plain_value(value: object) -> object:
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, time):
        return value.isoformat()
    raise TypeError(f"a policy never holds a {type(value).__name__}")


def _known(settings: Mapping[str, Any], of: type[Any]) -> dict[str, Any]:
    names = {one.name for one in fields(of)}
    return {key: value for key, value in settings.items() if key in names}
