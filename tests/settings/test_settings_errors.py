"""Every mistake is found at once, each with its place, key, value (secrets masked) and cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from outdial.settings.known import SETTINGS
from outdial.settings.load import load
from outdial.settings.problems import BadSettings


def complaints(config: Path | None = None) -> list[str]:
    with pytest.raises(BadSettings) as caught:
        load(config)
    return [str(problem) for problem in caught.value.problems]


def in_file(tmp_path: Path, text: str) -> tuple[Path, list[str]]:
    config = tmp_path / "c.toml"
    config.write_text(text)
    return config, [line.removeprefix(f"{config}: ") for line in complaints(config)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[databse]\nurl = 'x'", "databse: there is no such setting (did you mean database?)"),
        ("profil = 'x'", "profil: there is no such setting (did you mean profile?)"),
        ("[database]\nulr = 'x'", "database.ulr: there is no such setting (did you mean database.url?)"),
        (
            "[internal]\nport = 99999",
            "internal.port = 99999: input should be less than or equal to 65535 (default 9090)",
        ),
        (
            "[dispatch]\nrequest_timeout_s = 'soon'",
            'dispatch.request_timeout_s = "soon": input should be a valid number, unable to parse string as a number',
        ),
        (
            "profile = 'prod'",
            "profile = \"prod\": input should be 'development' or 'production' (default \"development\")",
        ),
        ("database = 5", "database: is a table of settings (write [database] and its keys below)"),
        ("[database]\nurl = 5", "database.url = ***: input should be a valid string (default"),
        ("[internal\nport = 1", "syntax: this is no TOML: "),
        ("[database]\npool_min_size = 11", "database.pool_min_size = 11: is more than pool_max_size (lower it)"),
        ("[internal]\nport = 8080", "internal.port = 8080: is the public port, too (two ports: one is public)"),
        (
            "[rabbitmq]\nurl = 'http://u:hunter2@h/'",
            "rabbitmq.url = http://u:***@h/: is no such address (write amqp://user@host/…)",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_cure(tmp_path: Path, text: str, complaint: str) -> None:
    _, (line,) = in_file(tmp_path, text)
    assert line.startswith(complaint)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("OUTDIAL_DATABSE__URL", "environment OUTDIAL_DATABSE__URL: no setting is called so (did you mean OUTDIAL_DATABASE__URL?)"),
        ("OUTDIAL_DATABASE__ULR", "environment OUTDIAL_DATABASE__ULR: no setting is called so (did you mean OUTDIAL_DATABASE__URL?)"),
        ("OUTDIAL_DATABASE_URL", "environment OUTDIAL_DATABASE_URL: no setting is called so (did you mean OUTDIAL_DATABASE__URL?)"),
        ("OUTDIAL_PROFIL", "environment OUTDIAL_PROFIL: no setting is called so (did you mean OUTDIAL_PROFILE?)"),
        ("OUTDIAL_DATABASE", "environment OUTDIAL_DATABASE: database: is a whole group (set one of its keys: OUTDIAL_DATABASE__…)"),
    ],
)  # fmt: skip
def test_a_misspelt_environment_name_is_refused(name: str, complaint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "hunter2")
    assert complaints() == [complaint]


def test_a_misspelt_secret_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "database__ulr").write_text("hunter2")
    monkeypatch.setenv("OUTDIAL_SECRETS_DIR", str(tmp_path))
    assert complaints() == [
        f"secrets directory {tmp_path}: database__ulr: no setting is called so (did you mean database__url?)"
    ]


def test_all_mistakes_of_all_sources_are_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUTDIAL_INTERNAL__PORT", "many")
    monkeypatch.setenv("OUTDIAL_NONSENSE", "1")
    config = tmp_path / "c.toml"
    config.write_text("[database]\nulr = 'x'\npool_max_size = 1\n[dispatch]\nplace_within_s = -1\n")
    lines = complaints(config)
    assert len(lines) == 5
    for name in (
        "OUTDIAL_NONSENSE",
        "database.ulr",
        "database.pool_max_size",
        "dispatch.place_within_s",
        "OUTDIAL_INTERNAL__PORT",
    ):
        assert any(name in line for line in lines), name


def test_a_secrets_value_is_never_repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUTDIAL_RABBITMQ__URL", "amqp://user:hunter2@[broken/")
    monkeypatch.setenv("OUTDIAL_DATABASE__URL", "hunter2")
    text = "\n".join(complaints())
    assert "rabbitmq.url" in text
    assert "database.url" in text
    assert "hunter2" not in text


def test_no_error_text_of_any_setting_repeats_pydantics_input(monkeypatch: pytest.MonkeyPatch) -> None:
    for known in SETTINGS.values():
        if known.info.annotation in (int, float, bool):
            monkeypatch.setenv(known.environment_name, "not a value")
    lines = complaints()
    assert len(lines) == sum(known.info.annotation in (int, float, bool) for known in SETTINGS.values())
    assert all("default" in line for line in lines)
