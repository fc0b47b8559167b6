"""A pool's picture as it is stored: a JSON body with the members and the part of the policy that a pick depends on.

The hash is taken over the body, so equal pools under equal policies share one row, and a body tells whether it is
intact. Floats are kept exactly; columns instead of objects keep a pool of 20 at about 2 kB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from hashlib import blake2b
from math import inf
from typing import Any

from outdial.rules.ids import E164, CampaignId, ConnectionId, NumberId, TenantId
from outdial.rules.policy import BindOn, CampaignPolicy, RotationParams, SelectionPolicy, StickyPolicy, WhenFlagged
from outdial.rules.pool import Geography, Member, NumberType, Picture, SkipReason

_HASH_BYTES = 12
_NEVER = "never"
"""How an infinite time is written: JSON has no infinity."""


def picture_of(campaign: CampaignId, members: Sequence[Member], policy: CampaignPolicy) -> Picture:
    """The picture of these members under this policy, named by its content."""
    return Picture(picture_hash(_body(campaign, members, policy)), campaign, tuple(members))


def picture_body(picture: Picture, policy: CampaignPolicy) -> dict[str, object]:
    """What to store under the picture's hash. `policy`: the one that the picture was made with."""
    return _body(picture.campaign, picture.members, policy)


def picture_hash(body: Mapping[str, object]) -> str:
    """Names a body: the same for equal content, however it was stored in between."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake2b(text.encode(), digest_size=_HASH_BYTES).hexdigest()


def read_picture(body: Mapping[str, Any]) -> tuple[Picture, CampaignPolicy]:
    """The picture and the policy of a stored body; settings of the policy that no pick depends on have their defaults."""
    places = [Geography(country, area_code, tuple(zones)) for country, area_code, zones in body["places"]]
    campaign = CampaignId(body["campaign"])
    members = tuple(_read_member(row, places) for row in body["members"])
    policy = _read_policy(campaign, body["policy"])
    return picture_of(campaign, members, policy), policy


def _body(campaign: CampaignId, members: Sequence[Member], policy: CampaignPolicy) -> dict[str, object]:
    places = {place: i for i, place in enumerate(dict.fromkeys(member.geography for member in members))}
    return {
        "campaign": campaign,
        "policy": _policy_body(policy),
        "places": [[place.country, place.area_code, list(place.zones)] for place in places],
        "members": [_member_row(member, places[member.geography]) for member in members],
    }


def _member_row(member: Member, place: int) -> list[object]:
    return [
        member.number,
        member.e164,
        member.connection,
        member.provider,
        place,
        member.number_type.value,
        float(member.base_weight),
        float(member.rotation_weight),
        float(member.index),
        member.resting,
        sorted(member.allowed_countries),
        member.static_skip.value if member.static_skip else None,
        float(member.added_at),
        member.skip_if_kept.value if member.skip_if_kept else None,
    ]


def _read_member(row: Sequence[Any], places: Sequence[Geography]) -> Member:
    number, e164, connection, provider, place, kind, base, weight, index, resting, allowed, skip, added_at, kept = row
    return Member(
        NumberId(number),
        E164(e164),
        ConnectionId(connection),
        provider,
        places[place],
        NumberType(kind),
        float(base),
        float(weight),
        float(index),
        resting,
        frozenset(allowed),
        SkipReason(skip) if skip else None,
        float(added_at),
        SkipReason(kept) if kept else None,
    )


def _policy_body(policy: CampaignPolicy) -> dict[str, object]:
    return {
        "version": policy.version,
        "tenant": policy.tenant,
        "primary": policy.primary,
        "sticky_epoch": policy.sticky_epoch,
        "sticky": _settings_body(policy.sticky),
        "selection": _settings_body(policy.selection),
        "floor": float(policy.rotation.floor),
        "max_share": policy.rotation.max_share,
    }


def _settings_body(settings: StickyPolicy | SelectionPolicy) -> dict[str, object]:
    return {field.name: _json_value(getattr(settings, field.name)) for field in fields(settings)}


def _json_value(value: object) -> object:
    """Whole numbers are written as floats: `0` and `0.0` in a policy are the same policy."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _NEVER if value == inf else float(value)
    return value


def _read_policy(campaign: CampaignId, body: Mapping[str, Any]) -> CampaignPolicy:
    sticky = _read_settings(StickyPolicy, body["sticky"])
    sticky["bind_on"], sticky["when_flagged"] = BindOn(sticky["bind_on"]), WhenFlagged(sticky["when_flagged"])
    max_share = body["max_share"]
    return CampaignPolicy(
        campaign=campaign,
        tenant=TenantId(body["tenant"]),
        version=body["version"],
        primary=NumberId(body["primary"]),
        sticky_epoch=int(body["sticky_epoch"]),
        sticky=StickyPolicy(**sticky),
        selection=SelectionPolicy(**_read_settings(SelectionPolicy, body["selection"])),
        rotation=RotationParams(floor=float(body["floor"]), max_share=None if max_share is None else float(max_share)),
    )


def _read_settings(kind: type[StickyPolicy | SelectionPolicy], body: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that this version does not know are passed over; those that are missing get their defaults."""
    known = {field.name for field in fields(kind)}
    return {name: inf if value == _NEVER else value for name, value in body.items() if name in known}
