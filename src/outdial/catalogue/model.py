"""What may stand in a catalogue file: one pydantic model per table.

Every key is optional because only what is there is touched. Which keys a *new* thing needs is decided in `merge.py`,
where it is known what exists; what a key left out means is decided in `policies.py`. Each key says its meaning, unit
and an example, which errors give as the cure.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from outdial.catalogue.values import (
    CallingHours,
    Country,
    E164Number,
    Instructions,
    MaxCalls,
    Name,
    NumberNames,
    Reference,
    Seconds,
    Url,
    Weight,
    Zone,
)
from outdial.rules.catalogue_rows import Kind


def _key(meaning: str, example: object) -> Any:
    """A key that may be left out; None never means anything but that (TOML cannot write it)."""
    return Field(None, description=meaning, examples=[example])


class Table(BaseModel):
    """Unknown keys are refused; TOML's types are taken as they are (`"5"` is not a number)."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class TenantTable(Table):
    """Who calls."""

    max_calls: MaxCalls = _key(
        "Most calls at once over all its campaigns. 0 = no new starts; unset = no limit of its own.", 200
    )
    paused: bool = _key("No new starts for any of its campaigns.", False)
    queue: Annotated[int, Field(ge=0, le=255)] | Name = _key(
        "The attempt queue it is bound to: an index, or a name for a queue of its own. Unset = by hash.", 3
    )
    allowed_destinations: list[Country] = _key(
        "Countries it may call. Unset or empty = all ordinary destinations.", ["US", "CA"]
    )
    allowed_kinds: list[Literal["premium", "shared_cost", "pager", "voicemail", "satellite"]] = _key(
        "Costly kinds of numbers that it may call all the same.", ["shared_cost"]
    )


class ConnectionTable(Table):
    """An account or trunk at a provider."""

    provider: Name = _key("Which carrier's API it speaks. Cannot be changed later.", "twilio")
    max_calls: MaxCalls = _key("Most calls at once. Required. 0 = no new starts.", 20)
    calls_per_second: Annotated[float, Field(gt=0, le=10_000)] = _key(
        "Start rate, over all replicas. Unset = unpaced.", 1.0
    )
    paused: bool = _key("No new starts through it.", False)
    base_url: Url = _key("The API's address. Unset = the provider's own.", "https://api.example.com")
    account: Annotated[str, Field(min_length=1, max_length=200)] = _key(
        "The account's name at the provider (Twilio: account SID). Not a secret.", "AC00000000000000000000000000000001"
    )
    credentials: dict[str, Reference] = _key(
        "Secrets by reference: `env:NAME`, `file:/path` or `secret:name`. A secret written out is refused.",
        {"auth_token": "env:ACME_TWILIO_TOKEN"},
    )
    options: dict[str, str | int | float | bool] = _key(
        "What only this provider knows (Telnyx: `connection_id`).", {"connection_id": "1494404757140276705"}
    )


class NumberTable(Table):
    """A caller ID."""

    e164: E164Number = _key("The number with country code. Cannot be changed later.", "+12025550143")
    tenant: Name = _key("Whose number it is. Cannot be changed later.", "acme")
    connection: Name = _key("The one connection its calls go through.", "acme-us")
    state: Literal["active", "inactive", "released"] = _key(
        "`inactive`: out of use for a while. `released`: given back to the carrier, its sticky assignments void.",
        "active",
    )
    paused: bool = _key("No new starts from it, in any campaign.", False)
    allowed_countries: list[Country] = _key("Contacts' countries it may call. Unset or empty = everywhere.", ["US"])
    max_calls_24h: Annotated[int, Field(ge=0, le=1_000_000)] = _key(
        "Hard cap of calls in 24 h over all campaigns. 0 = off.", 250
    )
    volume_budget_24h: Annotated[int, Field(ge=0, le=1_000_000)] = _key(
        "Calls in 24 h above which it rests. Unset = the campaign's `rotation.volume_budget_24h`; 0 = off.", 80
    )
    number_type: Literal["long_code", "toll_free", "mobile"] = _key("Unset = as its digits say.", "mobile")
    time_zone: Zone = _key("Where it counts as being. Unset = as its digits say.", "America/New_York")


class StickyTable(Table):
    """One contact keeps seeing one number."""

    enabled: bool = _key("Switching it off makes all assignments of the campaign void at once.", True)
    bind_on: Literal["reached", "placed"] = _key("When an assignment is made.", "reached")
    when_flagged: Literal["replace", "keep"] = _key("What it does once its number is spam-flagged.", "replace")
    ttl_s: Seconds = _key("Life time in seconds since the last accepted call. 0 = for ever.", 691200)
    max_wait_s: Seconds = _key("Longest wait, in seconds, for its own busy number.", 600)


class SelectionTable(Table):
    """Which number may be drawn."""

    prefer_country_match: bool = _key("Numbers of the contact's country first, then those of a near time zone.", True)
    geomatch: bool = _key("Numbers of the contact's area code before all others.", True)
    near_time_zone_hours: Annotated[float, Field(ge=0, le=14)] = _key("What counts as near.", 1)
    tier_spill_after_s: Seconds | Literal["never"] = _key(
        'How long to wait for a matching but busy number, in seconds. 0 = not at all; "never" = go on waiting.', 30
    )
    skip_unhealthy: bool = _key("Resting numbers leave the draw while a healthy one is there.", True)
    long_code_weight: Weight = _key("Share of ordinary numbers. 0 removes them.", 1)
    toll_free_weight: Weight = _key("Share of toll-free numbers. 0 removes them.", 0)
    mobile_weight: Weight = _key("Share of mobile numbers. 0 removes them.", 1)


class RotationTable(Table):
    """How strongly the answer rate steers the draw."""

    volume_budget_24h: Annotated[int, Field(ge=0, le=1_000_000)] = _key(
        "Calls of one number in 24 h, over all campaigns, above which it rests. 0 = off.", 80
    )
    over_budget_factor: Annotated[float, Field(gt=0, le=1)] = _key(
        "What a resting number's value is multiplied with.", 0.33
    )
    rest_index: Annotated[float, Field(ge=0, le=1)] = _key("Below this index a number rests.", 0.6)
    exponent: Annotated[float, Field(ge=0, le=30)] = _key("6-14; higher = more calls for the better.", 10)
    prior: Annotated[float, Field(gt=0, le=1_000)] = _key("Expected answers that a number is trusted for at first.", 5)
    memory_slow: Annotated[float, Field(gt=0, le=100_000)] = _key("Slow memory, in expected answers.", 100)
    memory_fast: Annotated[float, Field(gt=0, le=100_000)] = _key("Fast memory, in expected answers.", 5)
    prior_fast: Annotated[float, Field(gt=0, le=1_000)] = _key("The prior of the fast memory.", 2)
    half_life_s: Annotated[float, Field(gt=0, le=31_536_000)] = _key(
        "Half-life of what is remembered, in seconds.", 86400
    )
    fast_margin: Annotated[float, Field(ge=1, le=10)] = _key(
        "How far the fast memory may lie above the slow one before it counts.", 1.25
    )
    warm_up: Annotated[int, Field(ge=0, le=10_000)] = _key("Finished attempts before a number's index counts.", 20)
    warm_up_lead: Annotated[float, Field(ge=0, le=1)] = _key(
        "How much better a number without attempts counts; falls to 0 over the warm-up. 0 = off.", 0.1
    )
    floor: Annotated[float, Field(ge=0, le=1)] = _key("Part of the calls that is spread evenly.", 0.05)
    max_share: Annotated[float, Field(gt=0, le=1)] = _key("Largest share of one number. Unset = off.", 0.8)
    baseline_half_life_s: Annotated[float, Field(gt=0, le=31_536_000)] = _key(
        "Half-life of the pool's baseline, in seconds.", 21600
    )


class PoolEntry(Table):
    """One number of a pool."""

    number: Name = Field(description="The number's name.", examples=["us-2"])
    base_weight: Weight = _key("The operator's own weight. 0 = only as primary or sticky.", 2.0)
    paused: bool = _key("Not drawn in this campaign.", True)


class CampaignTable(Table):
    """A list of contacts and the settings under which they are called."""

    tenant: Name = _key("Whose campaign it is. Cannot be changed later.", "acme")
    primary: Name = _key("The last fallback; joins the pool by being chosen.", "us-1")
    pool: Annotated[list[PoolEntry], NumberNames] = _key(
        "All its numbers: names, or `{number, base_weight, paused}`. Members that stay keep what is not written.",
        ["us-1", "us-2"],
    )
    max_calls: MaxCalls = _key("Most calls at once. 0 = no new starts; unset = no limit of its own.", 50)
    paused: bool = _key("No new starts.", False)
    preset: Literal["campaign", "carrier"] = _key(
        "Defaults under the campaign's own settings. `carrier`: bind on placed, keep when flagged, toll-free weight 0.",
        "carrier",
    )
    calling_hours: CallingHours = _key(
        'Contact-local opening hours, or "always". Unset = every day 09:00 to 20:00.',
        {"days": "mon-fri", "start": "09:00", "end": "20:00"},
    )
    fallback_time_zone: Zone = _key(
        "Where a contact counts as being whose zone nobody knows. Unset = such contacts are not called.",
        "America/Chicago",
    )
    attempt_ttl_s: Annotated[float, Field(ge=1, le=31_536_000)] = _key(
        "An attempt without `not_after` expires so many seconds after it was received.", 86400
    )
    ring_timeout_s: Annotated[int, Field(ge=5, le=120)] = _key("How long it rings, in seconds.", 30)
    max_duration_s: Annotated[int, Field(ge=30, le=7_200)] = _key("Longest call, in seconds.", 1800)
    machine_detection: Literal["off", "detect"] = _key(
        "Whether the carrier listens for an answering machine.", "detect"
    )
    record: bool = _key("Whether the carrier records the call.", False)
    voicemail_is_reached: bool = _key("A machine that answers counts as reaching the contact.", True)
    machine_counts_as_answer: bool = _key("A machine that answers is a success of the number.", True)
    optional_events: list[Literal["accepted", "placed", "answered"]] = _key(
        "Published besides the events that always are.", ["placed"]
    )
    answer: Instructions = _key(
        "Per provider, what the carrier does on answer; the job's own goes first.",
        {"twilio": {"url": "https://example.com/answer"}},
    )
    sticky: StickyTable = _key("One contact keeps seeing one number.", {})
    selection: SelectionTable = _key("Which number may be drawn.", {})
    rotation: RotationTable = _key("How strongly the answer rate steers the draw.", {})


TABLES: dict[Kind, type[Table]] = {
    Kind.TENANT: TenantTable,
    Kind.CONNECTION: ConnectionTable,
    Kind.NUMBER: NumberTable,
    Kind.CAMPAIGN: CampaignTable,
}
NEVER_DEFAULT = frozenset({"e164", "tenant", "connection", "provider", "primary", "pool", "account"})
"""Keys that have no default to go back to: there the word "default" is only a word."""
NESTED = frozenset({"sticky", "selection", "rotation", "answer", "credentials", "options"})
"""Tables inside a table, merged key by key."""


def keys_below(model: type[Table], key: str) -> frozenset[str] | None:
    """The keys of a table inside a table; None = there is none, or it takes any key (a map)."""
    inner = model.model_fields[key].annotation if key in model.model_fields else None
    return frozenset(inner.model_fields) if isinstance(inner, type) and issubclass(inner, BaseModel) else None
