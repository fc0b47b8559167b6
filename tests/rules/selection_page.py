"""Writes docs/reference/selection.md from the code: `python -m tests.rules.selection_page`. A test compares them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from math import inf

from outdial.catalogue.model import NumberTable, PoolEntry, SelectionTable, StickyTable, Table
from outdial.catalogue.policies import PRESETS
from outdial.operator.hints import SKIPS, TIERS
from outdial.rules.policy import SelectionPolicy, StickyPolicy
from outdial.rules.selection import LOOK_AGAIN_S
from tests.support.pages import REFERENCE, table

PAGE = REFERENCE / "selection.md"

INTRODUCTION = """# Selection

Which number calls a contact. Every attempt is a pick of its own, made when it is dialled (`src/outdial/rules/selection.py`,
a function of the pool, the contact, its sticky assignment, what is busy, the clock and one random number). This page is
written from the code. What a pick made of all this: `outdial explain ATTEMPT`; what the next one would: `outdial pick`.

## Gates, in order

| gate | what it does |
| --- | --- |
| 1. eligibility | Numbers that must not call this contact are skipped: they never enter the pick, not for the first call, not as sticky number, not as primary. The one exception is a sticky number that is kept although flagged (`sticky.when_flagged = "keep"`). |
| 2. sticky | If the contact has a number of its own that holds and may call, it calls, whatever its weight, tier and health. If its connection has no room, the attempt waits for it at most `sticky.max_wait_s`; then another number calls, this time only. |
| 3. tiers | Numbers that look local to the contact come first. If some match but none has room, the attempt waits for them `tier_spill_after_s`, then the next tier is tried too. A tier all of whose connections were busy in a better one is passed over. |
| 4. skip_unhealthy | If asked for, resting numbers leave the tier while a healthy one belongs to it, even one without room: the attempt waits rather than call from a resting number. If all rest, all stay. |
| 5. weighted draw | One random number picks among the tier's numbers with room. |
| 6. primary | If no tier has a number of any weight that may call, the primary calls, if it may. |
"""

DRAW = """## The draw

    probability ~ base weight x weight of its type x (0.95 x w / sum of w + 0.05 / n)

over the n numbers of the tier that have room; w is the rotation weight, see [rotation](../explanation/rotation.md). A
base weight or a type weight of 0 removes a number from every draw: it calls as sticky number or as primary only. It is a
draw, not a round robin, and two contacts may share a number.
"""

NOBODY = f"""## When nobody calls

| blocker | when | what ends it |
| --- | --- | --- |
| `sticky_number_busy` | the contact's own number may call but has no room | room on its connection, or `sticky.max_wait_s` |
| `tier_busy` | numbers of a tier match, none has room, and the next tier could help | room on their connections, or `tier_spill_after_s` |
| `connections_at_capacity` | nobody has room, and no other tier could help | room on any of their connections |
| `no_eligible_number` | nobody may call, the primary neither | a change of the catalogue or of a number's health; looked at every {LOOK_AGAIN_S:g} s |
| `numbers_at_daily_cap` | the same, and a number is out only because of its own `max_calls_24h` | the same |

A number on a connection that is paused, full, held back by its carrier or switched off by its circuit is busy, not
skipped. When nobody may call, an event says so, once a minute for each campaign: `campaign.no_eligible_number` or
`campaign.numbers_at_daily_cap`. A wait that something else interrupts (calling hours, a pause) goes on where it stopped. All [blockers](blockers.md).
"""

RECORD_KEYS: Mapping[str, str] = {
    "v": "version of this layout",
    "picture": "hash of the stored picture of the pool: members, weights, skips, policy",
    "policy": "version of the campaign's policy",
    "at": "when, Unix seconds",
    "contact": "country, area code and zones of the contact; never its number",
    "tier": "the tier that found the number",
    "number": "the number's name",
    "u": "the random number, in [0, 1); only of a draw",
    "p": "how probable this number was",
    "of": "among how many",
    "passed": "better tiers that matched but had no room",
    "busy": "connections of the pool without room",
    "without": "providers without an answer instruction",
    "sticky": "the assignment as it was seen, and what was made of it",
    "excluded": "numbers that were out for this attempt only",
    "waits": "what the attempt had waited for so far",
}
RECORD = """## The decision record

About 500 bytes whatever the pool's size. More than eight names are written as one hexadecimal number: its bit n stands
for the n-th name of the picture, in order. `outdial explain ATTEMPT --replay` makes the pick again from it.
"""


def render() -> str:
    """The whole page."""
    return "\n".join(
        [
            INTRODUCTION,
            "## Skip reasons\n\nThe first that holds is named.\n",
            table(("reason", "when"), ((f"`{reason}`", says) for reason, says in SKIPS.items())),
            "## Tiers\n",
            table(("tier", "numbers"), ((f"`{tier}`", says) for tier, says in TIERS.items())),
            "What belongs to a country, an area code or a time zone: [phone numbers](phone-numbers.md).\n",
            DRAW,
            NOBODY,
            "## Settings\n\nOf a campaign, in its tables `sticky` and `selection`; `preset` lies below them.\n",
            table(("key", "default", 'with preset "carrier"', "meaning"), _policy_rows()),
            "Of a number and of its membership in a pool:\n",
            table(("key", "meaning"), _number_rows()),
            "The spam threshold is the platform's, not a campaign's.\n",
            RECORD,
            table(("key", "what"), ((f"`{key}`", what) for key, what in RECORD_KEYS.items())),
        ]
    )


def _policy_rows() -> Iterator[Sequence[str]]:
    for name, written, defaults in (
        ("sticky", StickyTable, StickyPolicy()),
        ("selection", SelectionTable, SelectionPolicy()),
    ):
        preset = PRESETS["carrier"].get(name, {})
        assert isinstance(preset, Mapping)
        for field in fields(defaults):
            if field.name in written.model_fields:
                default = getattr(defaults, field.name)
                other = preset.get(field.name, default)
                changed = "" if other == default else f"`{_value(other)}`"
                yield f"`{name}.{field.name}`", f"`{_value(default)}`", changed, _meaning(written, field.name)


def _value(value: object) -> str:
    if isinstance(value, StrEnum):
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return '"never"' if value == inf else f"{value:.0f}" if value.is_integer() else str(value)
    return f'"{value}"'


def _number_rows() -> Iterator[Sequence[str]]:
    for written, keys in (
        (NumberTable, ("state", "paused", "allowed_countries", "max_calls_24h", "number_type", "time_zone")),
        (PoolEntry, ("base_weight", "paused")),
    ):
        for key in keys:
            yield f"`{'pool.' if written is PoolEntry else ''}{key}`", _meaning(written, key)


def _meaning(written: type[Table], key: str) -> str:
    return written.model_fields[key].description or ""


if __name__ == "__main__":
    PAGE.write_text(render())
