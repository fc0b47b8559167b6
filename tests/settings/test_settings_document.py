"""config.toml lists every setting with its default, no more and no less; every setting explains itself."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from outdial.settings import Settings
from outdial.settings.document import config_toml, json_schema
from outdial.settings.known import SETTINGS, Known
from outdial.settings.load import load

SHIPPED = Path(__file__).parents[2] / "config.toml"


def with_every_key_active() -> dict[str, object]:
    return tomllib.loads(re.sub(r"^# (?=[a-z_]+ = )", "", SHIPPED.read_text(), flags=re.MULTILINE))


def test_the_shipped_file_is_the_one_that_the_settings_describe() -> None:
    assert SHIPPED.read_text() == config_toml()


def test_the_shipped_file_lists_every_setting_with_its_default() -> None:
    tables = with_every_key_active()
    listed = {
        f"{group}.{key}" if isinstance(value, dict) else group
        for group, value in tables.items()
        for key in (value if isinstance(value, dict) else [group])
    }
    assert listed == set(SETTINGS)
    assert Settings.model_validate(tables) == Settings()


def test_the_shipped_file_changes_nothing_as_it_is() -> None:
    assert tomllib.loads(SHIPPED.read_text()) == {group: {} for group in tomllib.loads(SHIPPED.read_text())}
    assert load(SHIPPED).settings == Settings()


@pytest.mark.parametrize("known", SETTINGS.values(), ids=lambda known: known.path)
def test_a_setting_explains_itself(known: Known) -> None:
    assert known.info.description
    assert known.why
    if known.info.annotation in (int, float) and known.key != "port":
        assert known.unit, "its unit"
    if known.info.annotation in (int, float):
        assert known.info.metadata, "its range"
    for suffix, unit in (("_s", "seconds"), ("_ms", "milliseconds"), ("_days", "days"), ("_bytes", "bytes")):
        if known.key.endswith(suffix):
            assert known.unit == unit


def test_the_json_schema_is_valid_and_refuses_unknown_keys() -> None:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"database": {"pool_max_size": 5}})
    assert not validator.is_valid({"database": {"pool_maximum": 5}})
    assert not validator.is_valid({"databse": {}})
