"""From stored settings to a policy: defaults, presets, own settings on top, and a version that says when it differs."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from outdial.catalogue.model import CampaignTable, RotationTable, SelectionTable, StickyTable
from outdial.catalogue.policies import campaign_policy
from outdial.rules.catalogue_rows import CampaignRow
from outdial.rules.ids import CampaignId, NumberId, TenantId
from outdial.rules.policy import BindOn, CampaignPolicy, RotationParams, SelectionPolicy, StickyPolicy, WhenFlagged

SOURCE = Path(__file__).parents[2] / "src"


def policy_of(settings: dict[str, Any] | None = None, **row: Any) -> CampaignPolicy:
    base = CampaignRow(CampaignId("spring"), TenantId("acme"), NumberId("us-1"), settings=settings or {})
    return campaign_policy(replace(base, **row), spam_threshold=0.75)


def test_nothing_written_gives_the_documented_defaults() -> None:
    plain = CampaignPolicy(CampaignId("spring"), TenantId("acme"), "", NumberId("us-1"))
    assert replace(policy_of(), version="") == plain


def test_the_carrier_preset_lies_below_own_settings() -> None:
    carrier = policy_of({"preset": "carrier"})
    assert (carrier.sticky.bind_on, carrier.sticky.when_flagged) == (BindOn.PLACED, WhenFlagged.KEEP)
    assert (carrier.sticky.ttl_s, carrier.selection.toll_free_weight) == (691_200, 0)
    own = policy_of({"preset": "carrier", "sticky": {"bind_on": "reached"}, "selection": {"toll_free_weight": 0.5}})
    assert (own.sticky.bind_on, own.sticky.when_flagged) == (BindOn.REACHED, WhenFlagged.KEEP)
    assert own.selection.toll_free_weight == 0.5


@pytest.mark.parametrize(
    ("table", "policy", "elsewhere"),
    [
        (StickyTable, StickyPolicy, set()),
        (SelectionTable, SelectionPolicy, {"spam_threshold"}),  # the platform's
        (RotationTable, RotationParams, set()),
    ],
)
def test_every_setting_of_a_policy_can_be_written(table: Any, policy: Any, elsewhere: set[str]) -> None:
    assert set(table.model_fields) | elsewhere == {field.name for field in fields(policy)}


def test_every_setting_of_a_campaign_can_be_written() -> None:
    made = {"campaign", "version", "sticky_epoch"}
    assert {field.name for field in fields(CampaignPolicy)} - made <= set(CampaignTable.model_fields)


def test_every_key_of_a_file_reaches_the_policy() -> None:
    """Each key's own example, one at a time, gives another version than nothing written (or is that default)."""
    unchanged = []
    tables: dict[str, Any] = {
        "": CampaignTable,
        "sticky": StickyTable,
        "selection": SelectionTable,
        "rotation": RotationTable,
    }
    for group, table in tables.items():
        for key in table.model_fields:
            if group == "" and key in {
                "tenant",
                "primary",
                "pool",
                "max_calls",
                "paused",
                "sticky",
                "selection",
                "rotation",
            }:
                continue
            text = {key: _other(group, key)}
            settings = CampaignTable.model_validate({group: text} if group else text).model_dump(exclude_unset=True)
            if policy_of(settings).version == policy_of().version:
                unchanged.append(f"{group}.{key}")
    assert unchanged == []


def _other(group: str, key: str) -> Any:
    """A value that is not the default."""
    words: dict[str, Any] = {
        "preset": "carrier",
        "calling_hours": "always",
        "fallback_time_zone": "America/Chicago",
        "machine_detection": "detect",
        "optional_events": ["placed"],
        "answer": {"twilio": {"url": "https://example.com"}},
        "bind_on": "placed",
        "when_flagged": "keep",
        "tier_spill_after_s": "never",
        "max_share": 0.5,
    }
    if key in words:
        return words[key]
    policy: Any = policy_of()
    default = getattr(getattr(policy, group) if group else policy, key)
    if isinstance(default, bool):
        return not default
    return (
        default + 1
        if isinstance(default, int)
        else default * 0.5
        if default <= 1 and key != "fast_margin"
        else default + 1
    )


def test_never_spilling_is_written_as_a_word() -> None:
    assert policy_of({"selection": {"tier_spill_after_s": "never"}}).selection.tier_spill_after_s == math.inf


def test_what_a_newer_release_wrote_does_not_stop_this_one() -> None:
    newer = {"unheard_of": 1, "sticky": {"unheard_of": 2}, "preset": "unheard_of"}
    assert policy_of(newer).version == policy_of().version


def test_the_version_says_whether_two_policies_are_the_same() -> None:
    assert policy_of({"record": True}).version != policy_of().version
    assert policy_of(sticky_epoch=2).version != policy_of().version
    assert policy_of({"record": False}).version == policy_of().version


def test_the_version_is_the_same_in_every_process() -> None:
    settings = {"optional_events": ["placed", "accepted", "answered"], "calling_hours": "always"}
    program = (
        "from outdial.catalogue.policies import campaign_policy\n"
        "from outdial.rules.catalogue_rows import CampaignRow\n"
        f"row = CampaignRow('spring', 'acme', 'us-1', settings={settings!r})\n"
        "print(campaign_policy(row, spam_threshold=0.75).version)"
    )
    versions = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONPATH": str(SOURCE), "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert versions == {policy_of(settings).version}
