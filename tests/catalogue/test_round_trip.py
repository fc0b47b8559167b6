"""What `show` writes, `apply` reads back as the same; whatever the texts and numbers in it are."""

from __future__ import annotations

import tomllib

from hypothesis import example, given
from hypothesis import strategies as st

from outdial.catalogue.model import TABLES
from outdial.catalogue.read import read_catalogue
from outdial.catalogue.show import as_toml, named, tables
from outdial.catalogue.toml_text import document, inline
from outdial.rules.catalogue_rows import Kind
from tests.catalogue.files import BASE, OTHER_TENANT, after, plan_of

EVERYTHING = (
    BASE
    + OTHER_TENANT
    + """
[numbers.us-3]
e164 = "+18005550199"
tenant = "acme"
connection = "acme-us"
state = "inactive"
paused = true
allowed_countries = ["US", "CA"]
max_calls_24h = 10
volume_budget_24h = 0
number_type = "mobile"
time_zone = "America/New_York"

[campaigns.autumn]
tenant = "acme"
primary = "us-3"
pool = ["us-3", { number = "us-1", paused = true }]
preset = "carrier"
calling_hours = [{ days = "mon-fri", start = "09:00", end = "24:00" }, { days = "sat", start = "10:00", end = "12:30" }]
optional_events = ["placed", "answered"]
selection = { tier_spill_after_s = "never", near_time_zone_hours = 1.5 }
rotation = { max_share = 0.8, volume_budget_24h = 0 }
answer.twilio = { twiml = "<Response><Say>\\"Grüß Gott\\"\\n\\\\</Say></Response>" }
paused = true
max_calls = 0
"""
)


def test_what_is_shown_gives_the_same_catalogue_again() -> None:
    rows = after(EVERYTHING)
    shown = as_toml(tables(rows))
    assert after(shown) == rows
    assert not plan_of(shown, rows).changes
    assert as_toml(tables(after(shown))) == shown


def test_a_thing_is_shown_by_its_name_alone_or_with_its_kind() -> None:
    everything = tables(after(EVERYTHING))
    assert list(named(everything, "spring")) == ["campaigns"]
    assert named(everything, "campaigns.spring") == named(everything, "spring")
    assert named(everything, "numbers.spring") == {}
    assert list(tables(after(EVERYTHING), (Kind.TENANT,))) == ["tenants"]


def test_every_example_of_the_reference_is_valid() -> None:
    for kind, model in TABLES.items():
        for key, info in model.model_fields.items():
            for shown in info.examples or []:
                text = f"[{kind}.x]\n{key} = {inline(shown)}"
                if key not in ("sticky", "selection", "rotation"):
                    assert read_catalogue(text, "example").entries[kind, "x"].values[key] is not None


scalars = st.text() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


@example({"0\n": {"a": 1}})  # ends with a line of its own
@example({"a": {"0\n": 1}})
@given(st.dictionaries(st.text(), st.dictionaries(st.text(), values, max_size=4), min_size=1, max_size=3))
def test_whatever_is_written_is_read_back(things: dict[str, dict[str, object]]) -> None:
    assert tomllib.loads(document({"campaigns": things})) == {"campaigns": things}
