"""`outdial config`: what holds, where it came from, secrets masked, 78 when anything is wrong."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from outdial.cli.main import main
from outdial.settings.document import config_toml
from outdial.settings.known import SETTINGS


def test_check_prints_every_setting_with_its_source_and_masks_secrets(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OUTDIAL_DATABASE__URL", "postgresql://u:hunter2@db/x")
    config = tmp_path / "c.toml"
    config.write_text("[internal]\nport = 9999\n")
    assert main(["config", "check", "--config", str(config)]) == 0
    out, err = capsys.readouterr()
    lines = {line.split()[0]: line for line in out.splitlines()[1:]}
    assert set(lines) == set(SETTINGS)
    assert "postgresql://u:***@db/x" in lines["database.url"]
    assert lines["database.url"].endswith("environment OUTDIAL_DATABASE__URL")
    assert lines["internal.port"].split()[1:] == ["9999", str(config)]
    assert lines["internal.host"].endswith("default")
    assert "hunter2" not in out + err
    assert "can be used" in err


def test_check_as_json_is_data_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["setting"] for row in rows} == set(SETTINGS)
    assert all(row["source"] == "default" for row in rows)


def test_bad_settings_are_listed_and_exit_with_78(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTDIAL_DATABASE__ULR", "postgresql://u:hunter2@db/x")
    monkeypatch.setenv("OUTDIAL_INTERNAL__PORT", "none")
    assert main(["config", "check"]) == 78
    out, err = capsys.readouterr()
    assert out == ""
    assert "2 problems" in err
    assert "did you mean OUTDIAL_DATABASE__URL?" in err
    assert "internal.port" in err
    assert "hunter2" not in err


def test_schema_and_template_are_printed_even_when_the_settings_are_bad(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTDIAL_NONSENSE", "1")
    assert main(["config", "schema"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["database"]
    assert main(["config", "template"]) == 0
    text = capsys.readouterr().out
    assert text == config_toml()
    assert tomllib.loads(text)
